"""Which steps and outcomes no case reaches.

Counted are the outcomes that a blueprint's author decides about. `cancelled` of any step, and
`failed` of a step that runs nothing (its expression could fail), are not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.language.catalog import Catalog
from engine.language.planner import compile_blueprint
from engine.plan import ChildStep, GateStep, Outcome, Plan, RunStep, Step, WaitStep
from engine.run.graph import in_order
from engine.simulation.cases import CaseResult


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the cases of one blueprint reach."""

    reached: int
    """Pairs of step and outcome that some case reaches."""
    missing: tuple[tuple[str, Outcome], ...]
    """Those that none does, in the blueprint's order."""

    @property
    def total(self) -> int:
        """All pairs that count."""
        return self.reached + len(self.missing)


def coverage(catalog: Catalog, blueprint: str, results: Iterable[CaseResult]) -> Coverage:
    """What these results of the blueprint's cases reach; the steps of children are their own
    blueprints' concern."""
    seen = {pair for result in results for pair in result.outcomes.items()}
    counted = [
        (key, outcome)
        for key, outcomes in possible(compile_blueprint(catalog, blueprint)).items()
        for outcome in outcomes
    ]
    missing = tuple(pair for pair in counted if pair not in seen)
    return Coverage(reached=len(counted) - len(missing), missing=missing)


def possible(plan: Plan) -> dict[str, tuple[Outcome, ...]]:
    """The outcomes that count of each step, by its key."""
    found: dict[str, tuple[Outcome, ...]] = {}
    for prefix, steps in (("", plan.steps), ("finally/", plan.finally_)):
        for step in in_order(steps):
            found[prefix + step.id] = (*_own(step), *_because_of_needs(step, prefix, found))
    return {key: found[key] for key, _ in plan.every_step()}


def _own(step: Step) -> tuple[Outcome, ...]:
    skipped: tuple[Outcome, ...] = ()
    if step.severity or (step.when is not None and step.when is not True):
        skipped = ("skipped",)
    if isinstance(step, GateStep):
        return ("approved", "rejected", "timed_out", *skipped)
    if isinstance(step, RunStep | ChildStep):
        return ("succeeded", "failed", *skipped)
    if isinstance(step, WaitStep) and step.signal is not None:
        return ("succeeded", "timed_out", *skipped)
    return ("succeeded", *skipped)


def _because_of_needs(
    step: Step, prefix: str, found: Mapping[str, tuple[Outcome, ...]]
) -> tuple[Outcome, ...]:
    """`unreached`, where some outcome of a need does not let it go on."""
    for edge in step.needs:
        if not set(found[prefix + edge.step]) <= set(edge.outcomes):
            return ("unreached",)
    return ()
