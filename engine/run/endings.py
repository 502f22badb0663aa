"""How a step ends: recorded once, told to what reads it, and to what waits for it."""

from collections import deque
from collections.abc import Mapping

import msgspec

from engine.messages import StepFailure
from engine.plan import Json, Outcome, Step
from engine.run import outputs
from engine.run.calls import Calls
from engine.run.graph import Graph
from engine.run.journal import Journal
from engine.run.read_names import ReadNames
from engine.run.run_memory import Memory, StepRecord

MAX_WARNINGS = 200


class Endings:
    """Every step ends here, in exactly one outcome; `ready` are those whose needs have ended."""

    def __init__(
        self,
        memory: Memory,
        main: Graph,
        last: Graph,
        names: ReadNames,
        calls: Calls,
        journal: Journal,
    ) -> None:
        self._memory = memory
        self.main = main
        self.last = last
        self.all: Mapping[str, Step] = {**main.steps, **last.steps}
        self._names = names
        self._calls = calls
        self._journal = journal
        self.ready: deque[str] = deque()
        for key, record in memory.steps.items():
            if record.outcome is not None:
                self.graph(key).ended(key)
                self.can_be_read(key)

    @property
    def halted(self) -> bool:
        """The run was cancelled, or its time is up: no step of the main graph goes on."""
        return self._memory.cancelled or self._memory.out_of_time

    def graph(self, key: str) -> Graph:
        """The graph a step belongs to."""
        return self.last if key.startswith("finally/") else self.main

    def can_be_read(self, key: str) -> None:
        """Let expressions read a step as it is now."""
        record = self._memory.steps[key]
        self._names.ended(key, record, self._memory.gates.get(key))

    def succeed(self, key: str, output: Json, now: int) -> None:
        """End a step with its output, unless that is too large."""
        size = outputs.size_of(output)
        problem = outputs.too_large(size) or outputs.keep(self._memory, size)
        if problem is None:
            self.end(key, "succeeded", now, output=output)
        else:
            self.fail(key, problem, now)

    def fail(self, key: str, error: StepFailure, now: int) -> None:
        """End a step with what went wrong."""
        self.end(key, "failed", now, error=error)

    def end(
        self,
        key: str,
        outcome: Outcome,
        now: int,
        *,
        output: Json | msgspec.UnsetType = msgspec.UNSET,
        error: StepFailure | None = None,
        reason: str | None = None,
    ) -> None:
        """End a step. Its output has been counted among those kept."""
        record = self._memory.steps.get(key)
        if record is None:
            record = self._memory.steps[key] = StepRecord()
        record.outcome = outcome
        record.output = output
        record.error = error
        record.reason = reason
        record.finished_ms = now
        self.can_be_read(key)
        self._tell(key, record, now)
        graph = self.graph(key)
        if graph is self.main and self._calls.left_something(key):
            self._memory.undo.todo.append(key)
        self.ready.extend(graph.ended(key))

    def warn(self, text: str) -> None:
        """Something that people should know and that changes nothing."""
        warnings = self._memory.warnings
        if len(warnings) < MAX_WARNINGS and text not in warnings:
            warnings.append(text)

    def _tell(self, key: str, record: StepRecord, now: int) -> None:
        words = str(record.outcome).replace("_", " ")
        if record.error is not None:
            text = f"{key} {words}: {in_words(record.error)}"
        elif record.reason is not None:
            text = f"{key} {words}: {record.reason}"
        else:
            text = f"{key} {words}"
        self._journal.add(now, f"step.{record.outcome}", text, step=key, data=_about(record))


def _about(record: StepRecord) -> dict[str, Json]:
    about: dict[str, Json] = {"reason": record.reason}
    if record.error is not None:
        about |= {"code": record.error.code, "message": record.error.message}
    return about


def in_words(failure: StepFailure) -> str:
    """`POD_GONE: no such pod`."""
    return f"{failure.code}: {failure.message}"
