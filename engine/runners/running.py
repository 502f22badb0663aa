"""This side of a program that the supervisor runs: its streams, and how it ended."""

import asyncio
import contextlib
import marshal
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import RunnerUnavailable
from engine.runners.base import MAX_STDERR, MAX_STDOUT, Executed

_PIECE = 65_536


class RunningProgram:
    """This side of one program: its output as it comes, and how it ended."""

    def __init__(self, stdin: bytes) -> None:
        self._loop = asyncio.get_running_loop()
        self._stdin = _as_file(stdin)
        self._out, self._far_out = os.pipe()
        self._err, self._far_err = os.pipe()
        self._control, self._far_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ended: asyncio.Future[_End] = self._loop.create_future()
        self._started = self._timed_out = False
        self._stdout = _Head(MAX_STDOUT)
        self._stderr = _Tail(MAX_STDERR)

    def far_ends(self) -> list[int]:
        """What the supervisor gets: stdin, stdout, stderr, control."""
        return [self._stdin, self._far_out, self._far_err, self._far_control.fileno()]

    def listen(self) -> None:
        """The far ends are the supervisor's alone from now on; take what comes."""
        self._close_far_ends()
        self._control.setblocking(False)
        for stream, take in ((self._out, self._stdout.take), (self._err, self._stderr.take)):
            os.set_blocking(stream, False)
            self._loop.add_reader(stream, self._read, stream, take)
        self._loop.add_reader(self._control, self._hear)

    async def result(self, timeout_seconds: float) -> Executed:
        """How it ended. After a time-out or a cancellation it is ended first, then told."""
        clock = self._loop.call_later(timeout_seconds, self._time_out)
        try:
            end = await asyncio.shield(self._ended)
        except asyncio.CancelledError:
            await self._finish()
            raise
        finally:
            clock.cancel()
        return Executed(
            exit_code=end.code,
            stdout=bytes(self._stdout.kept),
            stderr=self._stderr.last(),
            timed_out=self._timed_out,
            stdout_truncated=self._stdout.cut,
            stderr_truncated=self._stderr.cut,
            note=end.note,
        )

    async def _finish(self) -> None:
        """End it and wait; cancelled again while it waits, do not wait for the grace."""
        word = b"T"
        while not self._ended.done():
            self._say(word)
            word = b"K"
            with contextlib.suppress(asyncio.CancelledError, RunnerUnavailable):
                await asyncio.shield(self._ended)

    def _time_out(self) -> None:
        self._timed_out = True
        self._say(b"T")

    def _say(self, word: bytes) -> None:
        with contextlib.suppress(OSError):
            self._control.send(word)

    def _read(self, stream: int, take: Callable[[bytes], None]) -> bool:
        """Take one piece of a stream; whether there may be more right now."""
        try:
            data = os.read(stream, _PIECE)
        except BlockingIOError:
            return False
        take(data)
        if not data:
            self._loop.remove_reader(stream)
        return bool(data)

    def _hear(self) -> None:
        """A word from the supervisor; without a last one it was killed."""
        try:
            data = self._control.recv(4096)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        kind, *facts = marshal.loads(data) if data else ("lost",)
        if kind == "started":
            self._started = True
            return
        self._loop.remove_reader(self._control)
        if self._ended.done():
            return
        if kind == "lost":
            self._ended.set_exception(
                RunnerUnavailable("the program's supervisor was ended", started=self._started)
            )
            return
        self._drain()
        code, note = facts
        self._ended.set_result(_End(code if kind == "refused" else _exit_code(code), note))

    def _drain(self) -> None:
        """Everything it started has ended: what is in the pipes now is all there will be."""
        for stream, take in ((self._out, self._stdout.take), (self._err, self._stderr.take)):
            while self._read(stream, take):
                pass

    def close(self) -> None:
        """Give back every descriptor."""
        for source in (self._out, self._err, self._control):
            self._loop.remove_reader(source)
        self._close_far_ends()
        for stream in (self._out, self._err):
            os.close(stream)
        self._control.close()

    def _close_far_ends(self) -> None:
        for stream in (self._stdin, self._far_out, self._far_err):
            if stream >= 0:
                os.close(stream)
        self._stdin = self._far_out = self._far_err = -1
        self._far_control.close()


@dataclass(frozen=True, slots=True)
class _End:
    """How the program ended, as its supervisor says."""

    code: int
    note: str


class _Head:
    """The first bytes of a stream."""

    def __init__(self, most: int) -> None:
        self.kept = bytearray()
        self.cut = False
        self._most = most

    def take(self, data: bytes) -> None:
        room = self._most - len(self.kept)
        self.cut = self.cut or len(data) > room
        self.kept += data[:room]


class _Tail:
    """The last bytes of a stream."""

    def __init__(self, most: int) -> None:
        self.cut = False
        self._kept = bytearray()
        self._most = most

    def take(self, data: bytes) -> None:
        self._kept += data
        if len(self._kept) > 2 * self._most:
            self._shorten()

    def _shorten(self) -> None:
        self.cut = self.cut or len(self._kept) > self._most
        del self._kept[: -self._most]

    def last(self) -> bytes:
        self._shorten()
        return bytes(self._kept)


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _as_file(data: bytes) -> int:
    """Input as a file in memory: it never blocks, and a program need not read it."""
    descriptor = os.memfd_create("stdin")
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
