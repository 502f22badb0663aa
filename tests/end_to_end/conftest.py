"""One worker process for all tests of the command line, stopped as an operator would stop it."""

from collections.abc import AsyncIterator

import pytest

from tests.end_to_end.command_line import Harmony, gone


@pytest.fixture(scope="session")
async def harmony(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Harmony]:
    """The program on a state folder that a worker serves; no process is left behind."""
    program = Harmony(tmp_path_factory.mktemp("command-line") / "state")
    worker = await program.begin("worker")
    await worker.said("Ready: task queue harmony")
    server = program.server_pid()
    yield program
    worker.process.terminate()
    ended = await worker.ended()
    assert ended.status == 0, ended.err
    assert ended.err.endswith("Stopped.\n")
    await gone(server)
