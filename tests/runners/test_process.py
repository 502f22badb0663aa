"""What the process runner does beside its promises to all: when parts of it are killed."""

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.errors import RunnerUnavailable
from engine.runners.base import Execution
from engine.runners.process import ProcessRunner
from tests.runners.programs import (
    execution,
    exists,
    is_alive,
    marked,
    open_descriptors,
    output,
    until,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def process() -> AsyncIterator[ProcessRunner]:
    runner = ProcessRunner(grace_seconds=1.0)
    yield runner
    await runner.close()


async def test_a_program_that_kills_its_supervisor_is_ended(
    process: ProcessRunner, tmp_path: Path
) -> None:
    mark = secrets.token_hex(8)
    source = f"""
        import os, pathlib, signal, subprocess, time
        sleep = ["python3", "-c", "import time; time.sleep(3600)", "{mark}"]
        subprocess.Popen(sleep, start_new_session=True, env={{}})
        pathlib.Path("folder").write_text(os.environ["TMPDIR"])
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(3600)
    """
    with pytest.raises(RunnerUnavailable) as raised:
        await process.run(execution(tmp_path, source))
    assert raised.value.started
    await until(lambda: marked(mark) == [])
    assert not exists((tmp_path / "folder").read_text())
    assert output(await process.run(execution(tmp_path, "print(1)"))) == 1


async def test_a_supervisor_that_was_killed_is_started_again(
    process: ProcessRunner, tmp_path: Path
) -> None:
    assert output(await process.run(execution(tmp_path, "print(1)"))) == 1
    first = process.start()
    first.kill()
    await until(first.has_ended)
    assert output(await process.run(execution(tmp_path, "print(2)"))) == 2


WORKER = """
import asyncio, os, pathlib, sys
from engine.runners.base import Execution
from engine.runners.process import ProcessRunner
folder = pathlib.Path(sys.argv[1])
asyncio.run(ProcessRunner(grace_seconds=1.0).run(
    Execution(command=("python3", "program.py", sys.argv[2]), folder=folder, stdin=b"",
              timeout_seconds=60, secrets={"key": "value"})
))
"""


async def test_a_worker_that_is_killed_takes_its_programs_with_it(tmp_path: Path) -> None:
    mark = secrets.token_hex(8)
    source = """
        import os, pathlib, time
        pathlib.Path("folder.new").write_text(os.environ["OCS_SECRETS_DIR"])
        os.rename("folder.new", "folder")
        time.sleep(3600)
    """
    execution(tmp_path, source)
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, str(tmp_path), mark, cwd=ROOT
    )
    await until(lambda: exists(tmp_path / "folder"))
    worker.kill()
    await worker.wait()
    await until(lambda: marked(mark) == [])
    await until(lambda: not exists((tmp_path / "folder").read_text()))


async def test_closing_it_ends_what_runs(tmp_path: Path) -> None:
    runner = ProcessRunner(grace_seconds=1.0)
    mark = secrets.token_hex(8)
    source = "import time; time.sleep(3600)"
    given = execution(tmp_path, source, command=("python3", "program.py", mark))
    running = asyncio.create_task(runner.run(given))
    await until(lambda: bool(marked(mark)))
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await runner.close()
    assert marked(mark) == []


async def test_ctrl_c_at_the_terminal_does_not_reach_the_program(
    process: ProcessRunner, tmp_path: Path
) -> None:
    source = "import os; print(os.getpgid(0), os.getsid(0), sep=',')"
    ran = await process.run(execution(tmp_path, f"print('[', end=''); {source}; print(']')"))
    group, session = output(ran)
    assert (group, session) == (group, group)
    assert group not in (os.getpgid(0), os.getsid(0))


async def test_no_zombies_and_no_descriptors_are_left(
    process: ProcessRunner, tmp_path: Path
) -> None:
    given = execution(tmp_path, "import os; print(os.getpid())")
    await process.run(given)
    before = open_descriptors()
    pids = [output(await process.run(given)) for _ in range(20)]
    refused = Execution(command=("./nothing",), folder=tmp_path, stdin=b"", timeout_seconds=9)
    for _ in range(5):
        await process.run(refused)
    assert open_descriptors() == before
    assert not any(is_alive(pid) or exists(f"/proc/{pid}") for pid in pids)


async def test_a_command_line_has_a_limit(process: ProcessRunner, tmp_path: Path) -> None:
    ran = await process.run(
        Execution(command=("echo", "x" * 100_000), folder=tmp_path, stdin=b"", timeout_seconds=9)
    )
    assert (ran.exit_code, ran.note) == (126, "cannot start: its command line is too long")


async def test_python_is_the_workers(process: ProcessRunner, tmp_path: Path) -> None:
    ran = await process.run(execution(tmp_path, "import sys, json; print(json.dumps(sys.prefix))"))
    assert output(ran) == sys.prefix


def test_the_supervisor_ends_with_its_worker_without_a_program() -> None:
    source = (
        "import os, sys\n"
        "from engine.runners.process import ProcessRunner\n"
        "runner = ProcessRunner()\n"
        "runner.start()\n"
        "print(runner.start().pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as worker:
        assert worker.stdout is not None
        pid = int(worker.stdout.readline())
        assert is_alive(pid)
        worker.send_signal(signal.SIGKILL)
    asyncio.run(until(lambda: not is_alive(pid)))
