"""What expressions may read of a run: built as steps end, never copied."""

from collections.abc import Mapping

import msgspec

from engine import instants
from engine.plan import Json
from engine.run.commands import RunInfo
from engine.run.run_memory import GateRecord, Memory, StepRecord

Names = Mapping[str, Json]


class ReadNames:
    """`inputs`, `context`, `run` and `steps`; a step is in it once it has ended."""

    def __init__(self, memory: Memory) -> None:
        self._steps: dict[str, dict[str, Json]] = {}
        info: RunInfo = memory.info
        self.all: dict[str, Json] = {
            "inputs": memory.inputs,
            "context": memory.context,
            "run": {"id": info.id, "startedAt": instants.render(info.started_at_ms)},
            "steps": self._steps,
        }

    def ended(self, key: str, record: StepRecord, gate: GateRecord | None) -> None:
        """A step has ended; from now on it can be read."""
        self._steps[key.removeprefix("finally/")] = _of_step(record, gate)

    def of_item(self, item: Json, index: int, names: Names | None = None) -> Names:
        """The names within one item of a loop."""
        return {**(names or self.all), "item": item, "index": index}

    def of_gate(self, gate: dict[str, Json]) -> Names:
        """The names within a gate's `notify`."""
        return {**self.all, "gate": gate}

    def of_undone_loop(self, step: str, output: Json) -> Names:
        """The names within the undo of a loop that did not succeed: its own outputs so far."""
        own = {**self._steps.get(step, {}), "output": output}
        return {**self.all, "steps": {**self._steps, step: own}}


def _of_step(record: StepRecord, gate: GateRecord | None) -> dict[str, Json]:
    names: dict[str, Json] = {"outcome": record.outcome}
    if record.output is not msgspec.UNSET:
        names["output"] = record.output
    if record.error is not None:
        error = names["error"] = msgspec.to_builtins(record.error)
        if record.error.items:
            error["items"] = list(record.error.items)
    if gate is not None:
        _add_decisions(names, gate)
    if record.started_ms is not None:
        names["startedAt"] = instants.render(record.started_ms)
    if record.finished_ms is not None:
        names["finishedAt"] = instants.render(record.finished_ms)
    return names


def _add_decisions(names: dict[str, Json], gate: GateRecord) -> None:
    names["decisions"] = [msgspec.to_builtins(decision) for decision in gate.decisions]
    names["escalations"] = [dict(escalation) for escalation in gate.escalations]
    if (decision := deciding(gate)) is not None:
        names["decision"] = decision


def deciding(gate: GateRecord) -> dict[str, Json] | None:
    """The answer that closed a gate, as expressions read it; None where none did."""
    if gate.state not in {"approved", "rejected", "timed_out"}:
        return None
    last = next(d for d in reversed(gate.decisions) if d.accepted)
    return {
        name: value
        for name, value in msgspec.to_builtins(last).items()
        if name in {"decision", "approverId", "reason", "at", "source"}
    }
