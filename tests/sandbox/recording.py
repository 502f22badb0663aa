"""What lies between a program and the sandbox: it hands on every request, and keeps the answers."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tests.http_servers import serving

_HOP = ("host", "connection", "content-length", "transfer-encoding", "accept-encoding")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the sandbox."""

    method: str
    path: str
    """With the vendor's name in front, without a query."""
    status: int
    body: Any


class Recorder:
    """A server of its own in front of a sandbox at `target`."""

    def __init__(self, target: str) -> None:
        self.answers: list[Answer] = []
        self._target = target
        self._client = httpx.Client(trust_env=False, timeout=60)
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None: ...

            def _serve(self) -> None:
                recorder.serve(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Hand one request on; a connection that the sandbox resets is ended without a word."""
        raw = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        headers = {k: v for k, v in handler.headers.items() if k.lower() not in _HOP}
        try:
            answer = self._client.request(
                handler.command, self._target + handler.path, headers=headers, content=raw
            )
        except httpx.TransportError:
            handler.close_connection = True
            return
        body = json.loads(answer.content) if "json" in answer.headers["content-type"] else None
        path = handler.path.partition("?")[0]
        self.answers.append(Answer(handler.command, path, answer.status_code, body))
        handler.send_response(answer.status_code)
        for name in ("content-type", "retry-after", "ratelimit-reset"):
            if name in answer.headers:
                handler.send_header(name, answer.headers[name])
        handler.send_header("Content-Length", str(len(answer.content)))
        handler.end_headers()
        handler.wfile.write(answer.content)

    @contextlib.contextmanager
    def running(self) -> Iterator["Recorder"]:
        """Until the block ends."""
        with self._client, serving(self._server):
            yield self
