"""The commands for what is in flight, worked out from the plan: launched, retried, restored."""

from collections.abc import Mapping

import msgspec

from engine import instants
from engine.errors import ExpressionFailed
from engine.expressions import evaluate
from engine.plan import Call, ChildStep, GateStep, Json, Plan, Retry, RunStep, Step
from engine.run import keys
from engine.run.commands import AskFlag, CallCapability, Command, StartChild, StartTimer
from engine.run.loop_state import Loops
from engine.run.read_names import Names, ReadNames, deciding
from engine.run.run_memory import Flight, Memory

_ONCE = Retry()


class Calls:
    """Knows for each key what to run, with which values, for how long, how often."""

    def __init__(
        self, plan: Plan, steps: Mapping[str, Step], memory: Memory, names: ReadNames, loops: Loops
    ) -> None:
        self._plan = plan
        self._steps = steps
        self._memory = memory
        self._names = names
        self._loops = loops
        self._undone_loop: tuple[str, Names] | None = None
        self._deadline = memory.info.started_at_ms + plan.max_duration_ms

    def run_deadline(self, key: str) -> int | None:
        """When the run's time is up; None for undo, `finally` and notices, which go on."""
        return None if "/" in key else self._deadline

    def flight(self, key: str, now: int) -> Flight:
        """What will be kept of a call or child that is launched now."""
        target = keys.target(key)
        step = self._steps[target.step]
        limit = self.run_deadline(key)
        if target.purpose == "step" and isinstance(step, ChildStep):
            left = _clip(step.timeout_ms, limit, now)
            return Flight(kind="child", timeout_ms=left, deadline_ms=limit)
        if target.purpose == "step" and isinstance(step, RunStep):
            timeout: int | None = step.timeout_ms
        else:
            call = self._call_of(target.purpose, step)
            timeout = self._plan.capabilities[call.capability].timeout_ms
        return Flight(kind="call", timeout_ms=_clip(timeout, limit, now), deadline_ms=limit)

    def command(self, key: str, flight: Flight) -> Command:
        """The command of what is in flight; ExpressionFailed where its values cannot be had."""
        if flight.kind == "timer":
            return StartTimer(key=key, until_ms=flight.until_ms)
        target = keys.target(key)
        step = self._steps[target.step]
        if flight.kind == "flag":
            severity = self._memory.context.get("incident_severity")
            return AskFlag(
                key=key, flag=(isinstance(step, GateStep) and step.flag_of(severity)) or ""
            )
        names = self._names_for(target, step)
        if flight.kind == "child" and isinstance(step, ChildStep):
            inputs = evaluate(step.with_, names) if step.with_ else {}
            return StartChild(
                key=key,
                step=target.step,
                blueprint=step.blueprint,
                inputs=inputs,
                timeout_ms=flight.timeout_ms,
                deadline_ms=flight.deadline_ms,
            )
        call = self._call_of(target.purpose, step)
        return CallCapability(
            key=key,
            step=target.step,
            call=call,
            input=evaluate(call.with_, names) if call.with_ else {},
            config=evaluate(call.config, names) if call.config else {},
            secrets=call.secrets,
            timeout_ms=flight.timeout_ms or 1,
            attempt=self._memory.retries.get(key, 1),
            purpose=target.purpose,
            deadline_ms=flight.deadline_ms,
        )

    def retry(self, key: str) -> Retry:
        """How often this key's attempts are repeated."""
        target = keys.target(key)
        step = self._steps[target.step]
        if target.purpose == "step":
            return step.retry if isinstance(step, RunStep) else _ONCE
        return self._plan.capabilities[self._call_of(target.purpose, step).capability].retry

    def has_undo(self, key: str) -> bool:
        """Whether the step says how it is undone."""
        step = self._steps[key]
        return isinstance(step, RunStep | ChildStep) and step.undo is not None

    def left_something(self, key: str) -> bool:
        """Whether a step that has ended succeeded, at least in part, and did more than read."""
        step = self._steps[key]
        if not isinstance(step, RunStep | ChildStep):
            return False
        if self._memory.steps[key].outcome != "succeeded" and (
            key not in self._memory.loops or self._loops.to_undo(key, None) is None
        ):
            return False
        if step.undo is not None:
            return True
        if isinstance(step, ChildStep):
            return _writes(self._plan, step.blueprint, set())
        return self._effect(step) != "read"

    def _effect(self, step: RunStep) -> str:
        try:
            name = evaluate(self._plan.runbook_named(step.call), self._names.all)
        except ExpressionFailed:  # it reads `item`, so it is another runbook for each
            name = None
        return self._plan.effect(step.call, name)

    def _call_of(self, purpose: keys.Purpose, step: Step) -> Call:
        call: Call | None = None
        if purpose == "notify" and isinstance(step, GateStep):
            call = step.notify
        elif purpose == "undo" and isinstance(step, RunStep | ChildStep):
            call = step.undo
        elif isinstance(step, RunStep):
            call = step.call
        if call is None:
            raise ExpressionFailed(f"the step {step.id} runs no capability here")
        return call

    def _names_for(self, target: keys.Target, step: Step) -> Names:
        if target.purpose == "notify":
            return self._names.of_gate(self._gate_names(target))
        if target.item is None or not isinstance(step, RunStep | ChildStep):
            return self._names.all
        item = self._loops.item(target.step, step, target.item)
        base = self._undone_names(target.step) if target.purpose == "undo" else None
        return self._names.of_item(item, target.item, base)

    def _undone_names(self, step: str) -> Names:
        """A loop that did not succeed has no output; its undo may read what its items gave."""
        if self._memory.steps[step].outcome == "succeeded":
            return self._names.all
        if self._undone_loop is None or self._undone_loop[0] != step:
            outputs = self._memory.loops[step].outputs
            self._undone_loop = (step, self._names.of_undone_loop(step, outputs))
        return self._undone_loop[1]

    def _gate_names(self, target: keys.Target) -> dict[str, Json]:
        record = self._memory.gates[target.step]
        notice = next(n for n in record.notices if n.name == target.notice)
        names: dict[str, Json] = {
            "event": notice.event,
            "state": notice.state,
            "ask": record.ask,
            "approvers": notice.approvers,
            "deadline": instants.render(notice.deadline_ms),
            "path": target.step,
            "digest": self._memory.info.digest,
        }
        if notice.event == "closed" and (decision := deciding(record)) is not None:
            names["decision"] = decision
        if record.told is not msgspec.UNSET:
            names["notice"] = record.told
        return names


def back_off(retry: Retry, attempt: int, retry_after_ms: int | None) -> int:
    """Milliseconds to wait after this attempt: the policy's, and at least what was asked for."""
    try:
        wait = min(retry.first_ms * retry.factor ** (attempt - 1), retry.max_ms)
    except OverflowError:
        wait = retry.max_ms
    return max(int(wait), retry_after_ms or 0)


def _clip(timeout_ms: int | None, limit: int | None, now: int) -> int | None:
    if limit is None:
        return timeout_ms
    left = max(limit - now, 1)
    return left if timeout_ms is None else min(timeout_ms, left)


def _writes(plan: Plan, blueprint: str, seen: set[str]) -> bool:
    """Whether a child, or a child of it, runs anything that does more than read."""
    if blueprint in seen:
        return False
    seen.add(blueprint)
    return any(
        _writes(plan, step.blueprint, seen)
        if isinstance(step, ChildStep)
        else isinstance(step, RunStep)
        and plan.effect(step.call, plan.runbook_named(step.call)) != "read"
        for _, step in plan.children[blueprint].every_step()
    )
