"""The edges between steps as counters: constant work for each edge of a step that ended."""

from collections.abc import Iterator, Mapping, Sequence

from engine.plan import Edge, Outcome, Step
from engine.run.run_memory import StepRecord

WELL: frozenset[Outcome] = frozenset(("succeeded", "approved", "skipped"))

_WORDS: dict[Outcome, str] = {
    "succeeded": "succeeded",
    "failed": "failed",
    "skipped": "was skipped",
    "unreached": "was not reached",
    "approved": "was approved",
    "rejected": "was rejected",
    "timed_out": "timed out",
    "cancelled": "was cancelled",
}


class Graph:
    """The steps of a blueprint, or those of its `finally`."""

    def __init__(self, steps: Sequence[Step], prefix: str = "") -> None:
        self.prefix = prefix
        self.steps: dict[str, Step] = {prefix + step.id: step for step in steps}
        self.open = len(self.steps)
        """Steps that have not ended."""
        self._left: dict[str, int] = {}
        self._dependents: dict[str, list[str]] = {key: [] for key in self.steps}
        for key, step in self.steps.items():
            self._left[key] = len(step.needs)
            for edge in step.needs:
                self._dependents[prefix + edge.step].append(key)

    def first(self) -> list[str]:
        """The steps that wait for nothing."""
        return [key for key, left in self._left.items() if left == 0]

    def ended(self, key: str) -> list[str]:
        """Count a step as ended; gives the steps whose needs have now all ended."""
        self.open -= 1
        ready = []
        for dependent in self._dependents[key]:
            left = self._left[dependent] - 1
            self._left[dependent] = left
            if left == 0:
                ready.append(dependent)
        return ready

    def unmet(self, key: str, records: Mapping[str, StepRecord]) -> str | None:
        """Why a step is not reached, in words that name each need; None where all are met."""
        bad = []
        for edge in self.steps[key].needs:
            outcome = records[self.prefix + edge.step].outcome
            if outcome is not None and outcome not in edge.outcomes:
                bad.append(f"{edge.step} {_WORDS[outcome]}, and it had to end {_wanted(edge)}")
        return "; ".join(bad) or None


def in_order(steps: Sequence[Step]) -> Iterator[Step]:
    """Each step behind those it needs."""
    graph = Graph(steps)
    ready = graph.first()
    while ready:
        key = ready.pop()
        yield graph.steps[key]
        ready.extend(graph.ended(key))


def _wanted(edge: Edge) -> str:
    if WELL.issuperset(edge.outcomes) and "succeeded" in edge.outcomes and len(edge.outcomes) > 1:
        return "well"
    return " or ".join(edge.outcomes).replace("_", " ")
