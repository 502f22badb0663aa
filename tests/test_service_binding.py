"""`x-service: incidents`: a step is given the worker's service, and the token goes nowhere else."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import StepError
from engine.incidents.desk import Service
from engine.messages import StepAnswer
from engine.project.folder import Project
from engine.runners.base import Executed, Execution, Runner
from engine.runners.process import ProcessRunner
from engine.steps.capability_cases import run_capability_cases
from engine.steps.flags import Flags
from engine.steps.service_binding import ServiceOf
from engine.steps.step_execution import StepExecutor
from engine.validation.check import check
from tests.programmable import ID, call_of, project

MARK = {"type": "string", "x-service": "incidents"}
CONTRACT = {
    "schemas": {
        "config": {"required": ["url"], "properties": {"url": MARK}},
        "secrets": {"type": "object", "required": ["token"], "properties": {"token": MARK}},
    },
    "security": {"networkAccess": {"allowOutbound": ["config:url"]}},
}
PROGRAM = """
    import json, os, pathlib, sys
    token = pathlib.Path(os.environ["OCS_SECRETS_DIR"], "token").read_text()
    print(json.dumps({"url": json.load(sys.stdin)["config"]["url"], "letters": len(token),
                      "told": token}))
"""
SERVICE = Service("http://127.0.0.1:4711", "the-token-of-this-worker")
CASES = "capabilities/test/program/cases/some.yaml"


@pytest.fixture(scope="module")
async def runner() -> AsyncIterator[Runner]:
    made = ProcessRunner(grace_seconds=1.0)
    yield made
    await made.close()


async def given() -> Service:
    return SERVICE


def made(folder: Path, settings: str = "{}", cases: list[dict[str, Any]] | None = None) -> Project:
    files = {"harmony.yaml": settings, **({CASES: {"cases": cases}} if cases else {})}
    return project(folder, PROGRAM, contract=CONTRACT, files=files)


async def run(
    found: Project, runner: Runner, service: ServiceOf | None = given, **fields: Any
) -> StepAnswer:
    executor = StepExecutor(found, runner, Flags(None, {}), {"OWN": "a-token-of-ones-own"}, service)
    return await executor.run(call_of(found, **fields), lambda _: None)


async def test_a_step_is_given_the_url_and_the_token(tmp_path: Path, runner: Runner) -> None:
    answer = await run(made(tmp_path), runner)
    assert answer.output["url"] == SERVICE.url
    assert answer.output["letters"] == len(SERVICE.token)
    assert SERVICE.token not in str(answer.output)
    assert SERVICE.token not in repr(SERVICE)


class Looking:
    """A runner that keeps what it is given."""

    name = "process"

    def __init__(self) -> None:
        self.given: list[Execution] = []

    async def run(self, execution: Execution) -> Executed:
        self.given.append(execution)
        return Executed(0, b"{}", b"")

    async def close(self) -> None:
        pass


async def test_its_network_is_the_services_place_alone(tmp_path: Path) -> None:
    runner = Looking()
    await run(made(tmp_path), runner)
    assert runner.given[0].allow_outbound == ("127.0.0.1:4711",)


async def test_without_a_worker_it_is_said_clearly(tmp_path: Path, runner: Runner) -> None:
    with pytest.raises(StepError, match="runs with a worker, and here is none") as raised:
        await run(made(tmp_path), runner, None)
    assert raised.value.code == "SERVICE_MISSING"
    cases = [{"name": "a", "output": {}}]
    (result,) = await run_capability_cases(made(tmp_path, cases=cases), ID, runner)
    assert "give `url` in its configuration and `token` among its secrets" in result.problems[0]


async def test_a_case_may_bring_a_service_of_its_own(tmp_path: Path, runner: Runner) -> None:
    case = {
        "name": "a",
        "config": {"url": "http://127.0.0.1:1"},
        "secrets": {"token": "case"},
        "output": {"url": "http://127.0.0.1:1", "letters": 4},
    }
    (result,) = await run_capability_cases(made(tmp_path, cases=[case]), ID, runner)
    assert result.problems == ()


async def test_the_token_goes_to_no_other_url(tmp_path: Path, runner: Runner) -> None:
    elsewhere = f"config: {{{ID}: {{url: http://127.0.0.1:1}}}}\n"
    with pytest.raises(StepError) as raised:
        await run(made(tmp_path, elsewhere), runner)
    assert raised.value.code == "SECRET_MISSING"
    with pytest.raises(StepError) as raised:
        await run(made(tmp_path), runner, config={"url": "http://127.0.0.1:1"})
    assert raised.value.code == "SECRET_MISSING"
    own = made(tmp_path, f"{elsewhere}secrets: {{{ID}: {{token: env:OWN}}}}\n")
    answer = await run(own, runner)
    assert (answer.output["url"], answer.output["letters"]) == ("http://127.0.0.1:1", 19)


def test_half_a_binding_is_a_fault(tmp_path: Path) -> None:
    made(tmp_path, f"config: {{{ID}: {{url: http://127.0.0.1:1}}}}\n")
    (fault,) = check(Project(tmp_path), [tmp_path / "harmony.yaml"])
    assert (fault.code, fault.path) == ("SECRET", f'config["{ID}"].url')
    assert "with a URL of your own, bind a token of your own too" in fault.message
