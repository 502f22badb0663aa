"""The process runner against bare `asyncio.create_subprocess_exec` of the same program: a Python
program, as capabilities are, and one that ends at once."""

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
PYTHON = (sys.executable, "-c", PROGRAM)
TRUE = ("/bin/true",)
DOCUMENT = json.dumps({"input": {"text": "x" * 200}}).encode()
TIMES = 40


async def bare(command: tuple[str, ...], folder: Path) -> None:
    """What anyone would write: pipes in, out and err, wait."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    await process.communicate(DOCUMENT)


async def figures() -> list[Figure]:
    """One after the other, and eight at once."""
    runner = ProcessRunner()
    with tempfile.TemporaryDirectory() as name:

        async def one(command: tuple[str, ...], *, ours: bool) -> None:
            if not ours:
                await bare(command, Path(name))
                return
            execution = Execution(command, Path(name), DOCUMENT, timeout_seconds=30)
            ended = await runner.run(execution)
            assert ended.exit_code == 0, ended

        async def in_sequence(command: tuple[str, ...], *, ours: bool) -> None:
            for _ in range(TIMES):
                await one(command, ours=ours)

        async def at_once(command: tuple[str, ...], *, ours: bool) -> None:
            for _ in range(TIMES // 8):
                await asyncio.gather(*(one(command, ours=ours) for _ in range(8)))

        found = []
        for title, work, command, limit in (
            ("in sequence", in_sequence, PYTHON, 1.25),
            ("eight at once", at_once, PYTHON, 1.25),
            ("/bin/true", in_sequence, TRUE, None),
        ):
            mine, theirs = await alternate(
                partial(work, command, ours=True), partial(work, command, ours=False), 5
            )
            found.append(
                Figure(f"process runner / bare subprocess, {title}", mine / theirs, limit,
                       detail=f"{mine / TIMES * 1000:.1f} ms / {theirs / TIMES * 1000:.1f} ms")
            )  # fmt: skip
    await runner.close()
    return found
