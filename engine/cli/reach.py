"""How a command reaches Temporal: the cluster of TEMPORAL_ADDRESS, else the embedded server."""

import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import quote

from engine.cli.frame import Frame
from engine.cli.leaving import keep_stdout
from engine.errors import ServiceUnavailable
from engine.temporal.embedded import EmbeddedServer

if TYPE_CHECKING:
    from engine.temporal.client import Client, Runs
    from engine.temporal.step_metrics import Runtime

Need: TypeAlias = Literal["running", "kept", "started"]
"""What a command needs of the embedded server: that it runs already; that something was kept, to
read it; or nothing: it is started."""

_CLUSTER_SECONDS = 7
"""With the start of the program this stays within ten."""
CLOUD = "https://cloud.temporal.io"
_CLOUD_HOSTS = (".tmprl.cloud", ".api.temporal.io")


@dataclass(frozen=True, slots=True)
class Service:
    """Temporal as a command uses it."""

    client: "Client"
    runs: "Runs"
    namespace: str
    ui: str | None
    """Where the web UI is, as far as it is known from here, and as long as it is there."""

    def link(self, run: str) -> str | None:
        """The run's page in the web UI."""
        if self.ui is None:
            return None
        return f"{self.ui}/namespaces/{quote(self.namespace, '')}/workflows/{quote(run, '')}"


def on_cluster() -> bool:
    """Whether TEMPORAL_ADDRESS names a cluster."""
    return bool(os.environ.get("TEMPORAL_ADDRESS"))


def embedded(frame: Frame, need: Need) -> EmbeddedServer:
    """A share in the embedded server; it may still be starting.

    ServiceUnavailable in one sentence where this command would start none.
    """
    state = frame.state_folder
    if need != "started" and not (state / "temporal.db").exists():
        raise ServiceUnavailable(
            f"Nothing has run with the state folder {state} yet, and TEMPORAL_ADDRESS is not set; "
            "`harmony run` or `harmony worker` starts an embedded Temporal server"
        )
    return EmbeddedServer(state, start=need != "running")


@contextlib.asynccontextmanager
async def service(
    frame: Frame,
    need: Need,
    *,
    share: EmbeddedServer | None = None,
    runtime: "Runtime | None" = None,
) -> AsyncIterator[Service]:
    """Temporal for as long as the block runs; `share` is one that was begun before, `runtime` the
    SDK's where it is not the usual one."""
    keep_stdout()
    if on_cluster():
        from engine.temporal.client import Runs, connect

        client = await connect(timeout=_CLUSTER_SECONDS, runtime=runtime)
        host = os.environ["TEMPORAL_ADDRESS"].rpartition(":")[0]
        yield Service(client, Runs(client), client.namespace, _cloud(host))
        return
    held = share or embedded(frame, need)
    try:
        from engine.temporal.client import Runs, connect

        found = await held.ready()
        client = await connect(found.address, runtime=runtime)
        stays = need == "started" or not held.begun_here
        ui = found.ui_url if stays else None
        yield Service(client, Runs(client), client.namespace, ui)
    finally:
        held.close()


def _cloud(host: str) -> str | None:
    return CLOUD if host.endswith(_CLOUD_HOSTS) else None
