"""A worker as a program of its own, to be killed: `python -m … ADDRESS QUEUE`."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from engine.interpreter import driver
from engine.project.folder import Project
from engine.temporal.client import connect
from engine.temporal.worker import serve

PROJECT = Path(__file__).parent.parent / "lost"
HEARTBEAT_TIMEOUT = timedelta(seconds=3)
"""Twenty seconds are long for a test."""


async def main(address: str, queue: str) -> None:
    driver.HEARTBEAT_TIMEOUT = HEARTBEAT_TIMEOUT
    client = await connect(address)
    await serve(client, Project(PROJECT), "process", task_queue=queue, stop=asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
