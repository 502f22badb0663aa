"""Runs a capability's program in a confined container of its own, on a Dagger engine."""

import asyncio
import contextlib
import hashlib
import ipaddress
import json
import secrets
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import dagger

from engine.errors import RunnerUnavailable, RunRefused
from engine.runners import image_build, images
from engine.runners.base import LONGEST_COMMAND, MAX_STDERR, MAX_STDOUT, Executed, Execution
from engine.runners.control import KILL, TERMINATE, Claim, Control
from engine.runners.dagger_session import Session

GRACE_SECONDS = 10.0
"""Between SIGTERM and SIGKILL."""
START_SECONDS = 120.0
"""For a container to start, on a machine that starts many."""
BUILD_SECONDS = 1800.0
RESULT_LINES = 3
END_SECONDS = 10.0
"""Beside the grace, for a cancelled program's end to be heard of."""
AT_ONCE = 64
"""Containers; more executions wait. An HTTP client has at most 100 requests open."""
USER = 65534
WORKER_HOST = "worker-host"
"""The name by which the container's outer half reaches services of the worker's host."""
_IN = "/.harmony"
_PROGRAMS, _RESULT, _WORK, _SECRETS, _CONTROL = (
    f"{_IN}/{name}" for name in ("bin", "result", "work", "secrets", "control")
)
_COMPILE = "python3 -I -S -m compileall -q --invalidation-mode unchecked-hash"
_START = f"import sys; sys.path.insert(0, '{_PROGRAMS}'); import recorder; recorder.main()"
_NO_PYTHON = "the image has no python3, which confines the program"
_HERE = Path(__file__).parent
_T = TypeVar("_T")


@dataclass(slots=True)
class _Open:
    """A session, the way to what runs in it, and what has been put into its engine."""

    session: Session
    control: Control
    images: dict[str, asyncio.Task[dagger.Container]] = field(default_factory=dict)
    prepared: dict[str, asyncio.Task[dagger.Container]] = field(default_factory=dict)

    async def close(self) -> None:
        await self.session.close()
        await self.control.close()


class DaggerRunner:
    """The `dagger` backend; see `Runner` for what it promises.

    One session, opened on first use and again when its engine has gone. `containers` is the
    project's folder of Containerfiles.
    """

    name = "dagger"

    def __init__(self, containers: Path, *, grace_seconds: float = GRACE_SECONDS) -> None:
        self._containers = containers
        self._grace = grace_seconds
        self._opening: asyncio.Task[_Open] | None = None
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._salt = secrets.token_bytes(16)
        self._clearing: set[asyncio.Future[str]] = set()
        """Calls whose program has ended, and whose container the engine clears away."""

    async def run(self, execution: Execution) -> Executed:
        """Run it to its end, its time-out, or the cancellation of the awaiting task."""
        if sum(map(len, execution.command)) > LONGEST_COMMAND:
            return Executed(126, b"", b"", note="cannot start: its command line is too long")
        reach, ports = reachable(execution.allow_outbound)
        async with self._slots:
            while len(self._clearing) >= AT_ONCE:
                await asyncio.wait(self._clearing, return_when=asyncio.FIRST_COMPLETED)
            opened = await self._open()
            try:
                prepared = await self._prepared(opened, execution, ports)
                executed = await self._execute(opened, prepared, execution, reach)
            except dagger.ExecError as error:
                return _not_run(error)
            except dagger.ClientError as error:
                raise await _unavailable(opened, error) from error
        if executed.exit_code and execution.cache_key is None:
            self._salt = secrets.token_bytes(16)  # what failed is not kept as the answer
        return executed

    async def build(self, image: images.Image) -> None:
        """Pull or build an image, where the engine does not have it."""
        opened = await self._open()
        try:
            await self._image(opened, image)
        except dagger.ClientError as error:
            raise RunRefused(
                f"the image '{image.name}' cannot be built: {_short(error)}", code="IMAGE"
            ) from error

    async def close(self) -> None:
        """Give back the session; the engine stays."""
        for call in self._clearing:
            call.cancel()
        if self._opening is not None:
            opening, self._opening = self._opening, None
            if opening.done() and not opening.cancelled() and opening.exception() is None:
                await opening.result().close()
            else:
                opening.cancel()

    async def _open(self) -> _Open:
        """The session, one for all who come at once; another one where it was lost."""
        if self._opening is not None and self._opening.done():
            failed = self._opening.cancelled() or self._opening.exception() is not None
            if failed or self._opening.result().session.lost.done():
                await self.close()
        if self._opening is None:
            self._opening = asyncio.create_task(_opened())
        return await asyncio.shield(self._opening)

    async def _prepared(
        self, opened: _Open, execution: Execution, ports: Sequence[int]
    ) -> dagger.Container:
        """The image with the capability's folder and all else that its steps have in common."""
        image = images.find(execution.image, execution.folder, self._containers)
        key = f"{_name(image)} {execution.folder} {images.signature(execution.folder)} {ports}"

        async def make() -> dagger.Container:
            client = opened.session.client
            container = await self._image(opened, image)
            folder = _compiled(container, _folder(client, execution.folder))
            container = container.with_mounted_directory(_WORK, folder, read_only=True)
            container = container.with_unix_socket(
                _CONTROL, client.host().unix_socket(opened.control.path)
            )
            if ports:
                forwards = [dagger.PortForward(port, port) for port in ports]
                service = client.host().service(forwards)
                container = container.with_service_binding(WORKER_HOST, service)
            return await opened.session.call(container.sync(), START_SECONDS)

        return await _once(opened.prepared, key, make)

    async def _image(self, opened: _Open, image: images.Image) -> dagger.Container:
        """The image with the programs that confine and record."""

        async def make() -> dagger.Container:
            client = opened.session.client
            programs = client.directory()
            for name in ("recorder.py", "confinement.py"):
                programs = programs.with_new_file(name, (_HERE / name).read_text("utf-8"))
            built = await opened.session.call(image_build.build(client, image), BUILD_SECONDS)
            container = built.with_user("0:0").without_entrypoint()
            compiled = _compiled(container, programs)
            container = container.with_mounted_directory(_PROGRAMS, compiled, read_only=True)
            return await opened.session.call(container.sync(), BUILD_SECONDS)

        return await _once(opened.images, _name(image), make)

    async def _execute(
        self,
        opened: _Open,
        container: dagger.Container,
        execution: Execution,
        reach: dict[str, str],
    ) -> Executed:
        """Run it in that container; when this ends, cancelled or not, so has all of it."""
        for key, value in execution.secrets.items():
            secret = opened.session.client.set_secret(self._told(f"{key}\0{value}"), value)
            container = container.with_mounted_secret(
                f"{_SECRETS}/{key}", secret, owner=f"{USER}:{USER}", mode=0o400
            )
        name = self._key(execution)
        ran = container.with_exec(
            ["python3", "-I", "-S", "-c", _START, self._settings(execution, reach, name)],
            stdin=execution.stdin.decode("utf-8"),
            insecure_root_capabilities=True,
        )
        limit = execution.timeout_seconds + self._grace + START_SECONDS
        with opened.control.claim(name) as claim:
            call = asyncio.ensure_future(opened.session.call(ran.file(_RESULT).contents(), limit))
            try:
                return _executed(await self._result(call, claim))
            except asyncio.CancelledError:
                await self._end(call, claim)
                raise
            except RunnerUnavailable as error:
                error.started = claim.started
                raise
            except dagger.ExecError:
                raise
            except dagger.ClientError as error:
                raise await _unavailable(opened, error, started=claim.started) from error

    async def _result(self, call: asyncio.Future[str], claim: Claim) -> str:
        """What the recorder says as soon as it does; else what the engine has kept."""
        waited: set[asyncio.Future[Any]] = {call, claim.ended}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        said = claim.ended.result() if claim.ended.done() else b""
        if call.done() or said.count(b"\n") < RESULT_LINES:
            return await asyncio.shield(call)
        self._clearing.add(call)
        call.add_done_callback(self._cleared)
        return said.decode()

    def _cleared(self, call: asyncio.Future[str]) -> None:
        """However that went: the step has its result."""
        self._clearing.discard(call)
        if not call.cancelled():
            call.exception()

    async def _end(self, call: asyncio.Future[str], claim: Claim) -> None:
        """SIGTERM to all of it, SIGKILL after the grace, or at once where this is cancelled again;
        a program that has not started never will."""
        word = TERMINATE
        until = time.monotonic() + self._grace + END_SECONDS
        waited: set[asyncio.Future[Any]] = {call, claim.ended}
        while claim.waiting == 1 and claim.started and not any(each.done() for each in waited):
            if (left := until - time.monotonic()) < 0:
                break
            claim.say(word)
            word = KILL
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait(waited, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({call}, timeout=END_SECONDS)

    def _key(self, execution: Execution) -> str:
        """What tells this execution from others, for the engine's cache and for ending it.

        Without a key of its own it may be answered from the cache, as long as this runner lives,
        the secrets are the same and nothing has failed: secrets are no part of Dagger's own key.
        """
        if execution.cache_key is not None:
            return secrets.token_hex(16)
        return self._told(f"{images.signature(execution.folder)} {execution!r}")

    def _told(self, text: str) -> str:
        """A name that gives nothing away."""
        return hashlib.blake2b(text.encode(), key=self._salt, digest_size=16).hexdigest()

    def _settings(self, execution: Execution, reach: dict[str, str], key: str) -> str:
        limits = execution.limits
        spec = {
            "reach": reach,
            "environment": {**execution.environment, "OCS_SECRETS_DIR": _SECRETS},
            "folder": _WORK,
            "grace": self._grace,
            "memory_bytes": limits.memory_bytes,
            "processes": limits.processes,
            "file_bytes": limits.file_bytes,
            "open_files": limits.open_files,
            "temporary_bytes": limits.temporary_bytes,
        }
        return json.dumps({
            "confine": json.dumps(spec),
            "command": execution.command,
            "timeout": execution.timeout_seconds,
            "grace": self._grace,
            "stdout": MAX_STDOUT,
            "stderr": MAX_STDERR,
            "secrets": _SECRETS,
            "user": USER,
            "result": _RESULT,
            "control": _CONTROL,
            "key": key,
        })  # fmt: skip


def reachable(entries: Sequence[str]) -> tuple[dict[str, str], list[int]]:
    """Where each declared `host:port` is served as seen from a container, and which ports of the
    worker's own loopback that takes."""
    reach, ports = {}, set()
    for entry in entries:
        host, _, port = entry.rpartition(":")
        if _is_loopback(host.strip("[]")):
            ports.add(int(port))
            reach[entry] = f"{WORKER_HOST}:{port}"
        else:
            reach[entry] = entry
    return reach, sorted(ports)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


async def _opened() -> _Open:
    session = await Session.open()
    try:
        return _Open(session, await Control.open())
    except BaseException:
        await session.close()
        raise


async def _unavailable(
    opened: _Open, error: dagger.ClientError, *, started: bool = False
) -> RunnerUnavailable:
    lost = not await opened.session.check()
    why = "the Dagger engine has gone" if lost else "the Dagger engine refused"
    return RunnerUnavailable(f"{why}: {_short(error)}", started=started)


def _name(image: images.Image) -> str:
    """Of an image with these contents."""
    return f"{image.name} {images.signature(image.folder) if image.folder else ''}"


def _folder(client: dagger.Client, folder: Path) -> dagger.Directory:
    """A capability's folder, for the user of the program."""
    found = client.host().directory(str(folder), exclude=["**/__pycache__"], no_cache=True)
    return client.directory().with_directory(".", found, owner=f"{USER}:{USER}")


def _compiled(container: dagger.Container, programs: dagger.Directory) -> dagger.Directory:
    """The folder, what is Python in it compiled by the image's own: once for each contents."""
    ran = container.with_directory("/tmp/compiled", programs).with_exec(
        [*_COMPILE.split(), "/tmp/compiled"], expect=dagger.ReturnType.ANY
    )
    return ran.directory("/tmp/compiled")


async def _once(
    made: dict[str, asyncio.Task[_T]], key: str, make: Callable[[], Awaitable[_T]]
) -> _T:
    """Make it once for all who ask; a failure is not kept."""
    if key not in made:
        made[key] = asyncio.ensure_future(make())
    task = made[key]
    try:
        return await asyncio.shield(task)
    finally:
        if task.done() and (task.cancelled() or task.exception() is not None):
            made.pop(key, None)


def _executed(result: str) -> Executed:
    said, stdout, stderr = result.encode().split(b"\n")[:3]
    facts = json.loads(said)
    code = facts.pop("code")
    if facts.pop("lost"):
        raise RunnerUnavailable("the container lost its worker, and was ended", started=True)
    return Executed(exit_code=code, stdout=b64decode(stdout), stderr=b64decode(stderr), **facts)


def _not_run(error: dagger.ExecError) -> Executed:
    """The recorder did not run to its end: most likely the image lacks what it needs."""
    missing = "python3" in error.stderr and "not found" in error.stderr
    note = _NO_PYTHON if missing else f"not confined, and not run: {_short(error)}"
    return Executed(125, b"", error.stderr.encode()[-MAX_STDERR:], note=note)


def _short(error: Exception) -> str:
    """The engine's words without its trace marks."""
    return str(error).partition(" [traceparent:")[0][:500]
