"""The Temporal server's time, as it notes it for whoever polls, and who polls for Harmony."""

import asyncio
import contextlib
import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from engine.temporal.connection import TASK_QUEUE
from engine.temporal.pollers import pollers

_TRIES = 20
_PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class Seen:
    """What was learned."""

    skew_seconds: float | None
    """How far this machine's clock is ahead; None where the server does not tell."""
    workers: int
    """That poll Harmony's task queue."""


async def look(client: Client) -> Seen:
    """Ask the server. Leaves nothing behind: it polls a queue of its own, and gives up."""
    try:
        served = await pollers(client, TASK_QUEUE)
        skew = await _skew(client)
    except RPCError:
        return Seen(None, 0)
    return Seen(skew, len({poller.identity for poller in served}))


async def _skew(client: Client) -> float | None:
    queue = f"harmony-doctor-{uuid4().hex[:8]}"
    began = time.time()
    polling = asyncio.create_task(_poll(client, queue))
    try:
        for _ in range(_TRIES):
            found = await pollers(client, queue)
            if found:
                noted = found[0].last_access_time.ToNanoseconds() / 1e9
                return _beyond(began, time.time(), noted)
            await asyncio.sleep(_PAUSE)
        return None
    finally:
        polling.cancel()
        with contextlib.suppress(asyncio.CancelledError, RPCError):
            await polling


def _beyond(began: float, ended: float, noted: float) -> float:
    """How far the noted time lies outside of when it must have been noted; 0 within."""
    if noted < began:
        return began - noted
    return ended - noted if noted > ended else 0.0


async def _poll(client: Client, queue: str) -> None:
    request = PollWorkflowTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), identity="harmony doctor"
    )
    limit = timedelta(seconds=_TRIES * _PAUSE * 2)
    await client.workflow_service.poll_workflow_task_queue(request, timeout=limit)
