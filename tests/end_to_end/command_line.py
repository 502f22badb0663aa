"""`harmony` as people and programs use it: real processes, with a limit to every wait."""

import asyncio
import codecs
import contextlib
import json
import os
import pty
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.canned import PROJECT

PROGRAM = Path(sys.executable).with_name("harmony")
LIMIT = 40.0
"""Seconds that anything here may take."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout; a ValueError where there is less or more."""
        return json.loads(self.out)


@contextlib.asynccontextmanager
async def limited(awaited: str, so_far: Callable[[], str]) -> AsyncIterator[None]:
    """A wait with a limit; a test that reaches it shows what the program had said until then."""
    try:
        async with asyncio.timeout(LIMIT):
            yield
    except TimeoutError:
        raise AssertionError(f"no {awaited} in {LIMIT:.0f} s; it said:\n{so_far()}") from None


class Running:
    """A command that runs; what it writes on stderr can be waited for."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._err = ""
        self._wrote = asyncio.Condition()
        assert process.stdout is not None
        self._out = asyncio.create_task(process.stdout.read())
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        assert self.process.stderr is not None
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        while data := await self.process.stderr.read(65536):
            async with self._wrote:
                self._err += decoder.decode(data)
                self._wrote.notify_all()

    async def said(self, text: str) -> None:
        """Wait until it has written this text on stderr."""
        async with limited(repr(text), lambda: self._err), self._wrote:
            await self._wrote.wait_for(lambda: text in self._err)

    async def ended(self) -> Ended:
        """Wait for its end."""
        async with limited("end", lambda: self._err):
            await self._listening
            out = await self._out
            return Ended(await self.process.wait(), out.decode(), self._err)


class Terminal:
    """A command at a terminal: what it draws there can be waited for and answered."""

    def __init__(self, master: int, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._master = master
        self._drawn = ""
        self._read = 0
        self._wrote = asyncio.Event()
        asyncio.get_running_loop().add_reader(master, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except OSError:  # its other end is closed
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._master)
        self._drawn += data.decode(errors="replace")
        self._wrote.set()

    async def asked(self, text: str, answer: str) -> None:
        """Wait until it has drawn this text since the last answer, and type the next."""
        async with limited(repr(text), lambda: self._drawn):
            while text not in self._drawn[self._read :]:
                self._wrote.clear()
                await self._wrote.wait()
        self._read = len(self._drawn)
        os.write(self._master, f"{answer}\n".encode())

    async def ended(self) -> Ended:
        """Wait for its end; all that it drew counts as stdout."""
        async with limited("end", lambda: self._drawn):
            status = await self.process.wait()
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        return Ended(status, self._drawn, "")


class Harmony:
    """The program, with the project of the tests and one state folder."""

    def __init__(self, state: Path, project: Path = PROJECT, **environment: str) -> None:
        self.state = state
        self._words = ("--project", str(project), "--state", str(state))
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("TEMPORAL_", "HARMONY_"))}
        self._environment = {**kept, "TZ": "UTC", "TERM": "xterm", **environment}

    async def begin(self, *words: str) -> Running:
        """Start a command that has no terminal."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            PROGRAM, *self._words, *words, env=self._environment,
            stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe,
        )  # fmt: skip
        return Running(process)

    async def __call__(self, *words: str) -> Ended:
        """Run a command to its end."""
        return await (await self.begin(*words)).ended()

    async def at_terminal(self, *words: str) -> Terminal:
        """Start a command at a terminal."""
        master, slave = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            PROGRAM, *self._words, *words, env=self._environment,
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        return Terminal(master, process)

    def server_pid(self) -> int:
        """The process id of the embedded server that runs now."""
        return int(json.loads((self.state / "server.json").read_text())["pid"])


async def gone(pid: int) -> None:
    """Wait until this process has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        async with asyncio.timeout(LIMIT):
            await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
