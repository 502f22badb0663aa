"""What the end of a call or of a child makes of it: again, the step's end, the loop's next item."""

import msgspec

from engine.messages import StepFailure
from engine.plan import ChildStep, Plan, RunStep
from engine.run import keys, outputs
from engine.run.calls import Calls, back_off
from engine.run.commands import Ended
from engine.run.endings import Endings, in_words
from engine.run.in_flight import InFlight
from engine.run.journal import Journal
from engine.run.loop_state import Loops, LoopStep
from engine.run.run_memory import Flight, Memory
from engine.run.undo import Undo

PATIENCE = 10
"""Attempts where the worker or the runner was lost, which the capability cannot help."""
_LOST = frozenset(("WORKER_LOST", "RUNNER_UNAVAILABLE"))
_AGAIN = frozenset(("RETRYABLE", "RATE_LIMIT"))
_CHILD_ENDS = {
    "rejected": ("CHILD_REJECTED", "a gate of the child blueprint was rejected"),
    "timed_out": ("CHILD_TIMED_OUT", "a gate or a signal of the child blueprint timed out"),
    "cancelled": ("CHILD_CANCELLED", "the child was cancelled on its own"),
}


class CallEnds:
    """Takes in the ends of calls and children.

    A child whose run did not succeed fails its step, for a `blueprint` step can be neither
    rejected nor timed out: with the code of the child's own error where its run failed, else
    CHILD_REJECTED, CHILD_TIMED_OUT or CHILD_CANCELLED. `tolerate` and `needs: {x: failed}` work on
    it as on any other step.
    """

    def __init__(
        self,
        plan: Plan,
        memory: Memory,
        endings: Endings,
        flights: InFlight,
        calls: Calls,
        loops: Loops,
        undo: Undo,
        journal: Journal,
    ) -> None:
        self._plan = plan
        self._memory = memory
        self._endings = endings
        self._flights = flights
        self._calls = calls
        self._loops = loops
        self._undo = undo
        self._journal = journal

    def ended(self, key: str, flight: Flight, ended: Ended, now: int) -> None:
        """A call or a child has ended: once more, or for good."""
        target = keys.target(key)
        failure = _failure(flight, ended)
        for warning in ended.warnings:
            self._endings.warn(f"{key}: {warning}")
        if target.purpose == "step":
            record = self._memory.steps[target.step]
            record.attempts += failure is None or failure.started
            record.runner = ended.runner or record.runner
        if failure is not None and self._try_again(key, flight, failure, now):
            return
        self._memory.retries.pop(key, None)
        if target.purpose == "notify":
            self._notice_ended(target.step, ended, failure)
        elif target.purpose == "undo":
            self._undo_ended(key, failure, now)
        elif target.item is None:
            self._single_ended(key, flight, ended, failure, now)
        else:
            self._item_ended(target.step, target.item, flight, ended, failure, now)

    def go_on_with_loop(self, key: str, step: LoopStep, now: int) -> None:
        """Start the items there is room for; end the step where none is left."""
        halted = self._endings.halted and key in self._endings.main.steps
        if not halted:
            for item in self._loops.next_items(key, step.concurrency):
                self._flights.ask_for(item)
        if self._loops.over(key) or (halted and self._loops.halted(key)):
            self._close_loop(key, step, now, halted=halted)

    def _try_again(self, key: str, flight: Flight, failure: StepFailure, now: int) -> bool:
        if flight.stopped or flight.kind != "call" or failure.category not in _AGAIN:
            return False
        retry = self._calls.retry(key)
        attempt = self._memory.retries.get(key, 1)
        if attempt >= max(retry.attempts, PATIENCE if failure.code in _LOST else 1):
            return False
        wait = back_off(retry, attempt, failure.retry_after_ms)
        until = now + min(wait, self._plan.max_duration_ms)
        limit = self._calls.run_deadline(key)
        self._memory.retries[key] = attempt + 1
        self._flights.timer(key, until if limit is None else min(until, limit), "retry")
        text = f"{key}: attempt {attempt} failed: {in_words(failure)}; again in {wait / 1000:g} s"
        self._journal.add(now, "step.retry", text, step=keys.target(key).step)
        return True

    def _single_ended(
        self, key: str, flight: Flight, ended: Ended, failure: StepFailure | None, now: int
    ) -> None:
        if failure is None:
            self._endings.succeed(key, ended.output, now)
        elif flight.stopped:
            error = failure if ended.outcome == "failed" else None
            why = "it was stopped while it ran"
            self._endings.end(key, "cancelled", now, error=error, reason=why)
        else:
            self._endings.fail(key, failure, now)

    def _item_ended(
        self,
        key: str,
        index: int,
        flight: Flight,
        ended: Ended,
        failure: StepFailure | None,
        now: int,
    ) -> None:
        if failure is None:
            self._loops.succeeded(key, index, ended.output)
            words = "succeeded"
        elif flight.stopped:
            self._loops.cancelled(key, index)
            words = "was cancelled"
        else:
            self._loops.failed(key, index, failure)
            words = f"failed: {in_words(failure)}"
        self._journal.add(now, "item.ended", f"{keys.of_item(key, index)} {words}", step=key)
        step = self._endings.all[key]
        if isinstance(step, RunStep | ChildStep):
            self.go_on_with_loop(key, step, now)

    def _close_loop(self, key: str, step: LoopStep, now: int, *, halted: bool) -> None:
        record = self._memory.loops[key]
        failure = self._loops.failure(key)
        cut_short = halted and (bool(record.cancelled) or record.next < record.count)
        if failure is None and not cut_short:
            items, record.outputs = record.outputs, []
            self._endings.end(key, "succeeded", now, output=items)
            return
        if step.undo is None:
            self._loops.drop_outputs(key)
        if cut_short:
            why = "it was stopped while it ran"
            self._endings.end(key, "cancelled", now, error=failure, reason=why)
        elif failure is not None:
            self._endings.fail(key, failure, now)

    def _notice_ended(self, gate: str, ended: Ended, failure: StepFailure | None) -> None:
        record = self._memory.gates[gate]
        notice = record.notices.pop(0)
        if failure is not None:
            why = in_words(failure)
            self._endings.warn(f"gate {gate}: the notice '{notice.name}' failed: {why}")
        elif record.told is msgspec.UNSET:
            size = outputs.size_of(ended.output)
            if not (outputs.too_large(size) or outputs.keep(self._memory, size)):
                record.told = ended.output
        if record.notices:
            self._flights.ask_for(keys.of_notice(gate, record.notices[0].name))

    def _undo_ended(self, key: str, failure: StepFailure | None, now: int) -> None:
        self._undo.ended(None if failure is None else in_words(failure))
        name = key.removeprefix("undo/")
        text = f"{name} undone" if failure is None else f"{name} not undone: {in_words(failure)}"
        self._journal.add(
            now,
            "undo.done" if failure is None else "undo.failed",
            text,
            step=keys.target(key).step,
        )


def _failure(flight: Flight, ended: Ended) -> StepFailure | None:
    if ended.outcome == "succeeded":
        return None
    if ended.failure is not None:
        return ended.failure
    if flight.kind == "child" and ended.outcome in _CHILD_ENDS:
        code, message = _CHILD_ENDS[ended.outcome]
    else:
        code, message = "CANCELLED", f"it {ended.outcome.replace('_', ' ')} without a reason"
    return StepFailure(code=code, message=message, category="FATAL")
