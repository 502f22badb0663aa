"""What changed from one view of a run to the next, in lines."""

from collections.abc import Iterator

from engine.cli.run_lines import Line, decision_line, gate_lines, step_line, undoing_line
from engine.cli.shown import until
from engine.messages import GateView, RunView, StepView


def changes(before: RunView | None, after: RunView) -> Iterator[Line]:
    """A line for each step that began, was tried again, ended or is undone, and for all that
    gates saw."""
    yield from gate_changes(before, after)
    old = before.steps if before else {}
    for key, step in after.steps.items():
        if _moved(old.get(key), step) and not _asks(key, step, after):
            yield step_line(key, step, waits=False)
    if after.undoing and after.undoing != (before.undoing if before else None):
        yield undoing_line(after.undoing)


def gate_changes(before: RunView | None, after: RunView) -> Iterator[Line]:
    """The lines for what gates saw: opened, escalated, answered."""
    old = before.gates if before else {}
    for path, gate in after.gates.items():
        yield from _gate(after.run, path, old.get(path), gate)


def _moved(old: StepView | None, new: StepView) -> bool:
    if new.outcome == "pending":
        return False
    return old is None or (old.outcome, old.attempts) != (new.outcome, new.attempts)


def _asks(key: str, step: StepView, view: RunView) -> bool:
    """Whether the gate's own lines already say all there is."""
    return step.outcome == "running" and key in view.gates


def _gate(run: str, path: str, old: GateView | None, new: GateView) -> Iterator[Line]:
    if old is None and new.state == "pending":
        yield from gate_lines(run, path, new)
    for escalation in new.escalations[len(old.escalations) if old else 0 :]:
        asked = ", ".join(str(role) for role in escalation.get("approvers", ()))
        if old is not None:
            text = f"? {path}: no answer in time; now asked: {asked}, until {until(new.deadline)}"
            yield ((text, "yellow"),)
    for decision in new.decisions[len(old.decisions) if old else 0 :]:
        yield decision_line(path, decision)
