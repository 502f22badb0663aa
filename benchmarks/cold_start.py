"""`harmony run` of one step, cold, against the bare server, and against the least that a program on
temporalio does; `harmony validate` of a file."""

import asyncio
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.blueprints import sequential, write_project
from benchmarks.measure import Figure, alternate
from benchmarks.server import bare_server

HARMONY = Path(sys.executable).with_name("harmony")


async def command(*words: str | Path) -> None:
    """Run it to its end; a RuntimeError holds what it said where it failed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
    process = await asyncio.create_subprocess_exec(
        *words, env=kept, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    _, err = await asyncio.wait_for(process.communicate(), 60)
    if process.returncode:
        raise RuntimeError(err.decode())


async def figures() -> list[Figure]:
    """Whole commands, from their start to their exit, each with a fresh state folder.

    The bare server counts from its start with a new SQLite file until a workflow is started on it;
    neither its end nor the removal of a state folder counts.
    """
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        project = write_project(here / "project", {"bench.one": sequential("bench.one", 1)})
        counter = iter(range(1_000))

        async def cold_run() -> float:
            began = time.perf_counter()
            state = here / f"state{next(counter)}"
            await command(
                HARMONY, "--project", project, "--state", state, "run", "bench.one",
                "--runner", "process",
            )  # fmt: skip
            took = time.perf_counter() - began
            shutil.rmtree(state, ignore_errors=True)
            return took

        async def bare_start() -> float:
            began = time.perf_counter()
            async with bare_server(here / f"bare{next(counter)}.db") as client:
                await client.start_workflow("nothing", id="nothing", task_queue="nobody")
                return time.perf_counter() - began

        async def least() -> None:
            database = here / f"least{next(counter)}.db"
            await command(sys.executable, "-m", "benchmarks.least", database)

        async def validate() -> None:
            file = project / "blueprints/bench.one.yaml"
            await command(HARMONY, "--project", project, "validate", file)

        async def python() -> None:
            await command(sys.executable, "-c", "pass")

        run, bare = await alternate(cold_run, bare_start, 5)
        again, other = await alternate(cold_run, least, 5)
        check, interpreter = await alternate(validate, python, 7)
    return [
        Figure("harmony run, cold / bare server's start", run / bare, 1.4,
               detail=f"{run:.2f} s / {bare:.2f} s"),
        Figure("harmony run, cold / the least program on temporalio", again / other, None,
               detail=f"{again:.2f} s / {other:.2f} s"),
        Figure("harmony validate of one file", check, 0.5, "s",
               detail=f"Python alone {interpreter:.3f} s"),
    ]  # fmt: skip
