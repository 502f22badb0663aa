"""The matrix of roles, as policy.yaml, the blueprints and the contracts that are shipped have it.

Where each rule is enforced: starting in `steps.admission`, the scopes of a step in
`steps.step_execution`, a gate's answer in `run.gate_rules`.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.language.planner import compile_blueprint
from engine.messages import Actor, CompileRequest, Decide, StartArguments
from engine.plan import Call, GateStep, Plan, RunStep
from engine.project.folder import Project
from engine.project.policy import Person, Policy
from engine.run import gate_rules
from engine.run.commands import RunInfo
from engine.run.run_memory import GateRecord
from engine.steps.admission import admit

ROOT = Path(__file__).parent.parent.parent
TABLE: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("who.yaml").read_text())
BLUEPRINTS = (
    "incident.initiate", "incident.remediate", "incident.close-out", "incident.post-mortem",
)  # fmt: skip
IDS = [row["who"].get("person") or row["who"]["agent"] for row in TABLE]


@pytest.fixture(scope="module")
def project() -> Project:
    return Project(ROOT)


def policy_with(project: Project, who: dict[str, str]) -> tuple[Policy, str]:
    """The shipped policy, in which this person is named too; and the name."""
    shipped = project.policy
    name = who.get("person") or who["agent"]
    if "agent" in who:
        assert shipped.agents[name].roles == (who["role"],)
    elif "role" in who and name not in shipped.people:
        shipped = replace(shipped, people={**shipped.people, name: Person(roles=(who["role"],))})
    return shipped, name


def started(project: Project, blueprint: str, name: str) -> str | None:
    """The code of the refusal; None where the run is admitted."""
    inputs = {"runbook": "host-triage"} if blueprint == "incident.remediate" else {}
    context = {"incident_id": "INC-2026-0001", "incident_severity": "P1"}
    start = StartArguments(inputs=inputs, context=context, actor=Actor(name=name, source="api"))
    request = CompileRequest(blueprint=blueprint, start=start, workflow_id="run-1")
    return admit(project, request).error_code


@pytest.mark.parametrize("row", TABLE, ids=IDS)
def test_roles_have_the_access_of_the_matrix(project: Project, row: dict[str, Any]) -> None:
    policy, name = policy_with(project, row["who"])
    held = policy.scopes(name)
    assert held is not None
    assert set(row["may"]) <= held
    assert not set(row["may_not"]) & held


@pytest.mark.parametrize("row", TABLE, ids=IDS)
def test_only_those_start_a_blueprint_who_may(project: Project, row: dict[str, Any]) -> None:
    policy, name = policy_with(project, row["who"])
    for blueprint in BLUEPRINTS:
        may = policy.may_start(name, compile_blueprint(project.catalog, blueprint).roles)
        assert may == (blueprint in row["starts"]), blueprint


@pytest.mark.parametrize("name", ["alice", "pagerduty", "triage-bot", "bob"])
def test_the_worker_refuses_who_may_not_start(project: Project, name: str) -> None:
    row = next(each for each in TABLE if name in each["who"].values())
    refusals = {blueprint: started(project, blueprint, name) for blueprint in BLUEPRINTS}
    assert refusals == {
        blueprint: None if blueprint in row["starts"] else "NOT_ALLOWED" for blueprint in BLUEPRINTS
    }


@pytest.mark.parametrize("row", TABLE, ids=IDS)
def test_who_may_start_has_the_scopes_of_every_step(project: Project, row: dict[str, Any]) -> None:
    policy, name = policy_with(project, row["who"])
    held = policy.scopes(name) or frozenset()
    for blueprint in row["starts"]:
        plan = compile_blueprint(project.catalog, blueprint)
        for place, needed in scopes(plan):
            assert needed <= held, f"{blueprint}/{place}"


@pytest.mark.parametrize("blueprint", BLUEPRINTS)
def test_no_agent_answers_a_gate_whatever_its_roles(project: Project, blueprint: str) -> None:
    policy = replace(
        project.policy,
        agents={"bot": Person(roles=("incident-approver", "incident-manager"))},
    )
    gates = [
        step
        for step in compile_blueprint(project.catalog, blueprint).steps
        if isinstance(step, GateStep)
    ]
    assert gates
    for gate in gates:
        assert gate.approvers == ("incident-approver",)
        assert not gate.initiator_may_approve
        asked = GateRecord(
            ask=gate.ask, approvers=list(gate.approvers), asked_ms=0, timeout_ms=9, deadline_ms=9
        )
        answer = Decide(decision="approved", approver_id="bot")
        info = RunInfo(id="run-1", started_at_ms=0, initiator="alice", digest="")
        why = gate_rules.refusal(gate, asked, answer, policy.standing("bot"), info, now=1)
        assert why == "bot is an agent, and agents never answer gates"


def scopes(plan: Plan) -> list[tuple[str, set[str]]]:
    """Each call of the plan with the scopes it takes."""
    calls: list[tuple[str, Call]] = []
    for key, step in plan.every_step():
        if isinstance(step, RunStep):
            calls.append((key, step.call))
        elif isinstance(step, GateStep) and step.notify is not None:
            calls.append((f"notify/{key}", step.notify))
    return [(key, needed(plan, call)) for key, call in calls]


def needed(plan: Plan, call: Call) -> set[str]:
    own = plan.capabilities[call.capability].scopes
    if isinstance(own, tuple):
        return set(own)
    return set(own[call.with_.get("operation", "run")])
