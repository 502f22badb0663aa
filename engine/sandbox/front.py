"""What every request meets first: its size, how its vendor fails just now, and the record of it."""

import asyncio
import socket
import struct
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.sandbox.changes import Changes
from engine.sandbox.failures import Failures, Mode
from engine.sandbox.moments import instant
from engine.sandbox.settings import Vendor

LARGEST_BODY = 6 * 1024 * 1024
KEPT_REQUESTS = 1000
RETRY_AFTER_SECONDS = 1
_PREFIXES: Mapping[str, Vendor] = {
    "slack": "slack",
    "statuspage": "statuspage",
    "pagerduty": "pagerduty",
    "pagerduty-events": "pagerduty",
    "confluence": "confluence",
}
_BROKEN = "<html><head><title>503</title></head><body><h1>Service unavailable</h1></body></html>"
_LIMITED: Mapping[Vendor, object] = {
    "slack": {"ok": False, "error": "ratelimited"},
    "statuspage": {"error": "Too many requests"},
    "pagerduty": {"error": {"message": "Rate Limit Exceeded", "code": 2020, "errors": []}},
    "confluence": {"errors": [{"status": 429, "code": "RATE_LIMITED", "title": "Too many"}]},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to a vendor, for whoever looks at what happened."""

    at: str
    vendor: Vendor
    method: str
    path: str
    status: int
    """0 where the connection was reset before an answer came."""
    mode: Mode
    milliseconds: int


class Front:
    """The outermost application; what is not a vendor's goes straight through."""

    def __init__(
        self, inner: ASGIApp, failures: Failures, changes: Changes, slow_seconds: float
    ) -> None:
        self._inner = inner
        self._failures = failures
        self._changes = changes
        self._slow_seconds = slow_seconds
        self.asked: deque[Asked] = deque(maxlen=KEPT_REQUESTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or one WebSocket."""
        vendor = _PREFIXES.get(scope.get("path", "").removeprefix("/").partition("/")[0])
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
        elif (body := await _whole(receive)) is None:
            await _too_large()(scope, receive, send)
        elif vendor is None:
            await self._inner(scope, _again(body, receive), send)
        else:
            await self._play(vendor, scope, _again(body, receive), send)

    async def _play(self, vendor: Vendor, scope: Scope, receive: Receive, send: Send) -> None:
        mode = self._failures.take(vendor)
        began = time.monotonic()
        watch = _Watch(send, keep=mode == "lost")
        await self._answer(vendor, mode, scope, receive, watch)
        if mode in ("down", "lost"):
            await _reset(scope, receive)
        took = round(1000 * (time.monotonic() - began))
        status = 0 if mode in ("down", "lost") else watch.status
        asked = Asked(instant(), vendor, scope["method"], scope["path"], status, mode, took)
        self.asked.append(asked)
        if mode != "well" or scope["method"] != "GET":
            await self._changes.happened()

    async def _answer(
        self, vendor: Vendor, mode: Mode, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if mode == "limited":
            await _limited(vendor)(scope, receive, send)
        elif mode == "broken":
            await HTMLResponse(_BROKEN, 503)(scope, receive, send)
        elif mode != "down":
            if mode == "slow":
                await asyncio.sleep(self._slow_seconds)
            await self._inner(scope, receive, send)


class _Watch:
    """A `send` that sees the status, and keeps the answer to itself where it is to be lost."""

    def __init__(self, send: Send, *, keep: bool) -> None:
        self._send = send
        self._keep = keep
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        if not self._keep:
            await self._send(message)


def _limited(vendor: Vendor) -> Response:
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    if vendor == "pagerduty":
        headers["ratelimit-reset"] = str(RETRY_AFTER_SECONDS)
    return JSONResponse(_LIMITED[vendor], 429, headers)


def _too_large() -> Response:
    return JSONResponse({"error": "the request is larger than 6 MiB"}, 413, {"Connection": "close"})


async def _whole(receive: Receive) -> bytes | None:
    """The request's body; None where it is larger than anything a vendor takes."""
    body = bytearray()
    while len(body) <= LARGEST_BODY:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)
    return None


def _again(body: bytes, rest: Receive) -> Receive:
    """A `receive` that gives the body in one piece, then what comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return waiting.pop() if waiting else await rest()

    return receive


async def _reset(scope: Scope, receive: Receive) -> None:
    """End the connection as a machine does that has gone: with RST and no answer."""
    transport: asyncio.Transport = scope["state"]["transport"]
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
