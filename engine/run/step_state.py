"""The life of each step up to its end: started when its needs have ended, or halted."""

import msgspec

from engine.errors import ExpressionFailed
from engine.expressions import condition, evaluate
from engine.messages import GateState, StepFailure
from engine.plan import ChildStep, GateStep, Json, Plan, RunStep, SetStep, Step, WaitStep
from engine.run import outputs
from engine.run.call_ends import CallEnds
from engine.run.calls import Calls
from engine.run.commands import Ended
from engine.run.endings import Endings
from engine.run.gate_state import Gates
from engine.run.graph import Graph
from engine.run.in_flight import InFlight
from engine.run.journal import Journal
from engine.run.loop_state import Loops
from engine.run.read_names import ReadNames
from engine.run.run_memory import EarlySignal, Flight, Memory, StepRecord
from engine.run.undo import Undo


class Steps:
    """All steps of a run, those of `finally` included."""

    def __init__(self, plan: Plan, memory: Memory) -> None:
        self._plan = plan
        self._memory = memory
        self.main, self.last = Graph(plan.steps), Graph(plan.finally_, "finally/")
        self.all: dict[str, Step] = {**self.main.steps, **self.last.steps}
        self.journal = Journal()
        self.names = ReadNames(memory)
        self.flights = InFlight(memory)
        self._loops = Loops(memory, lambda step: evaluate(step.foreach, self.names.all))
        self.calls = Calls(plan, self.all, memory, self.names, self._loops)
        self.undo = Undo(memory, self.calls.has_undo, self._loops.to_undo)
        self.endings = Endings(memory, self.main, self.last, self.names, self.calls, self.journal)
        self._call_ends = CallEnds(
            plan,
            memory,
            self.endings,
            self.flights,
            self.calls,
            self._loops,
            self.undo,
            self.journal,
        )
        gates = {key: step for key, step in self.all.items() if isinstance(step, GateStep)}
        self.gates = Gates(
            memory,
            gates,
            self.flights,
            self.journal,
            self.calls.run_deadline,
            self._gate_closed,
            self.endings.can_be_read,
        )
        self._signals = {
            step.signal for step in self.all.values() if isinstance(step, WaitStep) and step.signal
        }

    def begin(self, graph: Graph) -> None:
        """Have the steps that wait for nothing start."""
        self.endings.ready.extend(graph.first())

    def go_on(self, now: int) -> None:
        """Start all that can start."""
        ready = self.endings.ready
        while True:
            if ready:
                self._start(ready.popleft(), now)
                continue
            key = self.flights.next_call()
            if key is None:
                return
            self._launch(key, now)

    def call_ended(self, key: str, flight: Flight, ended: Ended, now: int) -> None:
        """A call or a child has ended."""
        self._call_ends.ended(key, flight, ended, now)

    def timer_rang(self, key: str, flight: Flight, now: int) -> None:
        """A timer has run out."""
        if flight.why == "retry":
            self.flights.ask_for(key)
        elif flight.why == "wait":
            self.endings.end(key, "succeeded", now, output=None)
        elif flight.why == "signal":
            self._no_longer_waiting(key)
            self.endings.end(key, "timed_out", now, reason="no signal came in time")
        else:
            self.gates.time_ran_out(key, now)

    def signal(self, name: str, payload: Json, now: int) -> None:
        """Give it to the first step that waits for it, else keep it in its order."""
        if name not in self._signals:
            text = f"signal {name[:100]}: no step waits for a signal of this name"
            self.journal.add(now, "signal.ignored", text)
            return
        self.journal.add(now, "signal", f"signal {name}")
        size = outputs.size_of(payload)
        problem = outputs.too_large(size, "the signal's payload") or outputs.keep(
            self._memory, size
        )
        signal = EarlySignal(payload=None if problem else payload, too_large=problem)
        waiting = self._memory.waiting.get(name)
        if not waiting:
            self._memory.signals.setdefault(name, []).append(signal)
            return
        key = waiting.pop(0)
        self.flights.stop(key)
        self._take_signal(key, signal, now)

    def halt(self, why: str, now: int) -> None:
        """Stop every step that has not ended; calls and children still come to their end."""
        for key in self.flights.take_back():
            if not self.flights.stop(key):
                self._never_mind(key, now)
        for key, step in self.main.steps.items():
            record = self._memory.steps.get(key)
            if record is None:
                self.endings.end(key, "cancelled", now, reason=why)
            elif record.outcome is None and isinstance(step, GateStep):
                self.gates.cancel(key, now)
            elif record.outcome is None and isinstance(step, WaitStep):
                self.flights.stop(key)
                self._no_longer_waiting(key)
                self.endings.end(key, "cancelled", now, reason=why)

    def _start(self, key: str, now: int) -> None:
        if key in self._memory.steps:
            return
        step = self.all[key]
        unmet = self.endings.graph(key).unmet(key, self._memory.steps)
        if unmet is not None:
            self.endings.end(key, "unreached", now, reason=unmet)
            return
        try:
            reason = self._skip_reason(step)
            if reason is None:
                self._memory.steps[key] = StepRecord(started_ms=now)
                self._open(key, step, now)
            else:
                self.endings.end(key, "skipped", now, reason=reason)
        except ExpressionFailed as problem:
            self.endings.fail(key, _refused(problem), now)

    def _skip_reason(self, step: Step) -> str | None:
        severity = self._memory.context.get("incident_severity")
        if step.severity and severity not in step.severity:
            return (
                f"it is for severity {', '.join(step.severity)}, and this is {severity or 'none'}"
            )
        if step.when is None or condition(step.when, self.names.all):
            return None
        return f"its `when` is false: {step.when if isinstance(step.when, str) else 'false'}"

    def _open(self, key: str, step: Step, now: int) -> None:
        match step:
            case SetStep():
                self.endings.succeed(key, evaluate(step.values, self.names.all), now)
            case WaitStep():
                self._wait(key, step, now)
            case GateStep():
                ask = evaluate(step.ask, self.names.all)
                text = ask if isinstance(ask, str) else msgspec.json.encode(ask).decode()
                self.gates.open(key, text, now)
            case RunStep() | ChildStep():
                self.journal.add(now, "step.started", f"{key}: {_what(step)}", step=key)
                self._open_call(key, step, now)

    def _open_call(self, key: str, step: RunStep | ChildStep, now: int) -> None:
        if step.foreach is None:
            self.flights.ask_for(key)
            return
        self._loops.begin(key, step)
        self._call_ends.go_on_with_loop(key, step, now)

    def _wait(self, key: str, step: WaitStep, now: int) -> None:
        limit = self.calls.run_deadline(key)
        longest = now + self._plan.max_duration_ms if limit is None else limit
        if step.signal is None:
            until = now + (step.duration_ms or 0)
            self.journal.add(now, "step.started", f"{key}: waits", step=key)
            self.flights.timer(key, until if limit is None else min(until, limit), "wait")
            return
        early = self._memory.signals.get(step.signal)
        if early:
            self._take_signal(key, early.pop(0), now)
            return
        self.journal.add(now, "step.started", f"{key}: waits for signal {step.signal}", step=key)
        self._memory.waiting.setdefault(step.signal, []).append(key)
        until = longest if step.timeout_ms is None else min(now + step.timeout_ms, longest)
        self.flights.timer(key, until, "signal")

    def _take_signal(self, key: str, signal: EarlySignal, now: int) -> None:
        if signal.too_large is not None:
            self.endings.fail(key, signal.too_large, now)
        else:
            self.endings.end(key, "succeeded", now, output=signal.payload)

    def _no_longer_waiting(self, key: str) -> None:
        step = self.all[key]
        if isinstance(step, WaitStep) and step.signal is not None:
            waiting = self._memory.waiting.get(step.signal, [])
            if key in waiting:
                waiting.remove(key)

    def _launch(self, key: str, now: int) -> None:
        flight = self.calls.flight(key, now)
        try:
            command = self.calls.command(key, flight)
        except ExpressionFailed as problem:
            self._call_ends.ended(
                key, flight, Ended(outcome="failed", failure=_refused(problem)), now
            )
        else:
            self.flights.launch(command, flight)

    def _gate_closed(self, key: str, state: GateState, now: int) -> None:
        reason = "the run was stopped" if state == "cancelled" else None
        self.endings.end(key, "failed" if state == "pending" else state, now, reason=reason)

    def _never_mind(self, key: str, now: int) -> None:
        """What only waited, for room or for its next attempt, has nothing to wait for any more."""
        self._call_ends.ended(key, Flight(kind="call", stopped=True), _NEVER_RAN, now)


_NEVER_RAN = Ended(
    outcome="cancelled",
    failure=StepFailure(
        code="CANCELLED", message="the run was stopped", category="FATAL", started=False
    ),
)


def _refused(problem: ExpressionFailed) -> StepFailure:
    return StepFailure(code=problem.code, message=problem.message, category="FATAL", started=False)


def _what(step: RunStep | ChildStep) -> str:
    what = step.call.capability if isinstance(step, RunStep) else f"blueprint {step.blueprint}"
    return f"runs {what}" if step.foreach is None else f"runs {what} for each item"
