"""What the planner calls certain is so in every run: held against all runs of small graphs."""

from collections.abc import Iterator
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from engine.language.blueprint import Kind, WrittenNeed, WrittenStep
from engine.language.needs import OUTCOMES, WELL, Certain, Needs
from engine.plan import Outcome

KINDS = ("run", "gate", "set")
OWN: dict[Kind | None, tuple[Outcome, ...]] = {
    "run": ("succeeded", "failed"),
    "set": ("succeeded", "failed"),
    "gate": ("approved", "rejected", "timed_out", "failed"),
}


@st.composite
def graphs(draw: st.DrawFn) -> tuple[WrittenStep, ...]:
    steps: list[WrittenStep] = []
    for number in range(draw(st.integers(2, 4))):
        needs = []
        for other in range(number):
            if draw(st.booleans()):
                wanted = draw(st.none() | st.sets(st.sampled_from(OUTCOMES), min_size=1))
                ordered = None if wanted is None else tuple(o for o in OUTCOMES if o in wanted)
                needs.append(WrittenNeed((), f"s{other}", ordered))
        steps.append(
            WrittenStep(
                path=("steps", number),
                id=f"s{number}",
                kind=draw(st.sampled_from(KINDS)),
                needs=None if draw(st.booleans()) else tuple(needs),
                when=draw(st.sampled_from([None, "inputs.go", True])),
                tolerate=draw(st.booleans()),
            )
        )
    return tuple(steps)


def runs(steps: tuple[WrittenStep, ...], needs: Needs) -> Iterator[list[Outcome]]:
    """The outcomes of the steps in every way that a run can go, cancellation aside."""
    ways = [(*OWN[step.kind], "skipped") if step.may_skip else OWN[step.kind] for step in steps]
    for chosen in product(*ways):
        outcomes: list[Outcome] = []
        for number, way in enumerate(chosen):
            met = met_needs(needs, number, outcomes)
            outcomes.append(way if met else "unreached")
        yield outcomes


def met_needs(needs: Needs, number: int, outcomes: list[Outcome]) -> bool:
    return all(
        outcomes[needs.index[need.step]] in (need.outcomes or WELL)
        for need in needs.written[number]
    )


def holds(certain: Certain, outcomes: list[Outcome]) -> bool:
    """Whether everything that is called certain is so."""
    ran: set[Outcome] = {"succeeded", "failed", "approved", "rejected", "timed_out"}
    claims: list[tuple[int, set[Outcome]]] = [
        (certain.ran, ran),
        (certain.succeeded, {"succeeded"}),
        (certain.failed, {"failed"}),
        (certain.answered, {"approved", "rejected", "timed_out"}),
        (certain.passed, {"approved", "skipped"}),
    ]
    return all(
        outcomes[number] in allowed
        for bits, allowed in claims
        for number in range(len(outcomes))
        if bits >> number & 1
    )


@given(graphs())
def test_what_is_certain_when_a_step_runs_is_so_in_every_run(
    steps: tuple[WrittenStep, ...],
) -> None:
    needs = Needs(steps)
    for outcomes in runs(steps, needs):
        for number in range(len(steps)):
            if outcomes[number] != "unreached":
                assert holds(needs.certain(number), outcomes)


@given(graphs())
def test_every_outcome_that_comes_about_is_possible(steps: tuple[WrittenStep, ...]) -> None:
    needs = Needs(steps)
    for outcomes in runs(steps, needs):
        for number, outcome in enumerate(outcomes):
            assert outcome in needs.outcomes[number]


@given(graphs())
def test_what_is_certain_on_success_is_so_in_every_run_that_succeeds(
    steps: tuple[WrittenStep, ...],
) -> None:
    needs = Needs(steps)
    sure = needs.reached_on_success()
    bad = {"failed", "rejected", "timed_out"}
    for outcomes in runs(steps, needs):
        ends = zip(steps, outcomes, strict=True)
        if not any(outcome in bad and not step.tolerate for step, outcome in ends):
            assert holds(Certain(succeeded=sure), outcomes)
