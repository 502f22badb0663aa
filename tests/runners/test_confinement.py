"""Programs in a container of a real engine try to get out of the confinement, and to work in it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import dagger
import pytest
import yaml

from engine.runners import confinement
from tests.runners.confined.engine import engine

HERE = Path(__file__).parent / "confined"
ESCAPES: list[dict[str, Any]] = yaml.safe_load((HERE / "escapes.yaml").read_text())
WORK: list[dict[str, Any]] = yaml.safe_load((HERE / "work.yaml").read_text())
FREELY = [each for each in ESCAPES if each.get("unconfined", "reached") is not None]
REACH = {"neighbour:7000": "neighbour:7000"}
PLACE = "/opt/confined"
Results = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
async def results() -> dict[str, Results]:
    """Every attempt in two containers side by side, "confined" and "unconfined", by its name."""
    confined = [
        {**each, "spec": {"reach": REACH, **each.get("limits", {}), **each.get("spec", {})}}
        for each in (*ESCAPES, *WORK)
    ]
    async with engine() as (client, base):
        ran = await asyncio.gather(
            drive(client, base, confined),
            drive(client, base, [{**each, "spec": None} for each in FREELY]),
        )
    return dict(zip(("confined", "unconfined"), ran, strict=True))


def with_programs(client: dagger.Client, container: dagger.Container) -> dagger.Container:
    """A container that holds the program under test and the programs that try it."""
    files = client.directory()
    for path in (Path(confinement.__file__), *HERE.glob("*.py")):
        files = files.with_new_file(path.name, path.read_text())
    return container.with_directory(PLACE, files)


async def drive(
    client: dagger.Client, base: dagger.Container, attempts: list[dict[str, Any]]
) -> Results:
    """Let the driver make these attempts in one container."""
    prepared = with_programs(client, base)
    neighbour = prepared.with_exposed_port(7000).as_service(
        args=["python3", f"{PLACE}/neighbour.py"]
    )
    ran = (
        prepared.with_service_binding("neighbour", neighbour)
        .with_service_binding("other", neighbour)
        .with_env_variable("ONCE", str(id(attempts)) + str(asyncio.get_running_loop().time()))
        .with_exec(
            ["python3", f"{PLACE}/driver.py"],
            stdin=json.dumps(attempts),
            insecure_root_capabilities=True,
        )
    )
    async with asyncio.timeout(100):
        try:
            return {each["name"]: each for each in json.loads(await ran.stdout())}
        except dagger.ExecError as error:
            raise AssertionError(error.stderr) from error


@pytest.mark.parametrize("escape", ESCAPES, ids=lambda each: each["name"])
def test_no_way_out(escape: dict[str, Any], results: dict[str, Results]) -> None:
    got = results["confined"][escape["name"]]
    assert got["outcome"] == escape["confined"], got
    assert not got["survivors"]


@pytest.mark.parametrize("escape", FREELY, ids=lambda each: each["name"])
def test_without_confinement_it_gets_out(
    escape: dict[str, Any], results: dict[str, Results]
) -> None:
    got = results["unconfined"][escape["name"]]
    assert got["outcome"] == escape.get("unconfined", "reached"), got
    assert bool(got["survivors"]) == escape.get("survives", False)


@pytest.mark.parametrize("work", WORK, ids=lambda each: each["name"])
def test_what_a_program_may_rely_on(work: dict[str, Any], results: dict[str, Results]) -> None:
    got = results["confined"][work["name"]]
    assert got["code"] == work.get("code", 0), got
    assert got["out"] == work.get("out", got["out"])
    assert re.search(work.get("err", ""), got["err"]), got["err"]
    assert not got["survivors"]


async def test_a_declared_service_of_the_workers_host_under_load() -> None:
    async with echo() as (port, words), engine() as (client, base):
        there = client.host().service([dagger.PortForward(port, port)])
        spec = {"reach": {f"127.0.0.1:{port}": f"worker-host:{port}"}}
        command = ["python3", "-I", "-S", f"{PLACE}/confinement.py", json.dumps(spec), "--"]
        ran = (
            with_programs(client, base)
            .with_service_binding("worker-host", there)
            .with_exec(
                [*command, "python3", f"{PLACE}/load.py", "127.0.0.1", str(port)],
                insecure_root_capabilities=True,
            )
        )
        async with asyncio.timeout(100):
            assert await ran.stdout() == "[True, True, True, True, True]\n"
            assert await ran.stderr() == ""
            while b"parting words" not in words:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def echo() -> AsyncIterator[tuple[int, set[bytes]]]:
    """A server on this host's loopback that sends back what it gets; its port, and short words."""
    words: set[bytes] = set()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 17):
                words.add(data[:100])
                writer.write(data)
                await writer.drain()
            writer.write_eof()
        except OSError:
            return
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, backlog=500)
    try:
        yield server.sockets[0].getsockname()[1], words
    finally:
        server.close()
        for task in tasks:
            task.cancel()


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("127.0.0.1", True), ("127.9.9.9", True), ("0.0.0.0", True), ("169.254.169.254", True),
        ("::1", True), ("::", True), ("fe80::1%eth0", True), ("::ffff:127.0.0.1", True),
        ("::ffff:169.254.169.254", True), ("10.87.0.1", False), ("203.0.113.7", False),
        ("2001:db8::7", False), ("::ffff:203.0.113.7", False), ("fd00::1", False),
    ],
)  # fmt: skip
def test_addresses_that_are_others_on_each_machine(address: str, own: bool) -> None:
    assert confinement.is_of_the_machine(address) is own
