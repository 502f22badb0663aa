"""The server: every vendor and the page in one application on 127.0.0.1, in a thread of its own."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from engine.errors import ServiceUnavailable
from engine.sandbox import console
from engine.sandbox.changes import Changes
from engine.sandbox.confluence import routes as confluence_routes
from engine.sandbox.confluence.state import Confluence
from engine.sandbox.failures import Failures
from engine.sandbox.front import Front
from engine.sandbox.outbox import Outbox
from engine.sandbox.pagerduty import events as pagerduty_events
from engine.sandbox.pagerduty import routes as pagerduty_routes
from engine.sandbox.pagerduty.state import PagerDuty
from engine.sandbox.pagerduty.webhooks import Webhooks
from engine.sandbox.refused import Refused
from engine.sandbox.settings import Settings
from engine.sandbox.slack import routes as slack_routes
from engine.sandbox.slack.interactions import Interactions
from engine.sandbox.slack.workspace import Workspace
from engine.sandbox.statuspage import routes as statuspage_routes
from engine.sandbox.statuspage.state import Statuspage
from engine.sandbox.wiring import Wiring

HOST = "127.0.0.1"
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_building = threading.Lock()
"""FastAPI puts warnings aside for the whole process while it reads routes, which it does when they
are declared and again at the first request."""


class Sandbox:
    """The vendors' states and the application in front of them, for one start."""

    def __init__(self, settings: Settings, url: str) -> None:
        keys = settings.keys
        self.settings = settings
        self.url = url
        self.wiring = Wiring(url, keys)
        self.failures = Failures(settings.failures)
        self.changes = Changes()
        self.outbox = Outbox(self.changes)
        self.webhooks = Webhooks(settings, self.outbox)
        self.workspace = Workspace()
        self.interactions = Interactions(self.workspace, settings, self.outbox, url)
        self.statuspage = Statuspage(f"{url}/statuspage", keys.statuspage_api_key)
        self.pagerduty = PagerDuty(f"{url}/pagerduty", keys.pagerduty_api_key, self.webhooks.tell)
        self.confluence = Confluence(f"{url}/confluence", keys.confluence_api_token)
        self._vendors = self._app()
        self.front = Front(self._vendors, self.failures, self.changes, settings.slow_seconds)

    async def read_routes(self) -> None:
        """Have every route looked at, by asking for what is none."""
        asked = httpx.ASGITransport(self._vendors)
        async with httpx.AsyncClient(transport=asked, base_url=self.url) as http:
            await http.get("/-")

    async def close(self) -> None:
        """Let go of whoever waits, and of what is being sent."""
        await self.changes.close()
        await self.webhooks.close()
        await self.outbox.close()

    def _app(self) -> FastAPI:
        app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
        app.add_exception_handler(Refused, _refusal)
        keys = self.settings.keys
        app.include_router(slack_routes.router(self.workspace, self.interactions, keys, self.url))
        app.include_router(statuspage_routes.router(self.statuspage))
        app.include_router(pagerduty_events.router(self.pagerduty, keys.pagerduty_routing_key))
        app.include_router(pagerduty_routes.router(self.pagerduty))
        app.include_router(confluence_routes.router(self.confluence))
        app.include_router(console.router(self))
        return app


async def _refusal(_: Request, refused: Exception) -> Response:
    if not isinstance(refused, Refused):
        raise refused
    return JSONResponse(refused.body, refused.status, refused.headers)


class _WithTransport(H11Protocol):
    """HTTP whose requests know their connection, so that it can be reset."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


@contextmanager
def running(settings: Settings) -> Iterator[Sandbox]:
    """A sandbox that answers until the block ends; ServiceUnavailable where its port is taken."""
    started = _Started(settings, _listen(settings.port))
    thread = threading.Thread(target=started.run, name="sandbox", daemon=True)
    thread.start()
    try:
        yield started.wait()
    finally:
        started.stop()
        thread.join(_STOP_SECONDS)


class _Started:
    """One server on the way from its start to its end."""

    def __init__(self, settings: Settings, listening: socket.socket) -> None:
        self.sandbox: Sandbox | None = None
        self._settings = settings
        self._listening = listening
        self._server: uvicorn.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()

    def run(self) -> None:
        """The thread: serve until told to stop."""
        try:
            with self._listening:
                asyncio.run(self._serve())
        finally:
            self._ready.set()

    def wait(self) -> Sandbox:
        """The sandbox once it answers."""
        self._ready.wait(_START_SECONDS)
        if self.sandbox is None:
            raise ServiceUnavailable("the sandbox did not start")
        return self.sandbox

    def stop(self) -> None:
        """End the serving; what is under way has two seconds."""
        if self.sandbox is None or self._server is None or self._loop is None:
            return
        with suppress(RuntimeError):  # the loop may have ended by itself
            asyncio.run_coroutine_threadsafe(self.sandbox.close(), self._loop)
        self._server.should_exit = True

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        url = f"http://{HOST}:{self._listening.getsockname()[1]}"
        with _building:
            sandbox = Sandbox(self._settings, url)
            await sandbox.read_routes()
        self._server = uvicorn.Server(
            uvicorn.Config(
                sandbox.front,
                http=_WithTransport,
                ws="websockets-sansio",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=2,
            )
        )
        self.sandbox = sandbox
        self._ready.set()
        await self._server.serve(sockets=[self._listening])


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port), backlog=256)
    except OSError as error:
        raise ServiceUnavailable(
            f"port {port} of {HOST} cannot be had ({os.strerror(error.errno or 0)}): "
            "stop what holds it, or take another with --port (0 finds a free one)"
        ) from None
