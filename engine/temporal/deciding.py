"""One answer to a gate of a run, sent until the run has taken it once."""

import asyncio
import time
import uuid
from datetime import timedelta

import msgspec
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from engine.messages import Decide, Reply

_PAUSE_SECONDS = 0.1


async def decide(client: Client, run: str, answer: Decide, limit: timedelta) -> Reply:
    """What the run says to the answer, within `limit`.

    A run that just went over into a new history may have no place for it: the server then answers
    FAILED_PRECONDITION, and the answer is sent again under the same id, so that it counts once.

    Raises `RPCError` and what `execute_update` raises.
    """
    handle, name = client.get_workflow_handle(run), str(uuid.uuid4())
    end = time.monotonic() + limit.total_seconds()
    while True:
        left = timedelta(seconds=max(end - time.monotonic(), _PAUSE_SECONDS))
        try:
            reply = await handle.execute_update(
                "decide", answer, id=name, result_type=Reply, rpc_timeout=left
            )
            return msgspec.convert(reply, Reply)
        except RPCError as error:
            if error.status != RPCStatusCode.FAILED_PRECONDITION or time.monotonic() > end:
                raise
        await asyncio.sleep(_PAUSE_SECONDS)
