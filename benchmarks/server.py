"""One real server with a SQLite file, with the settings of the embedded one."""

import contextlib
import socket
import sysconfig
from collections.abc import AsyncIterator
from pathlib import Path

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from engine.temporal.converter import DATA_CONVERTER
from engine.temporal.guardian import OPTIONS


@contextlib.asynccontextmanager
async def bare_server(database: Path) -> AsyncIterator[Client]:
    """The development server alone, from its start until a client is connected, to its end."""
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(Path(sysconfig.get_path("scripts")) / "temporal"),
        dev_server_database_filename=str(database), dev_server_extra_args=OPTIONS,
        dev_server_log_level="error", data_converter=DATA_CONVERTER, ui=True,
        ui_port=_free_port(),
    )  # fmt: skip
    try:
        yield environment.client
    finally:
        await environment.shutdown()


def _free_port() -> int:
    """As it comes the page's port is the server's and 1,000, whoever has that one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
