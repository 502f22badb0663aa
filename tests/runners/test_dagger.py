"""What the Dagger runner does beside its promises to all: its cache, its network, its images."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.errors import RunRefused, StepError
from engine.messages import StepAnswer
from engine.plan import Json
from engine.project.folder import Project
from engine.runners.dagger import DaggerRunner, reachable
from engine.steps.flags import Flags
from engine.steps.step_execution import StepExecutor
from tests.engine import containers, need_engine
from tests.programmable import call_of, project
from tests.runners.programs import execution, output
from tests.runners.world import World

READS = {"isIdempotent": True, "effect": "read"}
WRITES = {"isIdempotent": False, "effect": "write"}
CALL = """
    import json, pathlib, os, sys, urllib.request
    url = json.load(sys.stdin)["config"]["url"]
    for secret in pathlib.Path(os.environ["OCS_SECRETS_DIR"]).iterdir():
        url += "/" + secret.read_text()
    print(json.dumps(urllib.request.urlopen(url, timeout=20).read().decode()))
"""


@pytest.fixture(scope="module")
async def dagger(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DaggerRunner]:
    need_engine()
    runner = DaggerRunner(containers(tmp_path_factory.mktemp("images")), grace_seconds=1.0)
    yield runner
    await runner.close()


def contract(operations: Mapping[str, Any], *outbound: str) -> dict[str, Any]:
    """Of a capability that calls the URL in its configuration."""
    return {
        "operations": operations,
        "schemas": {
            "config": {"properties": {"url": {"type": "string"}}},
            "secrets": {"properties": {"token": {"x-env": "TOKEN"}}},
        },
        "security": {"networkAccess": {"allowOutbound": list(outbound)}},
    }


async def run(
    found: Project, runner: DaggerRunner, config: dict[str, Json], **environment: str
) -> StepAnswer:
    """The same step of the same run, each time."""
    executor = StepExecutor(found, runner, Flags(None, {}), environment)
    return await executor.run(call_of(found, config=config), lambda _: None)


async def test_a_step_that_writes_acts_each_time(
    dagger: DaggerRunner, tmp_path: Path, world: World
) -> None:
    found = project(tmp_path, CALL, contract=contract(WRITES, "config:url"))
    answers = [await run(found, dagger, {"url": world.url("write")}) for _ in range(2)]
    assert [answer.output for answer in answers] == ["answer 1", "answer 2"]
    assert world.asked == ["write", "write"]


async def test_an_idempotent_read_is_answered_again_from_the_cache(
    dagger: DaggerRunner, tmp_path: Path, world: World
) -> None:
    found = project(tmp_path, CALL, contract=contract(READS, "config:url"))
    config: dict[str, Json] = {"url": world.url("read")}
    answers = [await run(found, dagger, config, TOKEN="a-token") for _ in range(2)]
    assert [answer.output for answer in answers] == ["answer 1", "answer 1"]
    other = await run(found, dagger, config, TOKEN="another-token")
    assert other.output == "answer 2"
    assert world.asked == ["read/a-token", "read/another-token"]


async def test_two_that_wait_for_the_same_read_share_it(
    dagger: DaggerRunner, tmp_path: Path, world: World
) -> None:
    found = project(tmp_path, CALL, contract=contract(READS, "config:url"))
    config: dict[str, Json] = {"url": world.url("held")}
    first, second = (asyncio.create_task(run(found, dagger, config)) for _ in range(2))
    await world.arrival("held")
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    world.release("held")
    assert (await second).output == "answer 1"
    assert world.asked == ["held"]


async def test_a_service_of_the_workers_host_that_is_not_declared_is_out_of_reach(
    dagger: DaggerRunner, tmp_path: Path, world: World
) -> None:
    found = project(tmp_path, CALL, contract=contract(WRITES, "api.example.com:443"))
    with pytest.raises(StepError) as raised:
        await run(found, dagger, {"url": world.url("secretly")})
    assert world.asked == []
    assert "nothing but api.example.com:443 is reachable" in raised.value.message


async def test_a_host_that_is_not_declared_is_named_with_what_to_do(
    dagger: DaggerRunner, tmp_path: Path
) -> None:
    found = project(tmp_path, CALL, contract=contract(WRITES))
    with pytest.raises(StepError) as raised:
        await run(found, dagger, {"url": "https://telemetry.example.org/"})
    message = raised.value.message
    assert "no access to telemetry.example.org: it has no network; declare" in message
    assert "allowOutbound (capability) or harmony.allowOutbound (runbook)" in message


async def test_a_secret_in_a_host_that_is_not_declared_is_struck(
    dagger: DaggerRunner, tmp_path: Path
) -> None:
    source = CALL.replace('"/" + secret', 'secret.read_text() + ".example.org/" + secret')
    found = project(tmp_path, source, contract=contract(WRITES))
    with pytest.raises(StepError) as raised:
        await run(found, dagger, {"url": "https://"}, TOKEN="very-secret-token")
    assert "no access to" in raised.value.message
    assert "very-secret-token" not in raised.value.message


async def test_the_program_cannot_speak_for_its_recorder(
    dagger: DaggerRunner, tmp_path: Path
) -> None:
    source = """
        import os, json, socket
        found = []
        try:
            socket.socket(socket.AF_UNIX).connect("/.harmony/control")
        except OSError as error:
            found.append(error.strerror)
        try:
            open("/.harmony/result", "w")
        except OSError as error:
            found.append(error.strerror)
        print(json.dumps(found))
    """
    ran = await dagger.run(execution(tmp_path, source))
    assert output(ran) == ["Permission denied", "Read-only file system"]


async def test_what_a_folder_imports_is_compiled_and_cannot_be_changed(
    dagger: DaggerRunner, tmp_path: Path
) -> None:
    (tmp_path / "beside.py").write_text("value = 1\n")
    (tmp_path / "faulty.py").write_text("this is no Python\n")
    source = """
        import beside, json
        try:
            open("new", "w")
        except OSError as error:
            print(json.dumps([beside.value, "__pycache__" in beside.__cached__, error.strerror]))
    """
    ran = await dagger.run(execution(tmp_path, source))
    assert output(ran) == [1, True, "Read-only file system"]


async def test_an_image_without_python_says_so(tmp_path: Path) -> None:
    need_engine()
    bare = tmp_path / "containers" / "bare"
    bare.mkdir(parents=True)
    (bare / "Containerfile").write_text("FROM scratch\nCOPY Containerfile /\n")
    runner = DaggerRunner(bare.parent)
    try:
        ran = await runner.run(execution(tmp_path, "", image="bare"))
        assert (ran.exit_code, ran.stdout) == (125, b"")
        assert "the image has no python3" in ran.note
        with pytest.raises(RunRefused, match="there are: bare"):
            await runner.run(execution(tmp_path, "", image="none"))
    finally:
        await runner.close()


def test_what_is_served_on_the_workers_own_loopback() -> None:
    reach, ports = reachable(["127.0.0.1:80", "[::1]:81", "localhost:82", "example.com:443"])
    assert reach == {
        "127.0.0.1:80": "worker-host:80",
        "[::1]:81": "worker-host:81",
        "localhost:82": "worker-host:82",
        "example.com:443": "example.com:443",
    }
    assert ports == [80, 81, 82]
