"""Workers for one measurement: ours on the project, the hand-written one beside it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from benchmarks import by_hand
from engine.messages import StepAnswer, StepCall
from engine.project.folder import Project
from engine.runners.process import ProcessRunner
from engine.steps.flags import Flags
from engine.temporal.activities import Activities
from engine.temporal.worker import workers

HAND_QUEUE = "by-hand"


@contextlib.asynccontextmanager
async def our_workers(
    client: Client, project: Path, *, canned: StepAnswer | None = None, wait: float = 0
) -> AsyncIterator[None]:
    """Harmony's workers; with `canned` every step is answered so, after so many seconds."""
    runner, flags = ProcessRunner(), Flags(None, {})
    activities = Activities(Project(project), runner, flags, indexed=True)
    served = list(activities.all)
    if canned is not None:

        @activity.defn(name="run_step")
        async def answer(_: StepCall) -> StepAnswer:
            await asyncio.sleep(wait)
            return canned

        served = [*(each for each in served if each.__name__ != "run_step"), answer]
    async with contextlib.AsyncExitStack() as stack:
        for worker in workers(client, served):
            await stack.enter_async_context(worker)
        yield


@contextlib.asynccontextmanager
async def both_workers(
    client: Client, project: Path, *, canned: StepAnswer | None = None, wait: float = 0
) -> AsyncIterator[None]:
    """Both, in one process; with `canned` neither starts a process for a step."""

    @activity.defn(name="by_hand")
    async def answer(_: dict[str, object]) -> dict[str, object]:
        await asyncio.sleep(wait)
        return {"text": "", "number": 1}

    hand = Worker(
        client, task_queue=HAND_QUEUE, workflows=by_hand.WORKFLOWS,
        activities=[by_hand.run_program if canned is None else answer],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )  # fmt: skip
    async with our_workers(client, project, canned=canned, wait=wait), hand:
        yield
