"""A server in front of Prism: a vendor as a program under test sees it.

Every request is given to Prism, which holds it against the vendor's description. What comes back is
Prism's answer, or one that the test asked for: Prism keeps no state, and knows no time-outs.
"""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, Literal, cast
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.vendors.prism_server import serving

LONGEST_SECONDS = 60
"""A program that waits for an answer which does not come is let go after this."""
_HOP = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding"})
_PREFIXES = {"statuspage": "/v1", "slack": "/api"}
"""What comes before the paths of the description in the vendor's real URLs."""
_EITHER = frozenset({"slack"})
"""Vendors who take POST for what their description has as GET, as their own library does."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a program asked for."""

    method: str
    path: str
    """As the description has it, without the prefix."""
    query: Mapping[str, list[str]]
    headers: httpx.Headers
    raw: bytes
    violations: tuple[str, ...] = ()
    """Where it is not as the description says, each a sentence."""

    @property
    def body(self) -> Any:
        """JSON, or the fields of a form."""
        if "form-urlencoded" in self.headers.get("content-type", ""):
            return {key: values[0] for key, values in parse_qs(self.raw.decode()).items()}
        return json.loads(self.raw) if self.raw else None


@dataclass(slots=True)
class Planned:
    """What a test wants to come back."""

    method: str
    path: re.Pattern[str]
    prefer: str | None = None
    """For Prism, such as `code=429` or `example=name_taken`."""
    status: int = 0
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Literal["hang", "drop"] | None = None
    times: int = -1
    """How often; -1 for always."""


class Front:
    """One vendor. Answers planned for the same request are given one after the other."""

    def __init__(self, vendor: str, prism: str | None) -> None:
        self.requests: list[Request] = []
        self._vendor = vendor
        self._prefix = _PREFIXES.get(vendor, "")
        self._prism = prism
        self._planned: list[Planned] = []
        self._lock = Lock()
        self._released = Event()
        self._client = httpx.Client(timeout=LONGEST_SECONDS, trust_env=False)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    @property
    def url(self) -> str:
        """The base URL, with the vendor's prefix."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{self._prefix}"

    @property
    def violations(self) -> list[str]:
        """Of all requests so far."""
        return [said for request in self.requests for said in request.violations]

    def calls(self, method: str = "", path: str = "") -> list[Request]:
        """The requests of this method whose path holds this expression, in their order."""
        return [
            request for request in self.requests
            if method in ("", request.method) and re.search(path, request.path)
        ]  # fmt: skip

    def prefer(self, wish: str, method: str = "", path: str = "", times: int = -1) -> None:
        """Ask Prism for one of its answers: `code=429`, `example=name_taken`."""
        self._plan(Planned(method, re.compile(path), prefer=wish, times=times))

    def answer(
        self, status: int, body: Any = None, method: str = "", path: str = "", *,
        headers: Mapping[str, str] | None = None, times: int = -1,
    ) -> None:  # fmt: skip
        """Answer this; text goes out as it is, all else as JSON."""
        found = Planned(
            method, re.compile(path), status=status, body=body, headers=headers or {}, times=times
        )
        self._plan(found)

    def hang(self, method: str = "", path: str = "", times: int = -1) -> None:
        """Never answer."""
        self._plan(Planned(method, re.compile(path), fault="hang", times=times))

    def drop(self, method: str = "", path: str = "", times: int = -1) -> None:
        """Take the request, and close the connection without a word."""
        self._plan(Planned(method, re.compile(path), fault="drop", times=times))

    def reset(self) -> None:
        """Forget what was planned and asked; let those go who wait."""
        with self._lock:
            self._released.set()
            self._released = Event()
            self._planned.clear()
            self.requests.clear()

    def close(self) -> None:
        """Stop listening."""
        self.reset()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._client.close()

    def _plan(self, planned: Planned) -> None:
        with self._lock:
            self._planned.append(planned)

    def _next(self, method: str, path: str) -> tuple[Planned | None, Event]:
        with self._lock:
            for planned in self._planned:
                if planned.method in ("", method) and planned.path.search(path) and planned.times:
                    planned.times -= 1
                    return planned, self._released
            return None, self._released

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        length = int(handler.headers.get("Content-Length") or 0)
        raw = handler.rfile.read(length)
        address = handler.path.removeprefix(self._prefix)
        path = urlsplit(address).path
        planned, released = self._next(handler.command, path)
        headers = {key: value for key, value in handler.headers.items() if key.lower() not in _HOP}
        checked = self._checked(handler.command, address, headers, raw, planned)
        violations = _violations(checked) if checked is not None else ()
        request = Request(
            handler.command, path, parse_qs(urlsplit(address).query), httpx.Headers(headers), raw,
            violations,
        )  # fmt: skip
        with self._lock:
            self.requests.append(request)
        if planned is not None and planned.fault is not None:
            if planned.fault == "hang":
                released.wait(LONGEST_SECONDS)
            handler.close_connection = True
        elif planned is not None and planned.status:
            _send(handler, planned.status, planned.headers, _bytes(planned.body))
        elif checked is not None:
            unpacked = {k: v for k, v in checked.headers.items() if k != "content-encoding"}
            _send(handler, checked.status_code, unpacked, checked.content)
        else:
            _send(handler, 500, {}, b"no answer was planned")

    def _checked(
        self, method: str, address: str, headers: Mapping[str, str], raw: bytes,
        planned: Planned | None,
    ) -> httpx.Response | None:  # fmt: skip
        if self._prism is None:
            return None
        wish = {"Prefer": planned.prefer} if planned is not None and planned.prefer else {}
        checked = self._client.request(
            method, self._prism + address, headers={**headers, **wish}, content=raw
        )
        if checked.status_code == 405 and self._vendor in _EITHER:
            form = "?" + raw.decode() if raw and "?" not in address else ""
            return self._client.get(self._prism + address + form, headers={**headers, **wish})
        return checked


def _violations(response: httpx.Response) -> tuple[str, ...]:
    """What Prism found wrong with a request."""
    found = [
        f"{'.'.join(map(str, each['location']))}: {each['message']}"
        for each in json.loads(response.headers.get("sl-violations", "[]"))
        if each["location"][:1] == ["request"]
    ]
    if "problem+json" in response.headers.get("content-type", ""):
        problem = response.json()
        if "stoplight.io/prism/errors" in str(problem.get("type")):
            found.append(f"{problem['title']}: {problem.get('detail', '')}")
    return tuple(found)


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def _send(
    handler: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str], body: bytes
) -> None:
    handler.send_response(status)
    sent = {key.lower() for key in headers}
    for key, value in headers.items():
        if key.lower() not in (*_HOP, "date", "server"):
            handler.send_header(key, value)
    if "content-type" not in sent:
        handler.send_header("Content-Type", "application/json")
    body = b"" if status in (204, 304) else body
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    with contextlib.suppress(ConnectionError):
        handler.wfile.write(body)


def _handler(front: Front) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Says nothing."""

        def do(self) -> None:
            with contextlib.suppress(ConnectionError):
                front.serve(self)

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.do)
    return cast(type[BaseHTTPRequestHandler], Handler)


@contextlib.contextmanager
def vendor(name: str) -> Iterator[Front]:
    """The vendor, on a free port; CannotServe where its description cannot be served."""
    with serving(name) as prism:
        front = Front(name, prism)
        try:
            yield front
        finally:
            front.close()
