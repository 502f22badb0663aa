"""The server as it runs: its routes, its Socket Mode connection, its start and its end."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import uvicorn
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from engine.errors import ServiceUnavailable
from engine.incidents.desk import Desk
from engine.project.policy import Policy
from engine.serve.alert_incidents import AlertIncidents
from engine.serve.app import Parts, app
from engine.serve.clicking import Clicking
from engine.serve.incident_starts import IncidentStarts
from engine.serve.metrics import Metrics
from engine.serve.slack_calls import SlackCalls
from engine.serve.socket_mode import SocketMode
from engine.serve.ways_in import WaysIn
from engine.temporal.client import Runs

DRAIN_SECONDS = 10
"""What a request under way may still take once the server is told to stop."""
AGAIN_SECONDS = 10.0
"""Between two tries to connect to Slack."""
_READY = timedelta(seconds=3)
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Serving:
    """What a server works with."""

    client: Client
    runs: Runs
    desk: Desk
    policy: Callable[[], Policy]
    """As policy.yaml is now."""
    ways: WaysIn
    incidents_per_minute: int
    say: Say


def listen(host: str, port: int) -> socket.socket:
    """A socket that nobody else has; OSError where it cannot be had. Port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=256)


async def serve(serving: Serving, on: socket.socket, stop: asyncio.Event) -> None:
    """Serve on this socket until `stop` is set; what was taken by then is worked on to its end."""
    metrics = Metrics()
    async with httpx.AsyncClient() as http:
        slack = SlackCalls(http, url=serving.ways.slack_url, token=serving.ways.slack_bot_token)
        clicking = Clicking(serving.runs, serving.policy, slack, metrics)
        async with _socket_mode(serving, clicking) as connected:
            starts = IncidentStarts(
                AlertIncidents(serving.desk),
                serving.runs,
                per_minute=serving.incidents_per_minute,
            )
            ready = {"temporal": lambda: _temporal(serving.client), "store": serving.desk.ready}
            if connected is not None:
                ready["slack"] = connected.ready
            parts = Parts(clicking, starts, metrics, ready)
            await _run(uvicorn.Config(
                app(serving.ways.secrets, parts), log_level="warning", access_log=False,
                timeout_graceful_shutdown=DRAIN_SECONDS, server_header=False,
            ), on, stop)  # fmt: skip


async def _run(config: uvicorn.Config, on: socket.socket, stop: asyncio.Event) -> None:
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[on]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.should_exit = True
    await running


class _Server(uvicorn.Server):
    """Leaves the process's signals to the program it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _temporal(client: Client) -> None:
    request = DescribeNamespaceRequest(namespace=client.namespace)
    await client.workflow_service.describe_namespace(request, timeout=_READY)


class _Connection:
    """A Socket Mode connection that is tried again until it is there."""

    def __init__(self, mode: SocketMode, say: Say) -> None:
        self._mode = mode
        self._say = say
        self._problem: ServiceUnavailable | None = ServiceUnavailable("not connected yet")

    async def keep(self) -> None:
        """Connect; from then on Slack's own client keeps the connection."""
        while self._problem is not None:
            try:
                await self._mode.open()
            except ServiceUnavailable as problem:
                if str(problem) != str(self._problem):
                    self._say(f"Slack's Socket Mode: not open, {problem}; tried again")
                self._problem = problem
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                self._problem = None
        self._say("Slack's Socket Mode: open")

    async def ready(self) -> None:
        """ServiceUnavailable while there is no connection."""
        if self._problem is not None:
            raise self._problem
        await self._mode.ready()


@contextlib.asynccontextmanager
async def _socket_mode(serving: Serving, clicking: Clicking) -> AsyncIterator[_Connection | None]:
    token = serving.ways.slack_app_token
    if token is None:
        yield None
        return
    mode = SocketMode(clicking, app_token=token, url=serving.ways.slack_url)
    connection = _Connection(mode, serving.say)
    keeping = asyncio.create_task(connection.keep())
    try:
        yield connection
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await mode.close()
        await clicking.close()
