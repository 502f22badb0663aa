"""Cases of capabilities, and one capability alone."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import DefinitionError, RunRefused
from engine.project.folder import Project
from engine.runners.base import Runner
from engine.runners.process import ProcessRunner
from engine.steps.capability_case import check_capability_cases
from engine.steps.capability_cases import differences, execute_capability, run_capability_cases
from engine.steps.flags import Flags
from engine.steps.step_execution import StepExecutor
from tests.programmable import ID, project

PROJECT = Path(__file__).parent / "project"
CASES = "capabilities/test/program/cases/some.yaml"
PROGRAM = """
    import json, os, pathlib, sys
    given = json.load(sys.stdin)
    if given["input"].get("fail"):
        print(json.dumps({"error": {"code": "BROKEN", "message": "it is broken here"}}))
        sys.exit(1)
    token = pathlib.Path(os.environ["OCS_SECRETS_DIR"], "token")
    given["length"] = len(token.read_text()) if token.exists() else 0
    print(json.dumps(given))
"""
SCHEMAS = {
    "input": {"properties": {"fail": {"type": "boolean"}, "n": {"type": "integer"}}},
    "secrets": {"properties": {"token": {"x-env": "TOKEN"}}},
}


@pytest.fixture(scope="module")
async def runner() -> AsyncIterator[Runner]:
    made = ProcessRunner()
    yield made
    await made.close()


def with_cases(folder: Path, *cases: dict[str, Any]) -> Project:
    return project(
        folder, PROGRAM, contract={"schemas": SCHEMAS}, files={CASES: {"cases": list(cases)}}
    )


async def problems(folder: Path, runner: Runner, **case: Any) -> tuple[str, ...]:
    found = with_cases(folder, {"name": "a case", **case})
    (result,) = await run_capability_cases(found, ID, runner)
    assert (result.name, result.file, result.passed) == ("a case", CASES, not result.problems)
    return result.problems


async def test_the_capabilities_of_the_tests_pass_theirs(runner: Runner) -> None:
    found = Project(PROJECT)
    results = [
        result
        for name in found.catalog.capabilities()
        for result in await run_capability_cases(found, name, runner)
    ]
    assert len(results) >= 4
    assert [result for result in results if not result.passed] == []


async def test_a_case_brings_its_own_configuration_secrets_and_context(
    tmp_path: Path, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "of this machine")
    case = {
        "input": {"n": 1}, "config": {"url": "x"}, "secrets": {"token": "made-up"},
        "context": {"incident_id": "INC-1"},
    }  # fmt: skip
    output = {**case, "length": 7}
    del output["secrets"]
    assert await problems(tmp_path, runner, **case, output=output) == ()
    assert await problems(tmp_path, runner, input={}, output={"length": 0, "config": {}}) == ()


@pytest.mark.parametrize(
    ("expected", "problem"),
    [
        ({"output": {"length": 1}}, "output.length: expected 1, was 0"),
        ({"output": {"more": 1}}, "output.more: is missing"),
        ({"error": "BROKEN"}, "expected the error BROKEN, and it succeeded"),
    ],
)
async def test_what_is_not_as_expected_is_said(
    tmp_path: Path, runner: Runner, expected: dict[str, Any], problem: str
) -> None:
    assert await problems(tmp_path, runner, **expected) == (problem,)


@pytest.mark.parametrize(
    ("expected", "problem"),
    [
        ({"error": "BROKEN"}, None),
        ({"error": {"code": "BROKEN", "message": "broken here"}}, None),
        ({"error": {"code": "BROKEN", "message": "there"}}, "expected 'there' in"),
        ({"error": "OTHER"}, "expected the error OTHER, was BROKEN: it is broken here"),
        ({"output": {}}, "expected an output, failed with BROKEN"),
    ],
)
async def test_errors_that_must_come_back(
    tmp_path: Path, runner: Runner, expected: dict[str, Any], problem: str | None
) -> None:
    found = await problems(tmp_path, runner, input={"fail": True}, **expected)
    assert (found == ()) if problem is None else found[0].startswith(problem)


async def test_an_input_that_the_contract_refuses_may_be_the_case(
    tmp_path: Path, runner: Runner
) -> None:
    assert await problems(tmp_path, runner, input={"n": "x"}, error="CONTRACT_INPUT") == ()


@pytest.mark.parametrize(
    ("case", "path"),
    [
        ({"output": 1, "error": "X"}, "cases[0]"),
        ({}, "cases[0]"),
        ({"input": {"n": "x"}, "output": 1}, "cases[0].input.n"),
        ({"secrets": {"tokem": "x"}, "output": 1}, "cases[0].secrets.tokem"),
        ({"secrets": {"token": 3}, "output": 1}, "cases[0].secrets.token"),
        ({"ouptut": 1, "output": 1}, "cases[0].ouptut"),
        ({"error": {"message": "x"}}, "cases[0].error"),
        ({"error": 3}, "cases[0].error"),
    ],
)
async def test_a_case_that_cannot_be_run_is_a_fault(
    tmp_path: Path, runner: Runner, case: dict[str, Any], path: str
) -> None:
    found = with_cases(tmp_path, {"name": "a case", **case})
    capability = found.catalog.capability(ID)
    assert capability is not None
    assert path in [fault.path for fault in check_capability_cases(found.catalog, capability)]
    with pytest.raises(DefinitionError):
        await run_capability_cases(found, ID, runner)


def test_two_cases_have_two_names(tmp_path: Path) -> None:
    found = with_cases(tmp_path, {"name": "a", "output": 1}, {"name": "a", "output": 2})
    capability = found.catalog.capability(ID)
    assert capability is not None
    (fault,) = check_capability_cases(found.catalog, capability)
    assert (fault.code, fault.path) == ("CASE", "cases[1].name")


async def test_without_cases_there_is_nothing_to_run(tmp_path: Path, runner: Runner) -> None:
    found = project(tmp_path)
    shutil.rmtree(tmp_path / "capabilities/test/program/cases", ignore_errors=True)
    assert await run_capability_cases(found, ID, runner) == []


async def test_one_capability_alone(tmp_path: Path, runner: Runner) -> None:
    found = project(tmp_path)
    executor = StepExecutor(found, runner, Flags(None, {}), {})
    answer = await execute_capability(found, executor, ID, {"n": 1}, initiator="alice")
    assert answer.output["input"] == {"n": 1}
    assert answer.output["step"]["stepId"] == "run"
    with pytest.raises(RunRefused, match="did you mean"):
        await execute_capability(found, executor, "golden.test.progrem", {})


@pytest.mark.parametrize(
    ("expected", "actual", "count"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, 0),
        ([{"a": 1}], [{"a": 1, "b": 2}], 0),
        ([1, 2], [1, 2, 3], 1),
        ([1, 2], [1, 3], 1),
        (1, 1.0, 0),
        (1, True, 1),
        (None, None, 0),
        ({"a": {"b": 1}, "c": 2}, {"a": {"b": 2}}, 2),
        ("x", None, 1),
    ],
)
def test_an_object_may_have_more_than_is_expected(expected: Any, actual: Any, count: int) -> None:
    assert len(differences("output", expected, actual)) == count
