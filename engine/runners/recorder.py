"""Runs one command in a container and writes down how it ended. A script of its own, not a module.

The Dagger runner mounts it into the container and starts it first: `recorder.py SETTINGS`, one JSON
document with `command` (a list), `timeout` and `grace` (seconds), `stdout` and `stderr` (the most
bytes that are kept), `secrets` (a folder, or null), `user` (who may read it) and `result` (a path).

The result has three lines: JSON, the first bytes of stdout and the last ones of stderr, both in
base64. They do not go the way of the container's own output, because the engine replaces what looks
like a secret there, be it one letter, and keeps it in its records.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from binascii import b2a_base64

SPOKEN = b"harmony: "
"""How the lines begin in which the confinement tells what happened."""
PIECE = 65_536
LAST_LINES = 8


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

    def __init__(self, settings: dict[str, object]) -> None:
        self.settings = settings
        self.out = Stream(int(str(settings["stdout"])), tail=False)
        self.err = Stream(int(str(settings["stderr"])), tail=True)
        self.timed_out = False

    def run(self) -> None:
        """Start it, read its streams, and write the result when it has ended."""
        command = [str(word) for word in self.settings["command"]]  # type: ignore[attr-defined]
        pid = os.posix_spawnp(
            command[0],
            command,
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, self.out.far, 1),
                (os.POSIX_SPAWN_DUP2, self.err.far, 2),
            ],
        )
        os.close(self.out.far)
        os.close(self.err.far)
        status = self.wait(pid)
        self.out.drain()
        self.err.drain()
        self.write(os.waitstatus_to_exitcode(status))

    def wait(self, pid: int) -> int:
        """Read until it ends: SIGTERM at the time-out, SIGKILL when even that has not helped."""
        ended = os.pidfd_open(pid)
        poll = select.poll()
        for descriptor in (ended, self.out.near, self.err.near):
            poll.register(descriptor, select.POLLIN)
        due = time.monotonic() + float(str(self.settings["timeout"]))
        number = signal.SIGTERM
        while True:
            for descriptor, _ in poll.poll(max(0.0, due - time.monotonic()) * 1000):
                if descriptor == ended:
                    return os.waitpid(pid, 0)[1]
                stream = self.out if descriptor == self.out.near else self.err
                if not stream.read():
                    poll.unregister(descriptor)
            if time.monotonic() >= due:
                self.timed_out = True
                os.kill(pid, number)
                number = signal.SIGKILL
                due = time.monotonic() + float(str(self.settings["grace"])) + 2

    def write(self, code: int) -> None:
        """The three lines of the result."""
        words, note = spoken(self.err.text())
        said = {
            "code": code if code >= 0 else 128 - code,
            "timed_out": self.timed_out,
            "stdout_truncated": self.out.cut,
            "stderr_truncated": self.err.cut,
            "note": note,
        }
        with open(str(self.settings["result"]), "wb") as file:
            file.write(json.dumps(said).encode() + b"\n")
            file.write(b2a_base64(self.out.text()) + b2a_base64(words))


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
    """Run what the argument says."""
    settings = json.loads(sys.argv[1])
    os.makedirs(settings["secrets"], exist_ok=True)
    os.chown(settings["secrets"], settings["user"], settings["user"])
    os.chmod(settings["secrets"], 0o700)
    Recorder(settings).run()


if __name__ == "__main__":
    main()
