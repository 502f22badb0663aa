"""The process runner against bare `asyncio.create_subprocess_exec` of the same program."""

import asyncio
import json
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.measure import Figure, alternate
from engine.runners.base import Execution
from engine.runners.process import ProcessRunner

PROGRAM = "import sys, json; print(json.dumps({'echo': json.load(sys.stdin)['input']}))"
DOCUMENT = json.dumps({"input": {"text": "x" * 200}}).encode()
TIMES = 40


async def bare(folder: Path) -> None:
    """What anyone would write: pipes in, out and err, wait."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, cwd=folder, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate(DOCUMENT)
    json.loads(out)


async def figures() -> list[Figure]:
    """One after the other, and eight at once."""
    runner = ProcessRunner()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        execution = Execution(
            command=(sys.executable, "-c", PROGRAM), folder=folder, stdin=DOCUMENT,
            timeout_seconds=30,
        )  # fmt: skip

        async def in_sequence(ours: bool) -> None:
            for _ in range(TIMES):
                await (runner.run(execution) if ours else bare(folder))

        async def at_once(ours: bool) -> None:
            for _ in range(TIMES // 8):
                await asyncio.gather(
                    *(runner.run(execution) if ours else bare(folder) for _ in range(8))
                )

        found = []
        for title, work in (("in sequence", in_sequence), ("eight at once", at_once)):
            mine, theirs = await alternate(partial(work, True), partial(work, False), 5)
            found.append(
                Figure(f"process runner / bare subprocess, {title}", mine / theirs, 1.25,
                       detail=f"{mine / TIMES * 1000:.1f} ms / {theirs / TIMES * 1000:.1f} ms")
            )  # fmt: skip
    await runner.close()
    return found
