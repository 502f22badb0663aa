"""Runs one command, confined, and writes down how it ended. It is used inside containers only.

The Dagger runner mounts it beside confinement.py, has it compiled by the image's own Python, and
starts it first: `main` takes one JSON document from the first argument, with `confine` (what
confinement.py takes), `command` (a list), `timeout` and `grace` (seconds), `stdout` and `stderr`
(the most bytes that are kept), `secrets` (a folder), `user` (who may read it), `result` (a path),
`control` (a Unix socket of the worker's) and `key` (the run's name there).

It tells the worker its key and waits for the word to start. The worker may end the command at any
time, and a worker that is gone does. When this program ends, all that the command started has.

The result goes to the worker too, which need not wait for the container to be cleared away. It has
three lines: JSON, the first bytes of stdout and the last ones of stderr, both in
base64. They do not go the way of the container's own output, because the engine replaces what looks
like a secret there, be it one letter, and keeps it in its records.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time
from binascii import b2a_base64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.runners import confinement
else:
    import confinement

SPOKEN = b"harmony: "
"""How the lines begin in which the confinement tells what happened."""
PIECE = 65_536
LAST_LINES = 8
SLACK = 2.0
"""Seconds after the grace until a confinement that has not ended is killed."""
PR_SET_CHILD_SUBREAPER = 36
START, KILL = b"G", b"K"
NOT_STARTED = 3
"""The exit status where the worker does not want it any more."""


class Stream:
    """What is kept of one of the command's streams: its beginning, or its end."""

    def __init__(self, most: int, *, tail: bool) -> None:
        self.most = most
        self.tail = tail
        self.kept = bytearray()
        self.cut = False
        self.near, self.far = os.pipe()
        os.set_blocking(self.near, False)

    def read(self) -> bool:
        """Take what there is; False at the end of the stream."""
        try:
            data = os.read(self.near, PIECE)
        except BlockingIOError:
            return True
        self.take(data)
        return bool(data)

    def take(self, data: bytes) -> None:
        """Keep what the limit leaves room for."""
        self.cut = self.cut or len(self.kept) + len(data) > self.most
        if not self.tail:
            self.kept += data[: self.most - len(self.kept)]
        else:
            self.kept += data
            if len(self.kept) > self.most + PIECE:
                del self.kept[: -self.most]

    def drain(self) -> None:
        """The command has ended: what is in the pipe now is all there will be."""
        try:
            while data := os.read(self.near, PIECE):
                self.take(data)
        except BlockingIOError:
            return

    def text(self) -> bytes:
        """What was kept, no more than the limit."""
        return bytes(self.kept[-self.most :] if self.tail else self.kept)


class Recorder:
    """One command, from its start to the result."""

    def __init__(self, settings: dict[str, object], worker: socket.socket) -> None:
        self.settings = settings
        self.worker = worker
        self.grace = float(str(settings["grace"]))
        self.out = Stream(int(str(settings["stdout"])), tail=False)
        self.err = Stream(int(str(settings["stderr"])), tail=True)
        self.pid = 0
        self.due = 0.0
        self.next = signal.SIGTERM
        self.timed_out = self.lost = False

    def run(self) -> None:
        """Start it, read its streams, and write the result when all of it has ended."""
        confinement.libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.pid = os.fork()
        if not self.pid:
            self.confine()
        os.close(self.out.far)
        os.close(self.err.far)
        status = self.wait()
        reap()
        self.out.drain()
        self.err.drain()
        self.write(os.waitstatus_to_exitcode(status))

    def confine(self) -> None:
        """In the child: become the confinement, with nothing of this process but its streams."""
        status = confinement.NOT_CONFINED
        try:
            os.dup2(self.out.far, 1)
            os.dup2(self.err.far, 2)
            os.closerange(3, 64)
            command = self.settings["command"]
            status = confinement.main([str(self.settings["confine"]), "--", *command])  # type: ignore[misc]
        finally:
            os._exit(status)

    def wait(self) -> int:
        """Read until it ends: SIGTERM at the time-out, SIGKILL when even that has not helped."""
        ended = os.pidfd_open(self.pid)
        poll = select.poll()
        for descriptor in (ended, self.out.near, self.err.near, self.worker.fileno()):
            poll.register(descriptor, select.POLLIN)
        self.due = time.monotonic() + float(str(self.settings["timeout"]))
        while True:
            for descriptor, _ in poll.poll(max(0.0, self.due - time.monotonic()) * 1000):
                if descriptor == ended:
                    return os.waitpid(self.pid, 0)[1]
                if not self.heard(descriptor):
                    poll.unregister(descriptor)
            if time.monotonic() >= self.due:
                self.timed_out = self.timed_out or self.next == signal.SIGTERM
                self.end(self.next)

    def heard(self, descriptor: int) -> bool:
        """Take what came from a stream or from the worker; False at its end."""
        if descriptor == self.out.near:
            return self.out.read()
        if descriptor == self.err.near:
            return self.err.read()
        word = self.worker.recv(16)
        self.lost = self.lost or not word
        if word.startswith(KILL):
            self.end(signal.SIGKILL)
        elif self.next == signal.SIGTERM:
            self.end(signal.SIGTERM)
        return bool(word)

    def end(self, number: signal.Signals) -> None:
        """Have the confinement end the command, or end both."""
        os.kill(self.pid, number)
        self.next = signal.SIGKILL
        self.due = time.monotonic() + self.grace + SLACK

    def write(self, code: int) -> None:
        """The three lines of the result."""
        words, note = spoken(self.err.text())
        said = {
            "code": code if code >= 0 else 128 - code,
            "timed_out": self.timed_out,
            "lost": self.lost,
            "stdout_truncated": self.out.cut,
            "stderr_truncated": self.err.cut,
            "note": note,
        }
        result = json.dumps(said).encode() + b"\n"
        result += b2a_base64(self.out.text()) + b2a_base64(words)
        with open(str(self.settings["result"]), "wb") as file:
            file.write(result)
        if not self.lost:
            self.worker.sendall(result)


def reap() -> None:
    """Until everything that the confinement had started is gone: a killed one leaves its own."""
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        return


def spoken(words: bytes) -> tuple[bytes, str]:
    """What the command wrote to stderr, and what the confinement said of it at the end."""
    lines = words.splitlines(keepends=True)
    count = 0
    while count < min(len(lines), LAST_LINES) and lines[-1 - count].startswith(SPOKEN):
        count += 1
    own, said = lines[: len(lines) - count], lines[len(lines) - count :]
    note = "; ".join(line[len(SPOKEN) :].decode("utf-8", "replace").strip() for line in said)
    return b"".join(own), note


def main() -> None:
    """Run what the argument says, if the worker still wants it."""
    settings = json.loads(sys.argv[1])
    os.makedirs(settings["secrets"], exist_ok=True)
    os.chown(settings["secrets"], settings["user"], settings["user"])
    os.chmod(settings["secrets"], 0o700)
    worker = socket.socket(socket.AF_UNIX)
    worker.connect(settings["control"])
    worker.sendall(settings["key"].encode() + b"\n")
    if worker.recv(1) != START:
        os._exit(NOT_STARTED)
    Recorder(settings, worker).run()
    os._exit(0)
