"""Simulated runs of plans that are made in tests."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from engine.messages import Standing
from engine.plan import Json, Plan
from engine.run.commands import Command, RunInfo
from engine.run.run_state import RunState
from engine.simulation.scenario import Scenario
from engine.simulation.simulated import Simulated
from engine.simulation.simulator import STARTED_AT_MS, Simulation
from tests.strategies import APPROVER, INPUTS, AnyContract

P1: Mapping[str, Json] = {"incident_severity": "P1"}
INFO = RunInfo(
    id="r", workflow_id="r", started_at_ms=STARTED_AT_MS, initiator="ann", digest="d" * 64
)
STANDINGS = {
    "ann": Standing(roles=(APPROVER,)),
    "ben": Standing(roles=(APPROVER,)),
    "eve": Standing(roles=(APPROVER,)),
    "boss": Standing(roles=("boss",)),
    "bot": Standing(roles=(APPROVER, "boss"), agent=True),
}


def standing_of(name: str) -> Standing:
    """ann (who starts the runs), ben and eve approve; boss is asked next; bot is an agent."""
    return STANDINGS.get(name, Standing())


class Restoring(Simulation):
    """Takes a snapshot after everything that happens, as text, and goes on from that."""

    def tell(self, run: Any, commands: Iterable[Command]) -> None:
        super().tell(run, commands)
        if run.over:
            return
        pending = dict(run.state.pending)
        assert pending.keys() <= run.live.keys() | run.children.keys() | self.asked(pending)
        snapshot = json.loads(json.dumps(run.state.snapshot()))
        run.state = RunState.restore(run.plan, snapshot)
        assert dict(run.state.pending) == pending
        assert json.loads(json.dumps(run.state.snapshot())) == snapshot

    def asked(self, pending: Mapping[str, Command]) -> set[str]:
        """Flags are asked for, and their answers are under way."""
        return {key for key, command in pending.items() if type(command).__name__ == "AskFlag"}


def run_plan(
    plan: Plan,
    scenario: Scenario | None = None,
    *,
    context: Mapping[str, Json] = P1,
    info: RunInfo = INFO,
    kind: type[Simulation] = Simulation,
) -> Simulated:
    """Run a plan to its end."""
    simulation = kind(scenario or Scenario(), AnyContract(), standing_of)
    return simulation.run(plan, INPUTS, context, info)


def outcomes(simulated: Simulated) -> dict[str, str]:
    """The outcome of each step, those of children too."""
    found = {key: str(step.outcome) for key, step in simulated.view.steps.items()}
    for path, view in simulated.children.items():
        found.update({f"{path}/{key}": str(step.outcome) for key, step in view.steps.items()})
    return found
