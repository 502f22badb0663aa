"""Whether a run may start, and with what."""

from pathlib import Path
from typing import Any

import pytest

from engine.messages import Actor, CompiledRun, CompileRequest, StartArguments
from engine.project.folder import Project
from engine.steps.admission import admit
from tests.programmable import ID, project

BLUEPRINT = f"""
blueprint: test.one
version: 1.0.0
title: One step
owner: sre
costCenter: cc-7
inputs:
  type: object
  required: [n]
  properties:
    n: {{type: integer}}
    m: {{type: integer, default: 2}}
steps:
  - id: only
    run: {ID}
    with: {{n: "{{{{ inputs.n }}}}"}}
"""
ROLES = "roles: [starter]\n"
POLICY = {
    "roles": {"starter": {"scopes": ["test:run"]}, "other": {"scopes": []}},
    "people": {"alice": {"roles": ["starter"]}, "bob": {"roles": ["other"]}},
}


def given(folder: Path, *, roles: bool = False, policy: bool = False) -> Project:
    files: dict[str, Any] = {"blueprints/test.one.yaml": BLUEPRINT + (ROLES if roles else "")}
    if policy:
        files["policy.yaml"] = POLICY
    return project(folder, files=files)


def request(blueprint: str = "test.one", **start: Any) -> CompileRequest:
    arguments = StartArguments(**{"inputs": {"n": 1}, **start})
    return CompileRequest(blueprint=blueprint, start=arguments, workflow_id="run-1")


def refused(run: CompiledRun) -> tuple[str | None, str]:
    assert run.plan is None
    assert run.error is not None
    assert "Traceback" not in run.error
    return run.error_code, run.error


def test_a_run_starts_with_its_plan_its_inputs_and_its_context(tmp_path: Path) -> None:
    run = admit(given(tmp_path), request(actor=Actor(name="alice")), indexed=True)
    assert run.error_code is None, run.error
    assert run.plan is not None
    assert (run.plan.blueprint, run.inputs) == ("test.one", {"n": 1, "m": 2})
    assert (run.initiator, run.open_policy, run.indexed) == ("alice", True, True)
    assert len(run.digest) == 64
    assert run.context["initiator_id"] == "alice"
    assert run.context["cost_center"] == "cc-7"
    assert len(run.context["trace_id"]) == 32


def test_what_the_context_says_stays_but_not_a_borrowed_name(tmp_path: Path) -> None:
    context = {"trace_id": "t", "cost_center": "c", "initiator_id": "bob", "team_color": "red"}
    run = admit(given(tmp_path), request(actor=Actor(name="alice"), context=context))
    assert run.context == {**context, "initiator_id": "alice"}


@pytest.mark.parametrize(
    ("start", "initiator"),
    [
        ({"actor": Actor(name="alice"), "context": {"initiator_id": "bob"}}, "alice"),
        ({"context": {"initiator_id": "bob"}}, "bob"),
        ({}, "unknown"),
    ],
)
def test_who_starts_a_run(tmp_path: Path, start: dict[str, Any], initiator: str) -> None:
    assert admit(given(tmp_path), request(**start)).initiator == initiator


@pytest.mark.parametrize(
    ("start", "code", "words"),
    [
        ({"inputs": {}}, "INPUTS", "'n'"),
        ({"inputs": {"n": "one"}}, "INPUTS", "inputs.n"),
        ({"inputs": {"n": 1, "extra": "x"}}, "INPUTS", "extra"),
        ({"inputs": {"n": 1, "m": "x" * 300_000}}, "INPUTS_TOO_LARGE", "262,144"),
        ({"context": {"incident_severity": "P9"}}, "CONTEXT", "incident_severity"),
        ({"context": {"incident_id": 7}}, "CONTEXT", "incident_id"),
        ({"context": {"initiator_id": 7}}, "START_ARGUMENTS", "name"),
        ({"actor": Actor(name=" ")}, "START_ARGUMENTS", "name"),
        ({"actor": Actor(name="x" * 201)}, "START_ARGUMENTS", "name"),
    ],
)
def test_wrong_arguments_end_in_one_sentence(
    tmp_path: Path, start: dict[str, Any], code: str, words: str
) -> None:
    found, sentence = refused(admit(given(tmp_path), request(**start)))
    assert found == code
    assert words in sentence


def test_an_unknown_blueprint_gets_a_suggestion(tmp_path: Path) -> None:
    code, sentence = refused(admit(given(tmp_path), request("test.ome")))
    assert code == "BLUEPRINT_UNKNOWN"
    assert "test.one" in sentence
    assert f"serves {tmp_path}; the worker of another project needs" in sentence


def test_a_faulty_blueprint_says_where(tmp_path: Path) -> None:
    found = project(tmp_path, files={"blueprints/test.one.yaml": BLUEPRINT + "bad: 1\nworse: 2\n"})
    code, sentence = refused(admit(found, request()))
    assert code == "DEFINITION"
    assert "blueprints/test.one.yaml:17:1:" in sentence
    assert "(and 1 more)" in sentence


@pytest.mark.parametrize(
    ("name", "allowed"), [("alice", True), ("bob", False), ("stranger", False)]
)
def test_starting_takes_one_of_the_blueprints_roles(
    tmp_path: Path, name: str, allowed: bool
) -> None:
    found = given(tmp_path, roles=True, policy=True)
    run = admit(found, request(actor=Actor(name=name)))
    assert not run.open_policy
    if allowed:
        assert run.plan is not None
        return
    code, sentence = refused(run)
    assert code == "NOT_ALLOWED"
    assert name in sentence
    assert "starter" in sentence


def test_solo_runs_where_the_worker_takes_them(tmp_path: Path) -> None:
    found = given(tmp_path)
    assert admit(found, request(solo=True)).plan is not None
    code, _ = refused(admit(found, request(solo=True), allow_solo=False))
    assert code == "SOLO_REFUSED"
    assert admit(found, request(), allow_solo=False).plan is not None


def test_a_childs_plan_is_only_bound(tmp_path: Path) -> None:
    found = given(tmp_path, roles=True, policy=True)
    parent = admit(found, request(actor=Actor(name="alice")))
    start = StartArguments(inputs={"n": 5}, context={"trace_id": "t"})
    child = CompileRequest(
        blueprint="test.one", start=start, workflow_id="run-1/c", plan=parent.plan, initiator="bob"
    )
    run = admit(found, child)
    assert (run.error_code, run.plan, run.inputs) == (None, None, {"n": 5, "m": 2})
    assert (run.initiator, run.context) == ("bob", {"trace_id": "t"})


def test_a_broken_policy_starts_nothing(tmp_path: Path) -> None:
    files = {"blueprints/test.one.yaml": BLUEPRINT, "policy.yaml": "roles: ["}
    code, sentence = refused(admit(project(tmp_path, files=files), request()))
    assert code == "DEFINITION"
    assert "policy.yaml:2:1:" in sentence
