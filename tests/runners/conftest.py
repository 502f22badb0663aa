"""The backends, each of which must pass every test of `test_runner.py`."""

from collections.abc import AsyncIterator

import pytest

from engine.runners.base import Runner
from engine.runners.process import ProcessRunner

GRACE_SECONDS = 1.0


@pytest.fixture(params=["process"])
async def runner(request: pytest.FixtureRequest) -> AsyncIterator[Runner]:
    """One backend, with a short grace between SIGTERM and SIGKILL."""
    assert request.param == "process"
    made = ProcessRunner(grace_seconds=GRACE_SECONDS)
    yield made
    await made.close()
