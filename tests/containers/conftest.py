"""A session with the engine that is there, and a way to try Containerfiles."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from engine.runners.dagger_session import Session
from engine.runners.images import CONTAINERFILE, Image
from tests.engine import base, need_engine

MakeImage = Callable[..., Image]


@pytest.fixture(scope="session")
async def session() -> AsyncIterator[Session]:
    """One for all tests of images."""
    need_engine()
    opened = await Session.open()
    yield opened
    await opened.close()


@pytest.fixture
def make_image(tmp_path: Path) -> MakeImage:
    """`make_image("RUN …", file="text")`: an image with a folder of its own."""

    def make(lines: str, name: str = "tried", **files: str) -> Image:
        folder = tmp_path / "containers" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONTAINERFILE).write_text(f"ARG BASE={base()}\nFROM ${{BASE}}\n{lines}\n")
        for file, text in files.items():
            (folder / file).write_text(text)
        return Image(name, folder=folder)

    return make
