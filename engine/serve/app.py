"""The HTTP server's routes. What has no secret is not there: it answers 404, and the start says so.

A body is read as bytes and checked before anything in it is parsed.
"""

import contextlib
import json
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import generate_latest

from engine.errors import HarmonyError, ServiceUnavailable
from engine.serve import alerts, signatures
from engine.serve.alerts import Alert
from engine.serve.clicking import Clicking
from engine.serve.incident_starts import Flood, IncidentStarts
from engine.serve.metrics import Metrics
from engine.serve.repeats import Seen

BODY_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class Secrets:
    """What callers prove themselves with; a way in without its secret is not opened."""

    slack_signing: str | None = field(default=None, repr=False)
    pagerduty_webhook: str | None = field(default=None, repr=False)
    alertmanager_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes hand their work to."""

    clicking: Clicking
    starts: IncidentStarts
    metrics: Metrics
    ready: Mapping[str, Callable[[], Awaitable[None]]]
    """What must answer for this server to be ready, by name; one that does not, raises."""


def app(secrets: Secrets, parts: Parts, *, now: Callable[[], float] = time.time) -> FastAPI:
    """The application; `now` is seconds since the epoch."""

    @contextlib.asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        await parts.clicking.close()

    served = FastAPI(
        title="Harmony", docs_url=None, redoc_url=None, openapi_url=None, lifespan=life
    )
    _watch(served, parts)
    if secrets.slack_signing:
        _slack(served, secrets.slack_signing, parts, now)
    if secrets.pagerduty_webhook:
        _pagerduty(served, secrets.pagerduty_webhook, parts)
    if secrets.alertmanager_token:
        _alertmanager(served, secrets.alertmanager_token, parts)
    return served


def _watch(served: FastAPI, parts: Parts) -> None:
    @served.middleware("http")
    async def counted(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        answer = await call_next(request)
        route = request.scope.get("route")
        path = getattr(route, "path", "other")
        parts.metrics.requests.labels(path, str(answer.status_code)).inc()
        return answer

    @served.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @served.get("/readyz")
    async def readyz() -> JSONResponse:
        problems = {}
        for name, check in parts.ready.items():
            try:
                await check()
            except Exception as error:
                problems[name] = str(error)[:500] or type(error).__name__
        status = "not ready" if problems else "ready"
        return JSONResponse(
            {"status": status, "problems": problems}, status_code=503 if problems else 200
        )

    @served.get("/metrics")
    async def metrics() -> Response:
        text = generate_latest(parts.metrics.registry)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _slack(served: FastAPI, secret: str, parts: Parts, now: Callable[[], float]) -> None:
    seen = Seen()

    @served.post("/slack/interactions")
    async def interactions(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return _refused(413, "the body is larger than 1 MiB")
        timestamp = request.headers.get("X-Slack-Request-Timestamp")
        signature = request.headers.get("X-Slack-Signature")
        if problem := signatures.slack_problem(secret, timestamp, signature, body, now()):
            return _refused(401, f"not taken as a request from Slack: {problem}")
        if not seen.first(f"{timestamp} {signature}"):
            return _refused(401, "not taken as a request from Slack: it came before")
        try:
            payload = json.loads(parse_qs(body.decode(), strict_parsing=True)["payload"][0])
        except (ValueError, KeyError, RecursionError):
            return _refused(400, "there is no field `payload` with JSON in it")
        parts.clicking.take(payload)
        return Response(status_code=200)


def _pagerduty(served: FastAPI, secret: str, parts: Parts) -> None:
    @served.post("/webhooks/pagerduty")
    async def pagerduty(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return _refused(413, "the body is larger than 1 MiB")
        signature = request.headers.get("X-PagerDuty-Signature")
        if problem := signatures.pagerduty_problem(secret, signature, body):
            return _refused(401, f"not taken as a webhook of PagerDuty: {problem}")
        return await _alert(parts, "pagerduty", body, alerts.of_pagerduty)


def _alertmanager(served: FastAPI, token: str, parts: Parts) -> None:
    @served.post("/webhooks/alertmanager")
    async def alertmanager(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return _refused(413, "the body is larger than 1 MiB")
        if problem := signatures.bearer_problem(token, request.headers.get("Authorization")):
            return _refused(401, f"not taken as a webhook of Alertmanager: {problem}")
        return await _alert(parts, "alertmanager", body, alerts.of_alertmanager)


async def _alert(parts: Parts, source: str, body: bytes, read: Callable[[Any], Alert]) -> Response:
    """Start what the delivery asks for. What is away is a 503, which the sender tries again."""
    counted = parts.metrics.alerts
    try:
        alert = read(json.loads(body))
    except alerts.NotAnAlert as why:
        counted.labels(source, "ignored").inc()
        return JSONResponse({"result": "ignored", "reason": str(why)})
    except (ValueError, RecursionError) as problem:
        counted.labels(source, "unreadable").inc()
        return _refused(400, str(problem)[:500])
    try:
        result, incident = await parts.starts.start(alert)
    except Flood as flood:
        counted.labels(source, "flood").inc()
        retry = {"Retry-After": str(math.ceil(flood.seconds))}
        return JSONResponse({"error": str(flood)}, status_code=503, headers=retry)
    except Exception as problem:
        counted.labels(source, "failed").inc()
        if not isinstance(problem, HarmonyError):
            raise
        status = 503 if isinstance(problem, ServiceUnavailable) else 500
        return _refused(status, str(problem))
    counted.labels(source, result).inc()
    status = 202 if result == "started" else 200
    return JSONResponse({"result": result, "incident": incident}, status_code=status)


async def _body(request: Request) -> bytes | None:
    """The raw bytes; None where there are too many."""
    read = bytearray()
    async for part in request.stream():
        read += part
        if len(read) > BODY_BYTES:
            return None
    return bytes(read)


def _refused(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status_code=status)
