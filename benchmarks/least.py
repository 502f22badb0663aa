"""The least that a program on temporalio does: `python -m benchmarks.least DATABASE`.

It starts the server, imports the SDK meanwhile, runs one hand-written workflow of one step, and
ends the server.
"""

import asyncio
import os
import socket
import subprocess
import sys

from engine.temporal.embedded import binary
from engine.temporal.guardian import OPTIONS


async def run(port: int) -> None:
    """One run to its end, once the server is there."""
    from temporalio.client import Client
    from temporalio.worker import UnsandboxedWorkflowRunner, Worker

    from benchmarks import by_hand

    # The SDK itself waits long before it tries again.
    while not listens(port):  # noqa: ASYNC110 - nobody tells of it
        await asyncio.sleep(0.01)
    client = await Client.connect(f"127.0.0.1:{port}")
    worker = Worker(
        client, task_queue="least", build_id="least", workflows=by_hand.WORKFLOWS,
        activities=[by_hand.run_program], workflow_runner=UnsandboxedWorkflowRunner(),
    )  # fmt: skip
    async with worker:
        await client.execute_workflow("hand.sequential", 1, id="least", task_queue="least")


def listens(port: int) -> bool:
    """Whether somebody accepts there."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def main(database: str) -> None:
    """The server is begun before anything but the standard library is imported."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [binary(), "server", "start-dev", "--headless", "--ip=127.0.0.1", f"--port={port}",
         f"--db-filename={database}", "--log-level=error", *OPTIONS],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        asyncio.run(run(port))
    finally:
        server.terminate()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
