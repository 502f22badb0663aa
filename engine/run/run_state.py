"""RunState, the pure heart: what has finished goes in, what to do next comes out.

No clock, no I/O, no Temporal, no randomness: the same calls in the same order give the same
commands. Times are milliseconds since the epoch, given by the driver, and never run backwards.

A run goes through stages: its steps, undo (where it failed or was cancelled), `finally`, closing
(the last notices). A step of `finally` that fails makes the run fail, but by then nothing is
undone any more: what stays is listed. A run that is cancelled in `finally` finishes it, and undoes
afterwards.
"""

from collections.abc import Mapping, Sequence

import msgspec

from engine.messages import Actor, Decide, Entry, GateView, Reply, RunView, Standing
from engine.plan import Json, Plan, RunStatus
from engine.run import run_result
from engine.run.commands import Command, Ended, RunInfo
from engine.run.run_memory import Memory
from engine.run.step_state import Steps

_ENDED: dict[RunStatus, str] = {
    "succeeded": "has succeeded",
    "failed": "has failed",
    "rejected": "was rejected at a gate",
    "timed_out": "has timed out at a gate or a signal",
    "cancelled": "was cancelled",
}


class RunState:
    """One run of one plan, from its beginning to its result."""

    def __init__(
        self, plan: Plan, inputs: Mapping[str, Json], context: Mapping[str, Json], info: RunInfo
    ) -> None:
        self._set_up(plan, Memory(info=info, inputs=dict(inputs), context=dict(context)))

    def _set_up(self, plan: Plan, memory: Memory) -> None:
        self._plan = plan
        self._memory = memory
        self._steps = Steps(plan, memory)
        self._flights = self._steps.flights
        self._journal = self._steps.journal
        self._deadline = memory.info.started_at_ms + plan.max_duration_ms

    def begin(self, now: int) -> list[Command]:
        """Start the run: the commands of every step that waits for nothing."""
        info = self._memory.info
        solo = ", solo: the initiator may answer its gates" if info.solo else ""
        text = f"{self._plan.blueprint} {self._plan.version} started{solo}"
        about = {
            "initiator": info.initiator,
            "version": self._plan.version,
            "digest": info.digest,
            "solo": info.solo or None,
        }
        self._journal.add(now, "run.started", text, by=_started_by(info), data=about)
        self._steps.begin(self._steps.main)
        return self._settle(now)

    def finished(self, key: str, ended: Ended, now: int) -> list[Command]:
        """What was in flight under `key` has ended; one that is not in flight is ignored."""
        if self._flights.kind(key) in {None, "flag"}:
            return []
        if self._flights.kind(key) == "timer" or ended.outcome != "succeeded":
            # A run whose time is up has no use for its timers, and calls that ended with it, by
            # their own clipped limit, are among those it stopped.
            self._mind_the_deadline(now)
        flight = self._flights.landed(key)
        if flight is None:
            return self._settle(now)
        if flight.kind == "timer":
            self._steps.timer_rang(key, flight, now)
        else:
            self._steps.call_ended(key, flight, ended, now)
            self._mind_the_deadline(now)
        return self._settle(now)

    def signal(self, name: str, payload: Json, now: int) -> list[Command]:
        """A signal came; without a step that waits for it, it is kept in its order."""
        self._mind_the_deadline(now)
        self._steps.signal(name, payload, now)
        return self._settle(now)

    def decide(
        self, decide: Decide, standing: Standing, now: int, open_below: Sequence[str] = ()
    ) -> tuple[Reply, list[Command]]:
        """An answer to a gate: always replied to, always recorded, also where it is refused.

        `open_below` are children's gates, which are answered elsewhere.
        """
        self._mind_the_deadline(now)
        reply = self._steps.gates.decide(decide, standing, now, open_below)
        return reply, self._settle(now)

    def flag(self, key: str, on: bool, now: int) -> list[Command]:  # noqa: FBT001
        """The answer to `AskFlag(key)`."""
        self._mind_the_deadline(now)
        if self._flights.kind(key) == "flag":
            self._flights.landed(key)
            self._steps.gates.flag(key, on, now)
        return self._settle(now)

    def cancel(self, now: int, by: Actor | None = None, why: str = "") -> list[Command]:
        """Stop what is in flight, then undo, then `finally`. A second one changes nothing."""
        memory = self._memory
        if memory.cancelled or memory.stage == "done":
            return []
        text = f"cancellation was asked for{f': {why}' if why else ''}"
        self._journal.add(now, "run.cancelled", text, by=by)
        memory.cancelled = True
        if memory.stage == "steps":
            self._steps.halt("the run was cancelled", now)
        elif memory.stage == "closing":
            memory.stage = "finally"
        return self._settle(now)

    @property
    def done(self) -> bool:
        """Whether the run has its result, and nothing is in flight."""
        return self._memory.stage == "done"

    @property
    def status(self) -> RunStatus | None:
        """How the run ended; None while it runs."""
        return self._memory.status if self.done else None

    @property
    def info(self) -> RunInfo:
        """What the run knows of itself since it began."""
        return self._memory.info

    @property
    def pending(self) -> Mapping[str, Command]:
        """All that is in flight, by key: to be issued again after `restore`.

        A driver that goes on in a new history first lets the calls and children which it has
        issued end, and holds back the commands that it is given meanwhile: they are in here.
        """
        calls = self._steps.calls
        return {key: calls.command(key, flight) for key, flight in self._memory.flights.items()}

    def view(self) -> RunView:
        """The run as results and the query `status` show it; own gates only."""
        steps = self._steps
        return run_result.view(
            self._plan, self._memory, steps.all, steps.gates.views(), steps.undo.under_way
        )

    def gates(self) -> dict[str, GateView]:
        """The run's own gates that were opened, as `view` has them."""
        return self._steps.gates.views()

    def entries(self) -> list[Entry]:
        """What happened since the last call, for people. Drained: a driver that has no use for
        them calls this all the same. They are not part of a snapshot."""
        return self._journal.drain()

    def snapshot(self) -> Json:
        """All that has happened, as JSON without the plan; `restore` goes on exactly here."""
        self._flights.remember()
        return msgspec.to_builtins(self._memory)

    @classmethod
    def restore(cls, plan: Plan, snapshot: Json) -> "RunState":
        """The state that `snapshot` was taken of, over the same plan."""
        state = cls.__new__(cls)
        state._set_up(plan, msgspec.convert(snapshot, Memory))  # noqa: SLF001
        return state

    def _mind_the_deadline(self, now: int) -> None:
        memory = self._memory
        if memory.stage != "steps" or self._steps.endings.halted or now < self._deadline:
            return
        memory.out_of_time = True
        self._journal.add(now, "run.timed_out", "the run's time is up; it is stopped")
        self._steps.halt("the run's time was up", now)

    def _settle(self, now: int) -> list[Command]:
        self._steps.go_on(now)
        while self._next_stage(now):
            self._steps.go_on(now)
        return self._flights.commands()

    def _next_stage(self, now: int) -> bool:
        memory, steps = self._memory, self._steps
        if memory.stage == "steps" and steps.main.open == 0:
            self._steps_over(now)
        elif memory.stage == "undo" and not steps.undo.busy:
            self._undo_next(now)
        elif memory.stage == "finally" and steps.last.open == 0:
            self._finally_over(now)
        elif memory.stage == "closing" and self._flights.quiet:
            memory.stage = "done"
            text = f"the run {_ENDED[memory.status or 'failed']}"
            self._journal.add(now, "run.ended", text, data={"status": memory.status})
        else:
            return False
        return True

    def _steps_over(self, now: int) -> None:
        memory, steps = self._memory, self._steps
        well = run_result.status(memory, steps.all) == "succeeded"
        run_result.compute_outputs(self._plan, memory, steps.names.all, well)
        if run_result.status(memory, steps.all) in {"failed", "cancelled"}:
            self._begin_undo(now)
        else:
            self._begin_finally(now)

    def _begin_undo(self, now: int) -> None:
        memory = self._memory
        memory.stage = "undo"
        memory.undo.ran = True
        if memory.undo.todo:
            self._journal.add(now, "undo.started", "what was done is undone, last first")

    def _undo_next(self, now: int) -> None:
        key = self._steps.undo.next()
        if key is not None:
            self._flights.ask_for(key)
        else:
            self._begin_finally(now)

    def _begin_finally(self, now: int) -> None:
        self._memory.stage = "finally"
        if self._steps.last.open:
            self._journal.add(now, "finally.started", "the steps of `finally` run")
            self._steps.begin(self._steps.last)

    def _finally_over(self, now: int) -> None:
        memory = self._memory
        memory.status = run_result.status(memory, self._steps.all)
        if memory.status == "cancelled" and not memory.undo.ran:
            self._begin_undo(now)
            return
        if memory.status == "failed" and not memory.undo.ran:
            self._steps.undo.leave_all("only a step of `finally` failed, after all was done")
        memory.stage = "closing"


def _started_by(info: RunInfo) -> Actor | None:
    if not info.initiator:
        return None
    return msgspec.structs.replace(info.actor or Actor(name=""), name=info.initiator)
