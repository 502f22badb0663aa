"""What holds for every blueprint, whatever is answered and in whatever order."""

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.plan import ChildStep, Outcome, Plan, WaitStep
from engine.run.commands import CallCapability, Ended, RunInfo
from engine.run.run_state import RunState
from engine.simulation.scenario import Answer, Scenario
from engine.simulation.simulated import Simulated
from tests.simulating import Restoring, outcomes, run_plan
from tests.strategies import (
    INPUTS,
    KINDS,
    UNTIMED,
    after,
    gate_step,
    plan_of,
    plans,
    run_step,
    scenarios,
)

thorough = settings(
    max_examples=150, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


@st.composite
def met(draw: st.DrawFn, kinds: tuple[str, ...] = KINDS) -> tuple[Plan, Scenario]:
    """A plan, and what it meets."""
    plan = draw(plans(kinds=kinds))
    return plan, draw(scenarios(plan))


def cancelled_after(scenario: Scenario, milliseconds: int | None) -> Scenario:
    return replace(scenario, cancel_after_ms=milliseconds)


def own_entries(simulated: Simulated) -> list[tuple[str, str]]:
    """Event and step of what happened in the run itself."""
    children = tuple(f"{path}/" for path in simulated.children)
    return [
        (entry.event, entry.step)
        for entry in simulated.entries
        if entry.step is not None and not entry.step.startswith(children)
    ]


@thorough
@given(met())
def test_every_step_ends_in_exactly_one_outcome(case: tuple[Plan, Scenario]) -> None:
    plan, scenario = case
    simulated = run_plan(plan, scenario)
    ends = Counter(
        step
        for event, step in own_entries(simulated)
        if event.removeprefix("step.") in get_args(Outcome)
    )
    assert ends == Counter({key: 1 for key, _ in plan.every_step()})
    for step in simulated.view.steps.values():
        assert step.outcome in get_args(Outcome)
        assert step.reason or step.outcome not in {"skipped", "unreached"}
        assert step.error is not None or step.outcome != "failed"


@thorough
@given(met())
def test_nothing_starts_before_its_needs_are_met(case: tuple[Plan, Scenario]) -> None:
    plan, scenario = case
    steps = dict(plan.every_step())
    ended: dict[str, str] = {}
    for event, key in own_entries(run_plan(plan, scenario)):
        kind = event.removeprefix("step.")
        if event in {"step.started", "gate.opened"} or kind in {"succeeded", "skipped"}:
            prefix = "finally/" if key.startswith("finally/") else ""
            for edge in steps[key].needs:
                assert ended.get(prefix + edge.step) in edge.outcomes
        if kind in get_args(Outcome):
            ended[key] = kind


@thorough
@given(met(kinds=UNTIMED), st.randoms(use_true_random=False))
def test_the_same_answers_in_another_order_give_the_same_outcomes(
    case: tuple[Plan, Scenario], random: Any
) -> None:
    plan, scenario = case
    slower = {
        path: tuple(
            Answer(answer.output, answer.failure, random.randint(0, 5_000)) for answer in answers
        )
        for path, answers in scenario.answers.items()
    }
    one = run_plan(plan, scenario)
    other = run_plan(plan, Scenario(answers=slower))
    assert outcomes(one) == outcomes(other)
    assert one.view.status == other.view.status
    assert one.view.error == other.view.error or one.view.error is not None
    assert sorted(one.view.undone) == sorted(other.view.undone)


@thorough
@given(met(), st.none() | st.integers(0, 60_000))
def test_a_snapshot_at_any_point_changes_nothing(
    case: tuple[Plan, Scenario], cancel_after_ms: int | None
) -> None:
    plan, scenario = case
    scenario = cancelled_after(scenario, cancel_after_ms)
    plain, restored = run_plan(plan, scenario), run_plan(plan, scenario, kind=Restoring)
    assert restored == plain


@thorough
@given(met(), st.integers(0, 20_000))
def test_a_cancelled_run_ends_every_step_and_undoes_the_last_first(
    case: tuple[Plan, Scenario], cancel_after_ms: int
) -> None:
    plan, scenario = case
    plain = run_plan(plan, scenario)
    cancelled = run_plan(plan, cancelled_after(scenario, cancel_after_ms))
    assert cancelled.view.status == "cancelled" or cancel_after_ms >= plain.took_ms
    for key, step in cancelled.view.steps.items():
        assert step.outcome not in {"pending", "running"}
        assert step.outcome != "cancelled" or not key.startswith("finally/")
    undone = [step.partition("[")[0] for step in cancelled.view.undone]
    ended = {key: view.finished_at or "" for key, view in cancelled.view.steps.items()}
    assert [ended[key] for key in undone] == sorted((ended[key] for key in undone), reverse=True)


def calls_made(work: Callable[[], None]) -> int:
    """How many functions, of Python or built in, are called."""
    count = 0

    def profile(frame: object, event: str, argument: object) -> None:  # noqa: ARG001
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def in_sequence(count: int) -> Plan:
    return plan_of(
        *(run_step(f"s{n}", needs=after(f"s{n - 1}") if n else ()) for n in range(count))
    )


def side_by_side(count: int) -> Plan:
    return plan_of(*(run_step(f"s{n}") for n in range(count)))


def fan(count: int) -> Plan:
    middle = [run_step(f"s{n}", needs=after("first")) for n in range(count - 2)]
    last = run_step("last", needs=after(*(step.id for step in middle)))
    return plan_of(run_step("first"), *middle, last)


def one_loop(count: int) -> Plan:
    return plan_of(run_step("each", foreach=list(range(count)), concurrency=500))


@pytest.mark.parametrize("shape", [in_sequence, side_by_side, fan, one_loop])
def test_work_for_each_finished_step_is_constant(shape: Callable[[int], Plan]) -> None:
    def work(count: int) -> float:
        state = RunState(shape(count), INPUTS, {}, RunInfo(id="r", started_at_ms=0))
        ended = Ended(output={"n": 1})

        def to_the_end() -> None:
            waiting = [command.key for command in state.begin(0)]
            while waiting:
                commands = state.finished(waiting.pop(), ended, 0)
                waiting.extend(c.key for c in commands if isinstance(c, CallCapability))

        calls = calls_made(to_the_end)
        assert state.status == "succeeded"
        return calls / count

    assert work(3_000) <= work(300) * 1.05


def test_a_snapshot_is_linear_in_what_has_happened() -> None:
    def size(count: int) -> int:
        plan = in_sequence(1_000)
        state = RunState(plan, INPUTS, {}, RunInfo(id="r", started_at_ms=0))
        state.begin(0)
        for number in range(count):
            state.finished(f"s{number}", Ended(output={"n": 1}), number)
        return len(msgspec.json.encode(state.snapshot()))

    first, second, third = size(100), size(200), size(300)
    assert third - second == pytest.approx(second - first, rel=0.1)
    assert second - first < 100 * 150


def test_what_a_child_approves_does_not_hang_on_the_time_left_for_it() -> None:
    child = plan_of(gate_step("gate"), blueprint="test.child", capabilities={})
    plan = plan_of(
        ChildStep(id="at-once", blueprint="test.child"),
        WaitStep(id="pause", duration_ms=1_000),
        ChildStep(id="later", blueprint="test.child", needs=after("pause")),
        children={"test.child": child},
        max_duration_ms=10_000,
    )
    children = run_plan(plan).children
    assert children.keys() == {"at-once", "later"}
    assert children["at-once"].digest == children["later"].digest
