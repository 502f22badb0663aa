"""The backends, each of which must pass every test of `test_runner.py`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from engine.runners.base import Runner
from engine.runners.dagger import DaggerRunner
from engine.runners.process import ProcessRunner
from tests.engine import containers, need_engine
from tests.runners.world import World, world_on_loopback

GRACE_SECONDS = 1.0


BACKENDS = ("process", "dagger")
PATIENCE_SECONDS = 40.0
"""A grace that no test waits for, on however busy a machine."""


@pytest.fixture(scope="session", params=BACKENDS)
async def runner(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Runner]:
    """One backend for all the tests, with a short grace between SIGTERM and SIGKILL."""
    async with _running(request.param, tmp_path_factory, GRACE_SECONDS) as made:
        yield made


@pytest.fixture(params=BACKENDS)
async def patient_runner(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Runner]:
    """One backend, with a long grace."""
    async with _running(request.param, tmp_path_factory, PATIENCE_SECONDS) as made:
        yield made


@asynccontextmanager
async def _running(
    kind: str, folders: pytest.TempPathFactory, grace: float
) -> AsyncIterator[Runner]:
    made: Runner
    if kind == "process":
        made = ProcessRunner(grace_seconds=grace)
    else:
        need_engine()
        made = DaggerRunner(containers(folders.mktemp("images")), grace_seconds=grace)
    yield made
    await made.close()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A server on this machine's loopback, which counts what programs ask of it."""
    async with world_on_loopback() as served:
        yield served
