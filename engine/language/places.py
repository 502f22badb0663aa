"""Where a path of a run leads in its plan: `child/finally/tell`, `each[3]`, `undo/remediate`."""

from collections.abc import Iterator
from typing import NamedTuple

from engine.plan import Call, ChildStep, GateStep, Plan, RunStep, Step
from engine.run.keys import Purpose


class Located(NamedTuple):
    """A step of a plan or of a child of it, and what of the step is meant."""

    step: Step
    purpose: Purpose

    @property
    def call(self) -> Call | None:
        """What is called there; None at gates, waits, and children themselves."""
        if self.purpose == "undo" and isinstance(self.step, RunStep | ChildStep):
            return self.step.undo
        if self.purpose == "notify" and isinstance(self.step, GateStep):
            return self.step.notify
        return self.step.call if isinstance(self.step, RunStep) else None


def locate(plan: Plan, path: str) -> Located | None:
    """The step at a path; None where there is none."""
    parts = [part.partition("[")[0] for part in path.split("/")]
    steps_of: Plan | None = plan
    while steps_of is not None and parts:
        purpose, parts = _purpose(parts)
        in_finally = parts[0] == "finally" and len(parts) > 1
        steps = steps_of.finally_ if in_finally else steps_of.steps
        name, *parts = parts[1:] if in_finally else parts
        step = next((step for step in steps if step.id == name), None)
        if step is None or not parts or (purpose == "notify" and len(parts) == 1):
            return None if step is None else Located(step, purpose)
        child = step.blueprint if isinstance(step, ChildStep) else ""
        steps_of = plan.children.get(child)
    return None


def paths(plan: Plan) -> Iterator[tuple[str, Step]]:
    """Every step of a plan and of its children, by path, loops without an index."""
    yield from _paths(plan, plan, "")


def _paths(whole: Plan, plan: Plan, prefix: str) -> Iterator[tuple[str, Step]]:
    for key, step in plan.every_step():
        yield prefix + key, step
        if isinstance(step, ChildStep):
            yield from _paths(whole, whole.children[step.blueprint], f"{prefix}{key}/")


def _purpose(parts: list[str]) -> tuple[Purpose, list[str]]:
    if parts[0] == "undo" and len(parts) > 1:
        return "undo", parts[1:]
    if parts[0] == "notify" and len(parts) > 1:
        return "notify", parts[1:]
    return "step", parts
