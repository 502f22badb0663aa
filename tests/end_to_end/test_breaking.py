"""Workers that are killed, and workers and servers that start again."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from engine.errors import ServiceUnavailable
from engine.messages import Decide, RunView, StartArguments
from engine.temporal.client import Client, Runs, connect
from engine.temporal.embedded import ServerAddress, embedded_server
from tests.canned import World, outcomes, text_of, world
from tests.test_embedded import until

LIMIT = 60
P3 = {"incident_severity": "P3"}


@contextlib.asynccontextmanager
async def real_worker(address: str, queue: str) -> AsyncIterator[int]:
    """A worker that runs programs, by its process id; killed at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.end_to_end.real_worker", address, queue,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    try:
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def lost_in(blueprint: str, client: Client, address: str, trace: Path) -> RunView:
    """The run's end, whose worker was killed while its step ran, and another one started."""
    queue = f"lost-{uuid4().hex}"
    runs = Runs(client, task_queue=queue)
    run = f"{blueprint}-{uuid4().hex[:8]}"
    async with asyncio.timeout(LIMIT):
        async with real_worker(address, queue) as pid:
            await runs.start(blueprint, StartArguments(inputs={"trace": str(trace)}), run)
            await until(trace.exists)
            os.kill(pid, signal.SIGKILL)
        async with real_worker(address, queue):
            return await runs.result(run)


@contextlib.asynccontextmanager
async def served(state: Path, queue: str) -> AsyncIterator[World]:
    """A server with its state in this folder, and a worker."""
    async with embedded_server(state) as server, asyncio.timeout(LIMIT):
        client = await connect(server.address)
        async with world(client, queue=queue) as w:
            yield w


async def test_a_step_that_is_not_idempotent_is_not_run_again(
    client: Client, server: ServerAddress, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    view = await lost_in("lost.once", client, server.address, trace)
    assert view.status == "failed"
    assert view.error is not None
    assert view.error.code == "WORKER_LOST", view
    assert "its effect is unknown" in view.error.message
    assert view.steps["stay"].attempts == 1
    assert trace.read_text().splitlines() == ["here"]


async def test_a_step_that_is_idempotent_is_tried_again(
    client: Client, server: ServerAddress, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    view = await lost_in("lost.again", client, server.address, trace)
    assert view.status == "succeeded", view
    assert view.outputs == {"times": 2}
    assert view.steps["stay"].attempts == 2


async def test_a_run_is_seen_and_goes_on_without_the_worker_it_began_with(client: Client) -> None:
    async with world(client) as w:
        run = await w.start("flow.gate", context=P3)
        opened = await w.until_open(run, "ask")
    async with asyncio.timeout(LIMIT):
        alone = await w.runs.look(run)
    assert not alone.answered
    assert alone.view.gates == opened.gates
    async with world(client, queue=w.queue) as again:
        reply = await again.approve(run, "ask")
        view = await again.runs.result(run)
    assert reply.accepted
    assert text_of(view, "go") == "go by approver"


async def test_nobody_is_waited_for_where_no_worker_polls(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOOK_TIMEOUT", "ANSWER_TIMEOUT"):
        monkeypatch.setattr(f"engine.temporal.client.{name}", timedelta(hours=1))
    run, queue = f"unserved-{uuid4().hex[:8]}", f"unserved-{uuid4().hex}"
    runs = Runs(client, task_queue=queue)
    await runs.start("flow.gate", StartArguments(context=P3), run)
    async with asyncio.timeout(LIMIT):
        seen = await runs.look(run)
        with pytest.raises(ServiceUnavailable, match="No worker serves"):
            await runs.decide(run, Decide(decision="approved", approver_id="bob"))
    assert (seen.answered, seen.view.status, seen.view.steps) == (False, "running", {})


async def test_a_gate_is_open_again_after_the_server_was_stopped(tmp_path: Path) -> None:
    state, queue = tmp_path / "state", "restarted"
    async with served(state, queue) as w:
        run = await w.start("flow.gate", context=P3)
        opened = await w.until_open(run, "ask")
    async with served(state, queue) as w:
        still = await w.until_open(run, "ask")
        await w.approve(run)
        view = await w.runs.result(run)
    assert still.gates == opened.gates
    assert outcomes(view)["go"] == "succeeded"
    assert view.status == "succeeded"
