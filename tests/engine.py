"""The Dagger engine that tests run against, where there is one, and engines of their own."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.runners import dagger_engine, images

SCRIPT = Path(__file__).parents[1] / "containers" / "engine" / "engine"
REQUIRED = "HARMONY_REQUIRE_ENGINE"
"""Set to 1 where the tests must not be skipped: CI."""
PYTHON = Path(__file__).parents[1] / "containers" / images.DEFAULT / images.CONTAINERFILE


def need_engine() -> None:
    """Skip the test where no engine answers, and say why; fail it where one must be there."""
    found = dagger_engine.look()
    if not found.answers:
        _lacking(f"{found.says}. {found.do}")


def _lacking(why: str) -> None:
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED} is 1, and: {why}", pytrace=False)
    pytest.skip(why)


def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what looks for an engine find none, as on most machines."""
    monkeypatch.delenv("DAGGER_SESSION_PORT", raising=False)
    monkeypatch.setenv(dagger_engine.RUNNER_HOST, "unix:///nowhere/engine.sock")


def base() -> str:
    """The reference of an image with python3 and bash: what `make engine` brings, else the one that
    users have."""
    line = PYTHON.read_text().partition("ARG BASE=")[2]
    return images.base() or line.partition("\n")[0]


def containers(folder: Path) -> Path:
    """A `containers` folder with the image `python`, which is the base as it is."""
    made = folder / "containers" / images.DEFAULT
    made.mkdir(parents=True, exist_ok=True)
    (made / images.CONTAINERFILE).write_text(f"ARG BASE={base()}\nFROM ${{BASE}}\n")
    return made.parent


@dataclass(frozen=True, slots=True)
class OwnEngine:
    """An engine beside the machine's, for tests that break it."""

    name: str
    environment: Mapping[str, str]
    """What points to it."""

    async def start(self) -> None:
        """Start it again."""
        await _script(self.name, "start")

    def kill(self) -> None:
        """End it as a crash does."""
        os.kill(int(Path(f"/run/{self.name}/engine.pid").read_text()), signal.SIGKILL)


@asynccontextmanager
async def own_engine(name: str) -> AsyncIterator[OwnEngine]:
    """Start one with the project's script, where that has built one before; stop it at the end."""
    if os.geteuid() or not _is_built():
        _lacking("an engine of its own needs root, and one that `make engine` has built")
    try:
        exports = (line.split(" ", 1)[1] for line in await _script(name, "start"))
        yield OwnEngine(name, dict(line.split("=", 1) for line in exports))
    finally:
        await _script(name, "stop")


def _is_built() -> bool:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dagger-engine"
    folder = cache / f"v{dagger_engine.VERSION}"
    command = [str(SCRIPT.with_name("build")), str(folder), "check"]
    return subprocess.run(command, check=False, timeout=60).returncode == 0


async def _script(name: str, word: str) -> list[str]:
    """What `containers/engine/engine` writes on stdout."""
    process = await asyncio.create_subprocess_exec(
        SCRIPT, word, env={**os.environ, "HARMONY_ENGINE": name}, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(120):
        written, _ = await process.communicate()
    assert process.returncode == 0
    return written.decode().splitlines()
