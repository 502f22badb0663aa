"""The backends, each of which must pass every test of `test_runner.py`."""

from collections.abc import AsyncIterator

import pytest

from engine.runners.base import Runner
from engine.runners.dagger import DaggerRunner
from engine.runners.process import ProcessRunner
from tests.engine import containers, need_engine
from tests.runners.world import World, world_on_loopback

GRACE_SECONDS = 1.0


@pytest.fixture(scope="session", params=["process", "dagger"])
async def runner(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Runner]:
    """One backend for all the tests, with a short grace between SIGTERM and SIGKILL."""
    made: Runner
    if request.param == "process":
        made = ProcessRunner(grace_seconds=GRACE_SECONDS)
    else:
        need_engine()
        folder = containers(tmp_path_factory.mktemp("images"))
        made = DaggerRunner(folder, grace_seconds=GRACE_SECONDS)
    yield made
    await made.close()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A server on this machine's loopback, which counts what programs ask of it."""
    async with world_on_loopback() as served:
        yield served
