"""What a good engineer would write by hand with temporalio for the same work: the thing to beat.

Same program, one process a step, same time-outs and heartbeats, no contracts, no gates' rules.
"""

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RetryPolicy

PROGRAM = Path(__file__).parent / "project" / "capabilities" / "bench" / "echo" / "main.py"
MINUTE = timedelta(minutes=1)
ONCE = RetryPolicy(maximum_attempts=1)


@activity.defn(name="by_hand")
async def run_program(given: dict[str, Any]) -> dict[str, Any]:
    """One process, its input on stdin, its output from stdout."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    document = {"input": given, "config": {}, "context": {}, "step": {}}
    out, err = await process.communicate(json.dumps(document).encode())
    if process.returncode:
        raise RuntimeError(err.decode())
    answer: dict[str, Any] = json.loads(out)
    return answer


async def step(number: int) -> dict[str, Any]:
    """One activity, as a step is one."""
    answer: dict[str, Any] = await workflow.execute_activity(
        "by_hand", {"number": number}, start_to_close_timeout=MINUTE,
        heartbeat_timeout=timedelta(seconds=30), retry_policy=ONCE,
    )  # fmt: skip
    return answer


@workflow.defn(name="hand.sequential")
class Sequential:
    @workflow.run
    async def run(self, count: int) -> int:
        for number in range(count):
            await step(number)
        return count


@workflow.defn(name="hand.parallel")
class Parallel:
    @workflow.run
    async def run(self, count: int) -> int:
        await asyncio.gather(*(step(number) for number in range(count)))
        return count


@workflow.defn(name="hand.loop")
class Loop:
    @workflow.run
    async def run(self, count: int, done: list[dict[str, Any]]) -> int:
        room = asyncio.Semaphore(10)

        async def one(number: int) -> dict[str, Any]:
            async with room:
                return await step(number)

        left = range(len(done), min(count, len(done) + 600))
        done = done + list(await asyncio.gather(*(one(number) for number in left)))
        if len(done) < count:
            workflow.continue_as_new(args=[count, done])
        return len(done)


@workflow.defn(name="hand.gate")
class Gate:
    def __init__(self) -> None:
        self.decision: str | None = None

    @workflow.run
    async def run(self) -> str | None:
        await step(0)
        await workflow.wait_condition(lambda: self.decision is not None, timeout=timedelta(hours=1))
        await step(1)
        return self.decision

    @workflow.update
    def decide(self, decision: str) -> str:
        self.decision = decision
        return decision


WORKFLOWS: list[type] = [Sequential, Parallel, Loop, Gate]
