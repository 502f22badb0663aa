"""The guardian of an embedded server: a small process that outlives the command that started it.

Run as a script, with the standard library only, so that it starts in milliseconds. It starts the
server, or takes over one whose guardian was killed, and waits for either of two locks in the
state folder: `users.lock` becomes exclusive when the last user has gone, however it went, and the
server is stopped by its process id; `server.lock`, inherited by the server alone, becomes free
when the server has ended. One that ended by itself after it had served is started again where it
was, so that those who use it find it again.
"""

import contextlib
import errno
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

START_ATTEMPTS = 3
"""Where another program took a port first: one of those chosen here, or of the server's own."""
PORTS = 4
"""For its gRPC service, its pages, its HTTP service and its metrics."""
PORTS_TRIED = 200
_PORTS = range(20_000, 32_768)
STEADY_SECONDS = 5.0
"""A server that ends later than this had served; one that ends sooner would do so again."""
STOP_SECONDS = 10.0
LONGEST_ERROR = 400
"""Characters of what the server says at its end."""
_NOT_INHERITED = ("TEMPORAL_", "OTEL_")
"""A cluster's address; and tracing as other programs have it, at which this server may fail."""
SEARCH_ATTRIBUTES = ("HarmonyBlueprint", "HarmonyIncident", "HarmonySeverity", "HarmonyStatus")
OPTIONS = (
    *(f"--search-attribute={name}=Keyword" for name in SEARCH_ATTRIBUTES),
    # As it comes the server reads its transfer queue 20 times a second: 50 ms for every step.
    "--dynamic-config-value=history.transferProcessorMaxPollRPS=2000",
    # As it comes a timer of 10 ms rings after a second: retries wait, short gates stay open.
    '--dynamic-config-value=history.timerProcessorMaxTimeShift="1ms"',
    # As it comes its first start waits for the disk 424 times, minutes where the disk is busy; so
    # 6 times. What is written outlives the server's death at once, the machine's after a moment.
    "--sqlite-pragma=journal_mode=WAL",
    "--sqlite-pragma=synchronous=NORMAL",
)
"""What Harmony's server has and Temporal's own does not, as it comes."""


class Guardian:
    """One server, from its start to its end."""

    def __init__(self, state: Path, binary: str) -> None:
        self._state = state
        self._binary = binary
        self._pid = 0
        self._ports = free_ports(PORTS)
        self._began = time.monotonic()
        self._unused = threading.Event()

    def guard(self, server_lock: int | None) -> None:
        """Start the server with the lock it inherits, or take over the one that holds it."""
        if server_lock is None:
            self._take_over()
        else:
            self._start(server_lock)
            os.close(server_lock)
        threading.Thread(target=self._stop_when_unused, daemon=True).start()
        signal.signal(signal.SIGTERM, lambda *_: self._stop())
        self._wait_for_end()
        attempts = 1
        while not self._unused.is_set():
            if self._port_was_taken() and attempts < START_ATTEMPTS:
                attempts += 1
                if any(f":{port}:" in self._log() for port in self._ports):
                    self._ports = free_ports(PORTS)
            elif time.monotonic() - self._began < STEADY_SECONDS:
                break
            with self._state.joinpath("server.lock").open("r+b") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._start(lock.fileno())
            self._wait_for_end()
        self._report_end()

    def _take_over(self) -> None:
        found = json.loads((self._state / "server.json").read_text())
        self._pid = found["pid"]
        self._ports[:2] = _port(found["address"]), _port(found["ui"])

    def _start(self, server_lock: int) -> None:
        self._began = time.monotonic()
        port, ui_port, http_port, metrics_port = self._ports

        def announce() -> None:
            # By the server's own process, just before it is one: also where this guardian is
            # killed right now, the next one finds whom to take over.
            address, ui = f"127.0.0.1:{port}", f"http://127.0.0.1:{ui_port}"
            self._write({"pid": os.getpid(), "address": address, "ui": ui})

        command = [
            self._binary, "server", "start-dev", "--ip=127.0.0.1", f"--port={port}",
            f"--ui-port={ui_port}", f"--http-port={http_port}", f"--metrics-port={metrics_port}",
            f"--db-filename={self._state / 'temporal.db'}",
            "--log-level=error", "--ui-disable-news-fetch", *OPTIONS,
        ]  # fmt: skip
        environment = {k: v for k, v in os.environ.items() if not k.startswith(_NOT_INHERITED)}
        with self._state.joinpath("server.log").open("wb") as log:
            server = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=[server_lock], env=environment, preexec_fn=announce,  # noqa: PLW1509
            )  # fmt: skip
        self._pid = server.pid
        # Reaped by waitpid in `_wait_for_end`; Popen's own bookkeeping is not wanted.
        server.returncode = 0

    def _stop_when_unused(self) -> None:
        with self._state.joinpath("users.lock").open("r+b") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            self._stop()
            threading.Event().wait()  # keeps the lock: no user comes in before the end

    def _stop(self) -> None:
        self._unused.set()
        _signal(self._pid, signal.SIGTERM)
        killer = threading.Timer(STOP_SECONDS, _signal, (self._pid, signal.SIGKILL))
        killer.daemon = True
        killer.start()

    def _wait_for_end(self) -> None:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)
        with self._state.joinpath("server.lock").open("r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)

    def _port_was_taken(self) -> bool:
        return "address already in use" in self._log()

    def _report_end(self) -> None:
        if self._unused.is_set():
            self._state.joinpath("server.json").unlink(missing_ok=True)
            return
        lines = [line for line in self._log().splitlines() if line.strip()]
        self._write({"error": _end_of(lines[-1]) if lines else "it ended without a word"})

    def _log(self) -> str:
        return self._state.joinpath("server.log").read_text(errors="replace")[-20_000:]

    def _write(self, state: dict[str, Any]) -> None:
        draft = self._state / "server.json.new"
        draft.write_text(json.dumps(state))
        draft.rename(self._state / "server.json")


def _end_of(line: str) -> str:
    """The server wraps what went wrong in a chain of what it was building: the end says why."""
    if len(line) > LONGEST_ERROR:
        line = re.sub(r'"[^"]*"', '"…"', line)
    return line if len(line) <= LONGEST_ERROR else f"…{line[-LONGEST_ERROR:]}"


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def free_ports(number: int) -> list[int]:
    """Ports that no outgoing connection is given meanwhile: those begin at 32768 on Linux.

    OSError where too few of many are free.
    """
    found: list[int] = []
    for _ in range(PORTS_TRIED):
        port = _PORTS.start + int.from_bytes(os.urandom(4), "big") % len(_PORTS)
        with socket.socket() as tried, contextlib.suppress(OSError):
            tried.bind(("127.0.0.1", port))
            found += [port] if port not in found else []
        if len(found) == number:
            return found
    raise OSError(errno.EADDRNOTAVAIL, "no port is free")


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def main(arguments: list[str]) -> None:
    """`guardian.py STATE BINARY [SERVER_LOCK_FD]`; the guardian's own lock is inherited."""
    if os.fork():
        os._exit(0)
    os.umask(0o077)
    state, binary, *rest = arguments
    Guardian(Path(state), binary).guard(int(rest[0]) if rest else None)


if __name__ == "__main__":
    main(sys.argv[1:])
