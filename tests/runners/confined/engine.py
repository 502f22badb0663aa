"""A session with the engine that there is, and a base image for programs to run in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dagger
import pytest

from engine.runners import dagger_engine
from tests.engine import base, need_engine


@asynccontextmanager
async def engine() -> AsyncIterator[tuple[dagger.Client, dagger.Container]]:
    """The session and the image; see `need_engine` for what happens without an engine."""
    need_engine()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in dagger_engine.look().environment:
            patch.setenv(name, value)
        if program := dagger_engine.session_program():
            patch.setenv(dagger_engine.SESSION_PROGRAM, program)
        async with dagger.Connection(dagger.Config()) as client:
            yield client, client.container().from_(base())
