"""One session with a Dagger engine: opened, watched while something runs in it, and given up.

A client whose engine has gone waits without end, so nothing here waits without a limit: a second
connection asks the engine whether it is still there for as long as calls are under way.
"""

import asyncio
import contextlib
import json
import os
import signal
from collections import deque
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

import dagger
import httpx
from dagger.client._config import ConnectConfig
from dagger.client._session import ConnectParams, SingleConnection
from dagger.provisioning._download import Downloader

from engine.errors import RunnerUnavailable
from engine.runners import dagger_engine

OPEN_SECONDS = 60.0
"""For a session to open, an engine that Docker has to start first included."""
DOWNLOAD_SECONDS = 300.0
CLOSE_SECONDS = 5.0
ASK_EVERY = 1.0
"""Seconds between two looks whether the engine is still there."""
ASK_SECONDS = 15.0
"""For the engine to say that it is; longer than a machine under load takes."""
_T = TypeVar("_T")


class Session:
    """An open session. Once it is `lost`, each call fails; open another one."""

    def __init__(self, opener: "Opener | None", params: ConnectParams) -> None:
        self._opener = opener
        self._params = params
        self._connection = SingleConnection(params, ConnectConfig(retry=None))
        self.client = dagger.Client.from_connection(self._connection)
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._calls = 0
        self._watch: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls) -> "Session":
        """Connect to the engine that is there; RunnerUnavailable within a minute where none is."""
        found = dagger_engine.look()
        if not found.answers and not found.startable:
            raise RunnerUnavailable(f"{found.says}. {found.do}")
        opener = None
        try:
            params = ConnectParams.from_env()
            if params is None:
                opener = Opener()
                params = await opener.start(dict(found.environment))
            session = cls(opener, params)
            async with asyncio.timeout(OPEN_SECONDS):
                await session._connection.connect()
        except (dagger.DaggerError, httpx.HTTPError, TimeoutError, OSError, ValueError) as error:
            words = opener.words() if opener else ""
            if opener is not None:
                await opener.end()
            why = f"{str(error) or type(error).__name__} {words}".strip()
            raise RunnerUnavailable(f"no session with {found.says}: {why}") from error
        except BaseException:
            if opener is not None:
                await opener.end()
            raise
        return session

    async def call(self, work: Awaitable[_T], seconds: float) -> _T:
        """Wait for the engine to do this; RunnerUnavailable where it is gone, or takes longer.

        Cancelling it cancels the work in the engine too.
        """
        task = asyncio.ensure_future(work)
        self._calls += 1
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._keep_asking())
        try:
            waited: set[asyncio.Future[Any]] = {task, self.lost}
            await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return await task
            why = self.lost.result() if self.lost.done() else f"no answer in {seconds:.0f} s"
            raise RunnerUnavailable(f"the Dagger engine has gone: {why}", started=True)
        finally:
            self._calls -= 1
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=CLOSE_SECONDS)

    async def check(self) -> bool:
        """Whether the session can still be used; asked after a call that went wrong."""
        if not self.lost.done():
            await self._ask()
        return not self.lost.done()

    async def close(self) -> None:
        """End it, its program included, within seconds."""
        self._lose("the session was closed")
        if self._watch is not None:
            self._watch.cancel()
        with contextlib.suppress(TimeoutError, dagger.ClientError, httpx.HTTPError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._connection.close()
        if self._opener is not None:
            await self._opener.end()

    async def _keep_asking(self) -> None:
        while self._calls and not self.lost.done():
            await asyncio.sleep(ASK_EVERY)
            await self._ask()

    async def _ask(self) -> None:
        """One small query on a connection of its own: the others may all be in use."""
        try:
            async with httpx.AsyncClient(auth=(self._params.session_token, "")) as client:
                answer = await client.post(
                    self._params.url, json={"query": "{version}"}, timeout=ASK_SECONDS
                )
                answer.raise_for_status()
        except httpx.HTTPError as error:
            self._lose(str(error) or type(error).__name__)

    def _lose(self, why: str) -> None:
        if not self.lost.done():
            self.lost.set_result(why)


async def _downloaded() -> str:
    """The `dagger` program of the SDK's version, from its maker."""
    try:
        async with asyncio.timeout(DOWNLOAD_SECONDS):
            return str(await Downloader())
    except (dagger.DaggerError, TimeoutError) as error:
        raise RunnerUnavailable(
            f"no program here opens a session, and dagger {dagger_engine.VERSION} could not be "
            f"downloaded ({str(error) or 'it took too long'}); put one where "
            f"{dagger_engine.SESSION_PROGRAM} says, or have `make engine` build one"
        ) from error


class Opener:
    """The program that opens a session and holds it: `dagger session`, or one that does the same.

    It ends when its standard input closes, and so with this process.
    """

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._words: deque[bytes] = deque(maxlen=20)
        self._reading: asyncio.Task[None] | None = None

    async def start(self, environment: Mapping[str, str]) -> ConnectParams:
        """Start it, and read the port and the token that it prints."""
        program = dagger_engine.session_program()
        if program is None:
            program = await _downloaded()
        self._process = await asyncio.create_subprocess_exec(
            program,
            "session",
            "--label",
            "dagger.io/sdk.name:python",
            "--label",
            f"dagger.io/sdk.version:{dagger_engine.VERSION}",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        self._reading = asyncio.create_task(self._read())
        async with asyncio.timeout(OPEN_SECONDS):
            line = await self._process.stdout.readline()
        if not line:
            raise ValueError(f"{program} ended without opening a session")
        given = json.loads(line)
        return ConnectParams(port=given["port"], session_token=given["session_token"])

    def words(self) -> str:
        """The last of what it said."""
        return b"".join(self._words).decode("utf-8", "replace").strip()[-500:]

    async def end(self) -> None:
        """Close its input; kill it where that does not help."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
            await self._process.wait()
        if self._reading is not None:
            await self._reading

    async def _read(self) -> None:
        """Take what it says, that it never waits for a reader."""
        stream = self._process.stderr if self._process else None
        while stream is not None and (line := await stream.read(4096)):
            self._words.append(line)
