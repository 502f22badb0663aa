"""Whether a Dagger engine that answers can be used: a session, its version, a base image."""

from dataclasses import dataclass
from pathlib import Path

import dagger
import httpx

from engine.errors import RunnerUnavailable
from engine.runners import dagger_engine, images
from engine.runners.dagger_session import Session

SECONDS = 30.0
"""For a question to the engine; where an image comes from may be slow."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is not as it must be, and what to do about it."""

    says: str
    do: str


async def trouble(containers: Path) -> Trouble | None:
    """The first thing that would keep a step from running there; None where all is well."""
    try:
        session = await Session.open()
    except RunnerUnavailable as error:
        return Trouble(str(error), dagger_engine.START_ONE)
    try:
        return await _of_version(session) or await _of_base(session, containers)
    except RunnerUnavailable as error:
        return Trouble(str(error), "Look into the engine's log, and start it again.")
    finally:
        await session.close()


async def _of_version(session: Session) -> Trouble | None:
    version = (await session.call(session.client.version(), SECONDS)).removeprefix("v")
    if version == dagger_engine.VERSION:
        return None
    return Trouble(
        f"the engine is Dagger {version}, and Harmony speaks to {dagger_engine.VERSION}",
        f"Start that one: `make engine`, or unset {dagger_engine.RUNNER_HOST} where Docker is.",
    )


async def _of_base(session: Session, containers: Path) -> Trouble | None:
    base = images.base() or _written(containers)
    if not base:
        return None
    try:
        await session.call(session.client.container().from_(base).platform(), SECONDS)
    except (dagger.ClientError, httpx.HTTPError) as error:
        why = str(error).partition(" [traceparent:")[0][:300]
        return Trouble(
            f"the engine cannot get the base image {base}: {why}",
            f"Name one that it reaches in {images.BASE}; `make engine` brings one of its own.",
        )
    return None


def _written(containers: Path) -> str:
    """What the project's first Containerfile starts from."""
    for image in images.shared(containers):
        assert image.folder is not None  # noqa: S101 - these are folders
        text = (image.folder / images.CONTAINERFILE).read_text(encoding="utf-8")
        return text.partition("ARG BASE=")[2].partition("\n")[0].strip()
    return ""
