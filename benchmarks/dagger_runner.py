"""A step through the Dagger runner against the same exec through bare dagger-io, in turns.

Where no engine answers there is nothing to measure, and the figures say so.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from uuid import uuid4

from benchmarks.measure import Figure, alternate
from engine.runners import dagger_engine, images
from engine.runners.base import Execution
from engine.runners.dagger import DaggerRunner
from engine.runners.dagger_session import Session
from engine.runners.process import ProcessRunner

PROGRAM = "import sys, json; print(json.dumps({'echo': json.load(sys.stdin)['input']}))"
COMMAND = ("python3", "-c", PROGRAM)
DOCUMENT = json.dumps({"input": {"text": "x" * 200}})
ROUNDS = 9
MORE_SECONDS = 0.2
"""What the confinement may cost a step."""


async def figures() -> list[Figure]:
    """One step after the other, eight at once, and beside the process runner."""
    found = dagger_engine.look()
    if not found.answers:
        return [Figure("Dagger runner: not measured", 0, None, detail=found.says)]
    with tempfile.TemporaryDirectory() as name:
        return await _measured(Path(name))


async def _measured(folder: Path) -> list[Figure]:
    base = images.base()
    image = folder / "containers" / images.DEFAULT
    image.mkdir(parents=True)
    (image / images.CONTAINERFILE).write_text(f"ARG BASE={base}\nFROM ${{BASE}}\n")
    (folder / "capability").mkdir()
    runner, process = DaggerRunner(image.parent), ProcessRunner()
    session = await Session.open()
    container = await session.client.container().from_(base).with_user("0").sync()

    async def bare(*, insecure: bool) -> None:
        """What anyone would write, with an exec that is not answered from the cache."""
        ran = container.with_env_variable("ONCE", uuid4().hex).with_exec(
            list(COMMAND), stdin=DOCUMENT, insecure_root_capabilities=insecure
        )
        json.loads(await ran.stdout())

    async def step(through: DaggerRunner | ProcessRunner) -> None:
        ran = await through.run(
            Execution(
                command=COMMAND, folder=folder / "capability", stdin=DOCUMENT.encode(),
                timeout_seconds=60, cache_key=uuid4().hex,
            )
        )  # fmt: skip
        json.loads(ran.stdout)

    async def ours(count: int = 1) -> float:
        """Its seconds; what the engine has to clear away is not left to the next turn."""
        began = time.perf_counter()
        await asyncio.gather(*(step(runner) for _ in range(count)))
        seconds = time.perf_counter() - began
        await asyncio.gather(*runner._clearing, return_exceptions=True)  # noqa: SLF001 - only here
        return seconds

    plain, privileged = partial(bare, insecure=False), partial(bare, insecure=True)
    local = partial(step, process)
    try:
        for warm in (ours, local, plain, privileged):
            await warm()
        return [
            *await _one(ours, plain, privileged),
            *await _eight(partial(ours, 8), plain, privileged),
            await _beside(ours, local),
        ]
    finally:
        await session.close()
        await runner.close()
        await process.close()


_Step = Callable[[], Awaitable[object]]


async def _one(ours: _Step, plain: _Step, privileged: _Step) -> list[Figure]:
    mine, theirs = await alternate(ours, plain, ROUNDS)
    again, same = await alternate(ours, privileged, ROUNDS)
    return [
        Figure("Dagger runner, confined - bare dagger-io exec", mine - theirs, MORE_SECONDS, "s",
               detail=f"{mine * 1000:.0f} ms / {theirs * 1000:.0f} ms"),
        Figure("Dagger runner / bare exec with the engine's privileged mode", again / same, 1.2,
               detail=f"{again * 1000:.0f} ms / {same * 1000:.0f} ms"),
    ]  # fmt: skip


async def _eight(eight: _Step, plain: _Step, privileged: _Step) -> list[Figure]:
    async def at_once(step: _Step) -> None:
        await asyncio.gather(*(step() for _ in range(8)))

    mine, theirs = await alternate(eight, partial(at_once, plain), 5)
    again, same = await alternate(eight, partial(at_once, privileged), 5)
    return [
        Figure("Dagger runner / bare exec, eight at once", mine / theirs, None,
               detail=f"{mine * 1000:.0f} ms / {theirs * 1000:.0f} ms"),
        Figure("the same, privileged mode", again / same, 1.2,
               detail=f"{again * 1000:.0f} ms / {same * 1000:.0f} ms"),
    ]  # fmt: skip


async def _beside(ours: _Step, local: _Step) -> Figure:
    mine, theirs = await alternate(ours, local, ROUNDS)
    detail = f"{mine * 1000:.0f} ms / {theirs * 1000:.0f} ms"
    return Figure("Dagger runner / process runner", mine / theirs, None, detail=detail)
