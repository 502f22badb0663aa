"""The Dagger engine that tests run against, where there is one."""

import os
from pathlib import Path

import pytest

from engine.runners import dagger_engine, images

REQUIRED = "HARMONY_REQUIRE_ENGINE"
"""Set to 1 where the tests must not be skipped: CI."""
PYTHON = Path(__file__).parents[1] / "containers" / images.DEFAULT / images.CONTAINERFILE


def need_engine() -> None:
    """Skip the test where no engine answers, and say why; fail it where one must be there."""
    found = dagger_engine.look()
    if found.answers:
        return
    why = f"{found.says}. {found.do}"
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED} is 1, and there is {why}", pytrace=False)
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
    made.mkdir(parents=True)
    (made / images.CONTAINERFILE).write_text(f"ARG BASE={base()}\nFROM ${{BASE}}\n")
    return made.parent
