"""The worker's side of the containers: hears that a program is about to start, and may end it.

One Unix socket for all, which the engine hands into each container for root alone. The recorder
there says which run it is and waits for the word to start; the end of its connection is the end of
all that the program had started.
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

START, TERMINATE, KILL = b"G", b"T", b"K"
_LONGEST_KEY = 256


class Claim:
    """One run, for as long as somebody waits for its outcome."""

    def __init__(self) -> None:
        self.waiting = 0
        self.started = False
        """Whether its program has been told to start."""
        self.ended: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        """Done when nothing of it is left, once it had started: what its recorder says of it, which
        is cut short where that was ended too."""
        self._writer: asyncio.StreamWriter | None = None

    def start(self, writer: asyncio.StreamWriter) -> None:
        """Its recorder is there."""
        self.started = True
        self._writer = writer
        writer.write(START)

    def say(self, word: bytes) -> None:
        """TERMINATE or KILL; nothing where it has ended."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(word)

    def over(self, said: bytes) -> None:
        """Its recorder is gone, and these were its last words."""
        if not self.ended.done():
            self.ended.set_result(said)


class Control:
    """The socket, and the runs that are claimed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._claims: dict[str, Claim] = {}
        self._server: asyncio.Server | None = None

    @classmethod
    async def open(cls) -> "Control":
        """Listen in a new folder that is this user's alone."""
        made = cls(Path(tempfile.mkdtemp(prefix="harmony-")))
        made._server = await asyncio.start_unix_server(made._serve, made.path)
        return made

    @property
    def path(self) -> str:
        """Of the socket, on this machine."""
        return str(self._folder / "control")

    @contextlib.contextmanager
    def claim(self, key: str) -> Iterator[Claim]:
        """The run of this name may start within the block; several may wait for the same one."""
        claim = self._claims.setdefault(key, Claim())
        claim.waiting += 1
        try:
            yield claim
        finally:
            claim.waiting -= 1
            if not claim.waiting and self._claims.get(key) is claim:
                del self._claims[key]

    async def close(self) -> None:
        """Stop listening; what still runs is ended by its recorder."""
        if self._server is not None:
            self._server.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One recorder. Nobody waits for a run that is not claimed: it does not start."""
        with contextlib.suppress(OSError, ValueError):
            key = (await reader.readline())[:_LONGEST_KEY].decode("ascii").strip()
            claim = self._claims.get(key)
            if claim is not None:
                claim.start(writer)
                said = b""
                try:
                    said = await reader.read()
                finally:
                    claim.over(said)
        writer.close()
