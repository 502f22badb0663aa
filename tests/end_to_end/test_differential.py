"""The simulator and the interpreter on the real server, held to the same outcomes.

Random blueprints with the same canned answers go through both. What hangs on the order in which
things happen to come is left out: gates and signals, and the order in which steps are undone.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from engine.language.planner import bind
from engine.messages import RunView, StartArguments, StepCall, StepView
from engine.plan import Json, Plan, WaitStep
from engine.simulation.scenario import Answer, Scenario
from engine.simulation.simulator import simulate
from engine.temporal.client import Client
from tests.canned import Canned, World, world
from tests.simulating import P1, standing_of
from tests.strategies import INPUTS, UNTIMED, AnyContract, plans, scenarios

RUN_LIMIT = 40
"""Seconds that one run may take on the server, on a machine under load."""
SHORT_WAIT_MS = 20
INPUTS_SCHEMA = {
    "type": "object",
    "properties": {name: {"default": INPUTS[name]} for name in INPUTS},
}


@dataclass(frozen=True)
class SameBinding(AnyContract):
    """Binds a child's plan as the worker does."""

    canned: Canned

    def bind(
        self, plan: Plan, inputs: Mapping[str, Json], context: Mapping[str, Json]
    ) -> tuple[Plan, Mapping[str, Json]]:
        bound = bind(plan, inputs, context, self.canned.catalog)
        return bound.plan, bound.inputs


@pytest.fixture(scope="module")
async def served(client: Client) -> AsyncIterator[World]:
    """One worker for every example."""
    async with world(client) as w:
        yield w


@st.composite
def met(draw: st.DrawFn) -> tuple[Plan, Scenario]:
    """A plan that runs in an instant, and the answers it gets."""
    plan = _quick(draw(plans(kinds=UNTIMED)))
    children = {name: _quick(child) for name, child in plan.children.items()}
    plan = msgspec.structs.replace(plan, children=children)
    return plan, draw(scenarios(plan))


def _quick(plan: Plan) -> Plan:
    """With short waits, defaults for its inputs, and an output for each of its steps."""
    outputs = {
        key: f"{{{{ [steps.{key}.outcome, steps.{key}.output | default('none')] }}}}"
        for key in (step.id for step in plan.steps)
    }
    return msgspec.structs.replace(
        plan,
        inputs=INPUTS_SCHEMA,
        outputs=outputs,
        steps=tuple(_short(step) for step in plan.steps),
        finally_=tuple(_short(step) for step in plan.finally_),
    )


def _short(step: Any) -> Any:
    if isinstance(step, WaitStep) and step.duration_ms:
        return msgspec.structs.replace(step, duration_ms=step.duration_ms % SHORT_WAIT_MS)
    return step


def answering(scenario: Scenario, run: str) -> Any:
    """What the worker says to each call of this run and of its children."""

    def answer(call: StepCall) -> Json:
        path = f"{call.run_id}/{call.step}".removeprefix(f"{run}/")
        said = scenario.answer(path, call.attempt) or Answer()
        if said.failure is None:
            return said.output
        raise ApplicationError(
            said.failure.message,
            said.failure,
            type=said.failure.code,
            non_retryable=True,
            category=ApplicationErrorCategory.BENIGN,
        )

    return answer


def seen(view: RunView) -> dict[str, Any]:
    """All of a run that is the same however long its steps take."""
    return {
        "status": view.status,
        "digest": view.digest,
        "error": view.error,
        "outputs": view.outputs,
        "undone": sorted(view.undone),
        "not undone": sorted((str(e["step"]), str(e["reason"])) for e in view.not_undone),
        "warnings": sorted(view.warnings),
        "steps": {key: _step_seen(step) for key, step in view.steps.items()},
    }


def _step_seen(step: StepView) -> StepView:
    return msgspec.structs.replace(step, started_at=None, finished_at=None, runner=None)


async def on_the_server(
    w: World, plan: Plan, scenario: Scenario, children: Iterable[str]
) -> dict[str, RunView]:
    """The run under the empty path, and these children under theirs."""
    run = f"{plan.blueprint}-{uuid4().hex[:8]}"
    w.canned.plans[plan.blueprint] = plan
    w.canned.answer = answering(scenario, run)
    async with asyncio.timeout(RUN_LIMIT):
        await w.runs.start(plan.blueprint, StartArguments(inputs={}, context=dict(P1)), run)
        view = await w.runs.result(run)
        return {"": view, **{path: await w.runs.view(f"{run}/{path}") for path in children}}


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # to shrink takes hundreds of runs
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(case=met(), continue_after=st.sampled_from((4_000, 4_000, 15)))
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
async def test_simulator_and_server_give_the_same_outcomes(
    served: World, case: tuple[Plan, Scenario], continue_after: int
) -> None:
    plan, scenario = case
    served.canned.continue_after = continue_after
    contracts = SameBinding(served.canned)
    simulated = simulate(plan, INPUTS, P1, scenario, contracts, standing_of)
    expected = {"": simulated.view, **simulated.children}
    found = await on_the_server(served, plan, scenario, simulated.children)
    assert {path: seen(view) for path, view in found.items()} == {
        path: seen(view) for path, view in expected.items()
    }
