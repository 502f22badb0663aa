"""One real server with a SQLite file, with the settings of the embedded one."""

import contextlib
import sysconfig
from collections.abc import AsyncIterator
from pathlib import Path

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from engine.temporal.converter import DATA_CONVERTER
from engine.temporal.guardian import OPTIONS, free_ports


@contextlib.asynccontextmanager
async def bare_server(database: Path) -> AsyncIterator[Client]:
    """The development server alone, from its start until a client is connected, to its end."""
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(Path(sysconfig.get_path("scripts")) / "temporal"),
        dev_server_database_filename=str(database), dev_server_extra_args=OPTIONS,
        dev_server_log_level="error", data_converter=DATA_CONVERTER, ui=True,
        ui_port=free_ports(1)[0],
    )  # fmt: skip
    try:
        yield environment.client
    finally:
        await environment.shutdown()
