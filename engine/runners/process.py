"""Runs a capability's program as a local process, on Linux. It limits, and does not isolate.

A small supervisor (supervisor.py) starts the programs and ends them; this side holds their
streams (running.py). The event loop does all the work, without threads.
"""

import asyncio
import contextlib
import functools
import marshal
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from engine.errors import RunnerUnavailable
from engine.runners.base import LONGEST_COMMAND, Executed, Execution, Limits
from engine.runners.running import RunningProgram

GRACE_SECONDS = 10.0
"""Between SIGTERM and SIGKILL."""
SPARE = 8
"""Copies of the supervisor kept for the next programs."""
_SCRIPT = Path(__file__).with_name("supervisor.py")


class ProcessRunner:
    """The `process` backend; see `Runner` for what it promises.

    Programs see PATH (this interpreter's folder first), HOME and TMPDIR (both private, removed),
    LANG and OCS_*. A worker that dies takes its programs with it.
    """

    name = "process"

    def __init__(self, *, grace_seconds: float = GRACE_SECONDS) -> None:
        self._grace = grace_seconds
        self._supervisor: Supervisor | None = None
        self._path = _search_path()

    async def run(self, execution: Execution) -> Executed:
        """Run it to its end, its time-out, or the cancellation of the awaiting task."""
        if sum(map(len, execution.command)) > LONGEST_COMMAND:
            return Executed(126, b"", b"", note="cannot start: its command line is too long")
        folder = _private_folder(execution)
        program = RunningProgram(execution.stdin)
        supervisor = self.start()
        supervisor.busy(+1)
        handed_over = False
        try:
            await supervisor.send(marshal.dumps(self._order(execution, folder)), program.far_ends())
            program.listen()
            handed_over = True
            return await program.result(execution.timeout_seconds)
        except ConnectionError as error:
            raise RunnerUnavailable("the process runner's supervisor has ended") from error
        except RunnerUnavailable:
            handed_over = False
            raise
        finally:
            program.close()
            supervisor.busy(-1)
            if not handed_over:
                shutil.rmtree(folder, ignore_errors=True)

    async def close(self) -> None:
        """End the supervisor; programs that still run are ended too."""
        if self._supervisor is not None:
            supervisor, self._supervisor = self._supervisor, None
            await supervisor.close()

    def start(self) -> "Supervisor":
        """Start the supervisor; before the first program it saves that one the wait."""
        if self._supervisor is not None and self._supervisor.has_ended():
            self._supervisor.forget()
            self._supervisor = None
        self._supervisor = self._supervisor or Supervisor()
        return self._supervisor

    def _order(self, execution: Execution, folder: str) -> dict[str, Any]:
        environment = {
            "PATH": self._path,
            "HOME": f"{folder}/tmp",
            "TMPDIR": f"{folder}/tmp",
            "LANG": "C.UTF-8",
            **execution.environment,
            "OCS_SECRETS_DIR": f"{folder}/secrets",
        }
        return {
            "command": list(execution.command),
            "cwd": str(execution.folder),
            "folder": folder,
            "secrets": list(execution.secrets),
            "environment": environment,
            "grace": self._grace,
            "limits": _limits(execution.limits),
            "processes": execution.limits.processes,
        }


class Supervisor:
    """The process that starts and ends programs, and how many copies of itself it has."""

    def __init__(self) -> None:
        self._orders, orders = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._requests, requests = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._orders.setblocking(False)
        self._copies = self._busy = 0
        with orders, requests:
            ends = [orders.fileno(), requests.fileno()]
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_SCRIPT), *map(str, ends)],
                pass_fds=ends,
                start_new_session=True,
                cwd="/",
                env={},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        self.busy(0)

    def busy(self, change: int) -> None:
        """As many copies as there are programs, and a few for the next ones."""
        self._busy += change
        with contextlib.suppress(OSError):
            while self._copies < self._busy + 1:
                self._requests.send(b"+")
                self._copies += 1
            while self._copies > self._busy + SPARE:
                self._orders.send(b".")
                self._copies -= 1

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def kill(self) -> None:
        """End it as the kernel does that is short of memory."""
        self._process.kill()

    def has_ended(self) -> bool:
        """It never does by itself."""
        return self._process.poll() is not None

    async def send(self, order: bytes, descriptors: list[int]) -> None:
        """Hand an order to whichever copy is free first."""
        while True:
            try:
                socket.send_fds(self._orders, [order], descriptors)
            except BlockingIOError:
                await _writable(self._orders)
            else:
                return

    def forget(self) -> None:
        """Close the sockets, which is what it waits for."""
        self._orders.close()
        self._requests.close()

    async def close(self) -> None:
        """End it, and wait until it has."""
        self.forget()
        await asyncio.to_thread(self._process.wait)


async def _writable(peer: socket.socket) -> None:
    """Until there is room in the queue; many tasks may wait for it."""
    loop = asyncio.get_running_loop()
    with peer.dup() as own:
        room: asyncio.Future[None] = loop.create_future()
        loop.add_writer(own, _fulfil, room)
        try:
            await room
        finally:
            loop.remove_writer(own)


def _fulfil(room: asyncio.Future[None]) -> None:
    if not room.done():
        room.set_result(None)


def _private_folder(execution: Execution) -> str:
    """The run's own folder (0700) with `tmp` and `secrets`."""
    folder = tempfile.mkdtemp(prefix="harmony-")
    os.mkdir(f"{folder}/tmp", 0o700)
    os.mkdir(f"{folder}/secrets", 0o700)
    for key, value in execution.secrets.items():
        _write_secret(f"{folder}/secrets/{key}", value)
    return folder


@functools.cache
def _search_path() -> str:
    """This interpreter's folder, then the worker's absolute entries."""
    own = [str(Path(sys.executable).parent)]
    others = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(own + [entry for entry in others if entry.startswith("/")])


def _write_secret(path: str, value: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with open(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(value)


def _limits(limits: Limits) -> list[tuple[int, int]]:
    """What the kernel is asked to hold it to.

    Memory is what it can write to (RLIMIT_DATA): runtimes such as Go's or Node's reserve far
    more addresses than they use, so those are only held to a multiple. The kernel counts the
    processes of a user, not of a program, and none of root's: all that there are now are added.
    It stops a bomb at once; the supervisor's own count is the exact one.
    """
    return [
        (resource.RLIMIT_DATA, limits.memory_bytes),
        (resource.RLIMIT_AS, 16 * limits.memory_bytes),
        (resource.RLIMIT_NPROC, limits.processes + _processes_now()),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_CORE, 1),  # 0 would not keep one from a program that collects them
    ]


def _processes_now() -> int:
    with open("/proc/loadavg", encoding="ascii") as file:
        return int(file.read().split()[3].partition("/")[2])
