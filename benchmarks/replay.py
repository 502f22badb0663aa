"""Replay of a run against a hand-written workflow's of the same events, both unsandboxed."""

import tempfile
import time
import uuid
from pathlib import Path

from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from benchmarks import by_hand
from benchmarks.blueprints import sequential, write_project
from benchmarks.hand_written import START
from benchmarks.measure import Figure
from benchmarks.server import bare_server
from benchmarks.serving import HAND_QUEUE, both_workers
from engine.interpreter.workflow import Run
from engine.messages import StepAnswer
from engine.temporal.connection import TASK_QUEUE
from engine.temporal.converter import DATA_CONVERTER

STEPS = 600


async def history(client: Client, queue: str, name: str, *arguments: object) -> WorkflowHistory:
    """The history of one run, from its start to its end."""
    handle = await client.start_workflow(
        name, args=arguments, id=f"{name}-{uuid.uuid4().hex[:8]}", task_queue=queue
    )
    await handle.result()
    return await handle.fetch_history()


async def replayed(workflows: list[type], kept: WorkflowHistory) -> float:
    """The least seconds of five replays, each without anything cached."""
    seen = []
    for _ in range(5):
        replayer = Replayer(
            workflows=workflows, data_converter=DATA_CONVERTER,
            workflow_runner=UnsandboxedWorkflowRunner(),
        )  # fmt: skip
        start = time.perf_counter()
        await replayer.replay_workflow(kept)
        seen.append(time.perf_counter() - start)
    return min(seen)


async def figures() -> list[Figure]:
    """Milliseconds an event of ours, and the ratio of the two for each event."""
    with tempfile.TemporaryDirectory() as name:
        text = sequential("bench.long", STEPS)
        project = write_project(Path(name) / "project", {"bench.long": text})
        answer = StepAnswer(output={"text": "", "number": 1}, runner="process")
        async with (
            bare_server(Path(name) / "temporal.db") as client,
            both_workers(client, project, canned=answer),
        ):
            ours = await history(client, TASK_QUEUE, "bench.long", START)
            theirs = await history(client, HAND_QUEUE, "hand.sequential", STEPS)
    mine = await replayed([Run], ours) / len(ours.events) * 1_000
    other = await replayed(by_hand.WORKFLOWS, theirs) / len(theirs.events) * 1_000
    return [
        Figure("replay of an event / by hand", mine / other, 1.5,
               detail=f"{mine:.3f} ms / {other:.3f} ms, {len(ours.events)} events")
    ]  # fmt: skip
