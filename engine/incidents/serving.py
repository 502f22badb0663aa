"""Has the incident service listen on 127.0.0.1 for as long as a worker serves."""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn

from engine.incidents.service import app
from engine.incidents.store import Store

DRAIN_SECONDS = 5
"""What a request under way may still take at the end."""
_BACKLOG = 256


@contextlib.asynccontextmanager
async def incident_service(store: Store) -> AsyncIterator[tuple[str, str]]:
    """Its URL, on a free port, and the token that its callers need, new each time."""
    token = secrets.token_urlsafe(32)
    with socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG) as on:
        server = _Server(
            uvicorn.Config(
                app(store, token),
                lifespan="off",
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=DRAIN_SECONDS,
            )
        )
        running = asyncio.create_task(server.serve(sockets=[on]))
        try:
            yield f"http://127.0.0.1:{on.getsockname()[1]}", token
        finally:
            server.should_exit = True
            await running


class _Server(uvicorn.Server):
    """Leaves the process's signals to the program it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
