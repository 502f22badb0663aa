"""The one real Temporal server that the tests share, and a way to leave without a crash."""

import os
import signal
import sys
from collections.abc import AsyncIterator

import pytest

from engine.temporal.client import Client, connect
from engine.temporal.embedded import ServerAddress, embedded_server

_exit_status = pytest.StashKey[int]()


def pytest_configure() -> None:
    """What the tests start hears signals as at a terminal, also where they run behind a `&`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture(scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerAddress]:
    """An embedded server of this session's own, stopped by its process id when it is given back."""
    async with embedded_server(tmp_path_factory.mktemp("server") / "state") as found:
        yield found


@pytest.fixture(scope="session")
async def client(server: ServerAddress) -> Client:
    return await connect(server.address)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_exit_status] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Programs that used temporalio may crash while Python takes itself down."""
    if "temporalio" in sys.modules and _exit_status in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[_exit_status])
