"""A session to call the module's functions in, and the module's object for this project."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import dagger
import pytest
from dagger import dag
from harmony import Harmony
from harmony.main import LEFT_OUT

from engine.runners import build_settings, dagger_engine
from tests import engine

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="package")
async def session() -> AsyncIterator[None]:
    """`dag` speaks to the engine that there is."""
    engine.need_engine()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in dagger_engine.look().environment:
            patch.setenv(name, value)
        if program := dagger_engine.session_program():
            patch.setenv(dagger_engine.SESSION_PROGRAM, program)
        async with dagger.connection():
            yield


@pytest.fixture
def module(session: None) -> Any:  # noqa: ARG001 - it must be open
    """The module on this checkout, built with this machine's way to its packages.

    A type checker sees neither its constructor nor that its functions can be awaited: the SDK's
    decorators do not tell.
    """
    found = dict(build_settings.read().secrets)
    secrets = {name: dag.set_secret(name, text) for name, text in found.items()}
    made: Any = Harmony
    return made(
        source=dag.host().directory(str(ROOT), exclude=LEFT_OUT),
        base=engine.base(),
        pip_config=secrets.get("pip.conf"),
        certificates=secrets.get("ca.pem"),
    )
