"""The worker: serves a task queue until it is told to stop, then lets what runs come to its end."""

import asyncio
import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from engine import VERSION
from engine.incidents.desk import Desk
from engine.interpreter.children import WATCH_QUEUE
from engine.interpreter.workflow import Run
from engine.project.folder import Project
from engine.runners.choice import choose_runner
from engine.runners.process import ProcessRunner
from engine.steps.flags import Flags
from engine.temporal.activities import Activities
from engine.temporal.child_activities import ChildActivities
from engine.temporal.connection import TASK_QUEUE
from engine.temporal.indexing import is_indexed
from engine.temporal.spans import spans_of

STEPS_AT_ONCE = 100
BUILD = f"harmony {VERSION}"
"""Told to the server. Without it the SDK hashes every module that is loaded: 0.1 s a worker."""
DRAIN = timedelta(seconds=30)
CANCEL_WITHIN = timedelta(seconds=1)
"""A cancellation reaches a step with its next heartbeat; so they are sent this often."""

WORKFLOW_RUNNER = UnsandboxedWorkflowRunner()
"""Without the sandbox: a replay takes 0.20 ms an event instead of 0.31 to 0.45, a run loads in 2 ms
instead of up to 55. The sandbox guards against what workflow code must not do; here that code is
one workflow over pure modules. The import contracts keep clocks, files and randomness away from
it, and the kept histories under tests/replay show a change that would not replay."""


def workers(
    client: Client, activities: Sequence[Callable[..., Any]], *, task_queue: str = TASK_QUEUE
) -> tuple[Worker, Worker]:
    """The worker that runs blueprints and steps, and the one that only watches children."""
    children = ChildActivities(client)
    steps = Worker(
        client,
        task_queue=task_queue,
        build_id=BUILD,
        workflows=[Run],
        activities=[*activities, children.answer, children.cancel],
        workflow_runner=WORKFLOW_RUNNER,
        max_concurrent_activities=STEPS_AT_ONCE,
        graceful_shutdown_timeout=DRAIN,
        max_heartbeat_throttle_interval=CANCEL_WITHIN,
        default_heartbeat_throttle_interval=CANCEL_WITHIN,
    )
    watching = Worker(
        client,
        task_queue=WATCH_QUEUE.format(task_queue),
        build_id=BUILD,
        activities=[children.watch],
        max_concurrent_activities=1_000,
        max_concurrent_activity_task_polls=1,
    )
    return steps, watching


async def run_until(stop: asyncio.Event, served: Sequence[Worker]) -> None:
    """Run the workers until `stop` is set, then drain them; raises what ends one before."""
    runs = [asyncio.create_task(worker.run()) for worker in served]
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([*runs, stopped], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        await asyncio.gather(*(worker.shutdown() for worker in served))
        await asyncio.gather(*runs)


async def serve(
    client: Client,
    project: Project,
    runner_name: str | None,
    *,
    no_solo: bool = False,
    task_queue: str = TASK_QUEUE,
    stop: asyncio.Event,
    desk: Desk | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve a project's runs until `stop` is set; `say` is told which runner was taken, and what
    a flag's source has to complain of. Without a name the runner is the one of harmony.yaml.
    `desk` puts what happens on incidents' timelines."""
    runner, choice = choose_runner(runner_name or project.settings.runner, project.containers)
    say(choice)
    flags = Flags(project.settings.flags_file, os.environ, warn=say)
    spans = spans_of(os.environ, say)
    try:
        if isinstance(runner, ProcessRunner):
            runner.start()  # it is ready by the time the first step comes
        indexed = await is_indexed(client)
        activities = Activities(
            project,
            runner,
            flags,
            allow_solo=not no_solo,
            indexed=indexed,
            desk=desk,
            spans=spans,
        )
        await run_until(stop, workers(client, activities.all, task_queue=task_queue))
    finally:
        await runner.close()
        await flags.close()
        await spans.close()
