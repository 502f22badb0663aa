"""The incident service: what a capability reaches of the store, as JSON over HTTP.

A container cannot open the store's file, so each worker whose project has a capability with
`x-service: incidents` listens on 127.0.0.1 and a free port for as long as it serves. Such a
capability finds the URL in its configuration and the token among its secrets:

    schemas:
      config: {type: object, properties: {url: {type: string, x-service: incidents}}}
      secrets: {type: object, properties: {token: {type: string, x-service: incidents}}}
    security: {networkAccess: {allowOutbound: ["config:url"]}}

Every request carries `Authorization: Bearer TOKEN`; bodies and answers are JSON objects, names in
camelCase, times ISO 8601 in UTC with Z and milliseconds.

    POST /v1/incidents                     201 incident; 200 where this key or PagerDuty id has one
         {title, severity, impactedServices?, startedAt?, actor?, pagerdutyIncidentId?, key?}
    GET  /v1/incidents                     {incidents: [incident]}, newest first
         ?status &severity &since &until &limit (1 to 1,000)
    GET  /v1/incidents/ID                  incident
    POST /v1/incidents/ID/transitions      {incident, changed}
         {to, actor?, reason?, at?}        already there: changed false, nothing is written
    POST /v1/incidents/ID/events           {events: [event], added}; each key once, a repeated one
         {events: [{type, description, key, actor?, at?, data?}]}, 1 to 500    as it stands
    GET  /v1/incidents/ID/events           {events: [event], more}, in the order of the chain
         ?type (may end in .*) &actor &since &until &after (a sequence) &limit (1 to 5,000)
    GET  /v1/incidents/ID/events/counts    {counts: {type: number}}
    GET  /v1/incidents/ID/approvals        {approvals: [approval]}
    GET  /v1/incidents/ID/verify           {intact, events, head, problems: [{sequence, problem}]}
    GET  /v1/incidents/ID/metrics          {mttaSeconds, mttrSeconds}, null until known
    GET  /v1/metrics                       {incidents, acknowledged, resolved, mttaSeconds,
         ?severity &since &until           mttrSeconds}: means, of incidents begun in that time
    PUT  /v1/incidents/ID/statuspage       incident
         {statuspageId, status}
    PUT  /v1/incidents/ID/slack            incident
         {channelId, channelName, archived?}
    PUT  /v1/incidents/ID/confluence       incident
         {pageId, pageUrl, spaceKey}

incident: {id, title, severity, status, phase, startedAt, acknowledgedAt, resolvedAt, closedAt,
impactedServices, pagerdutyIncidentId, events, head, statuspage, slack, confluence}; what is not
known is null; `statuspage`, `slack`, `confluence` are as they were put.
event: {id, incidentId, sequence, type, actor, description, at, recordedAt, source, run, blueprint,
step, gate, data, key, previous, hash}.
approval: {id, incidentId, workflowId, gate, round, action, approvers, status, approverId, reason,
source, requestedAt, decidedAt, deadline}; status Pending, Approved, Rejected, TimedOut, Escalated.

`status` is Created, Investigating, Escalated, Resolved, PostMortem or Closed; `phase`, of an
incident that is Investigating or Escalated, is Triaging, Remediating, Verifying or Verified. `to`
takes any of these words; Investigating is Triaging from Created, and from Escalated the phase that
was left. Resolved is taken from any phase of Investigating.

An error is {error: {code, message}}: 400 INPUTS, 401 UNAUTHORIZED, 404 INCIDENT_UNKNOWN,
409 WRONG_TRANSITION (recorded on the timeline), 413 TOO_LARGE, 503 STORE_AWAY with Retry-After.

Everything may be sent again: an opening by its key, an event by its key, a transition and a PUT by
what they ask for.
"""

import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

import anyio.to_thread
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine import instants
from engine.errors import IncidentError, StoreUnavailable
from engine.incidents import measures
from engine.incidents.incident import HARMONY, LINKS, LinkKind, NewEvent, Opening
from engine.incidents.incident_rows import IncidentFilter
from engine.incidents.store import Store
from engine.incidents.timeline import EventFilter
from engine.messages import Message

BODY_BYTES = 4_194_304
OWN_TYPES = frozenset(
    ("run", "step", "gate", "item", "undo", "finally", "signal", "child", "notify")
)
"""First words of the types that only a worker writes: what happened in runs, and who answered."""
OWN_KEYS = ("run/", "store/")
_AGAIN_SECONDS = 2
_STATUS = {
    "INPUTS": 400,
    "INCIDENT_UNKNOWN": 404,
    "WRONG_TRANSITION": 409,
    "TOO_LARGE": 413,
    "UNREADABLE": 500,
}
_T = TypeVar("_T")
_Handler: TypeAlias = Callable[[Store, Request, bytes], tuple[int, Any]]


class _Move(Message, frozen=True, kw_only=True, forbid_unknown_fields=True):
    to: str
    actor: str = HARMONY
    reason: str | None = None
    at: str | None = None


class _Happened(Message, frozen=True, kw_only=True, forbid_unknown_fields=True):
    type: str
    description: str
    key: str
    actor: str = HARMONY
    at: str | None = None
    data: dict[str, Any] = msgspec.field(default_factory=dict)

    def event(self) -> NewEvent:
        """What is put on the timeline; IncidentError where only a worker writes such a thing."""
        if self.type.partition(".")[0] in OWN_TYPES or self.key.startswith(OWN_KEYS):
            raise IncidentError(
                f"what happens in a run is written by its worker alone: '{self.type[:60]}' with "
                f"the key '{self.key[:60]}' is not taken",
                code="INPUTS",
            )
        return NewEvent(
            type=self.type,
            description=self.description,
            key=self.key,
            actor=self.actor,
            at=self.at,
            data=self.data,
        )


class _Events(Message, frozen=True, kw_only=True, forbid_unknown_fields=True):
    events: list[_Happened] = msgspec.field(default_factory=list)


def app(store: Store, token: str) -> Starlette:
    """The application, for callers who have the token."""
    one = "/v1/incidents/{incident}"
    served: tuple[tuple[str, str, _Handler], ...] = (
        ("POST", "/v1/incidents", _open),
        ("GET", "/v1/incidents", _list),
        ("GET", "/v1/metrics", _means),
        ("GET", one, _get),
        ("POST", f"{one}/transitions", _transition),
        ("POST", f"{one}/events", _record),
        ("GET", f"{one}/events", _events),
        ("GET", f"{one}/events/counts", _counts),
        ("GET", f"{one}/approvals", _approvals),
        ("GET", f"{one}/verify", _verify),
        ("GET", f"{one}/metrics", _metrics),
        ("PUT", one + "/{kind}", _link),
    )
    routes = [
        Route(path, _endpoint(store, token, handler), methods=[method])
        for method, path, handler in served
    ]
    return Starlette(routes=routes, exception_handlers={404: _nowhere, 405: _nowhere})


def _endpoint(
    store: Store, token: str, handler: _Handler
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        if not _may(request, token):
            return _refused(401, "UNAUTHORIZED", "the token is not this service's")
        body = await _body(request)
        if body is None:
            said = f"a body has at most {BODY_BYTES:,} bytes"
            return _refused(413, "TOO_LARGE", said)
        try:
            status, found = await anyio.to_thread.run_sync(handler, store, request, body)
        except IncidentError as error:
            return _refused(_STATUS.get(error.code, 400), error.code, str(error))
        except StoreUnavailable as error:
            return _refused(503, "STORE_AWAY", str(error), {"Retry-After": str(_AGAIN_SECONDS)})
        return _answer(status, found)

    return endpoint


def _may(request: Request, token: str) -> bool:
    given = request.headers.get("Authorization", "").encode("latin-1")
    return hmac.compare_digest(given, f"Bearer {token}".encode())


async def _body(request: Request) -> bytes | None:
    read = bytearray()
    async for part in request.stream():
        read += part
        if len(read) > BODY_BYTES:
            return None
    return bytes(read)


async def _nowhere(request: Request, _: Exception) -> Response:
    return _refused(404, "INPUTS", f"there is no {request.method} {request.url.path}")


def _refused(
    status: int, code: str, message: str, headers: dict[str, str] | None = None
) -> Response:
    return _answer(status, {"error": {"code": code, "message": message}}, headers)


def _answer(status: int, found: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(found), status, headers, "application/json")


def _open(store: Store, _: Request, body: bytes) -> tuple[int, Any]:
    incident, made = store.open(_read(body, Opening))
    return (201 if made else 200), incident


def _list(store: Store, request: Request, _: bytes) -> tuple[int, Any]:
    which = IncidentFilter(
        status=_text(request, "status"),
        severity=_text(request, "severity"),
        since=_time(request, "since"),
        until=_time(request, "until"),
        limit=_limit(request, 1_000),
    )
    return 200, {"incidents": store.incidents(which)}


def _get(store: Store, request: Request, _: bytes) -> tuple[int, Any]:
    return 200, store.get(_id(request))


def _transition(store: Store, request: Request, body: bytes) -> tuple[int, Any]:
    move = _read(body, _Move)
    incident, changed = store.transition(
        _id(request), move.to, actor=move.actor, reason=move.reason, at=move.at
    )
    return 200, {"incident": incident, "changed": changed}


def _record(store: Store, request: Request, body: bytes) -> tuple[int, Any]:
    given = _read(body, _Events).events
    if not 1 <= len(given) <= 500:
        raise IncidentError("give 1 to 500 events", code="INPUTS")
    events, added = store.append(_id(request), [each.event() for each in given])
    return 200, {"events": events, "added": added}


def _events(store: Store, request: Request, _: bytes) -> tuple[int, Any]:
    limit = _limit(request, 5_000)
    which = EventFilter(
        type=_text(request, "type"),
        actor=_text(request, "actor"),
        since=_time(request, "since"),
        until=_time(request, "until"),
        after=_number(request, "after", 0),
        limit=limit + 1,
    )
    found = store.events(_id(request), which)
    return 200, {"events": found[:limit], "more": len(found) > limit}


def _counts(store: Store, request: Request, _: bytes) -> tuple[int, Any]:
    return 200, {"counts": store.counts(_id(request))}


def _approvals(store: Store, request: Request, _: bytes) -> tuple[int, Any]:
    return 200, {"approvals": store.approvals(_id(request))}


def _verify(store: Store, request: Request, _: bytes) -> tuple[int, Any]:
    return 200, store.verify(_id(request))


def _metrics(store: Store, request: Request, _: bytes) -> tuple[int, Any]:
    incident = store.get(_id(request))
    return 200, {
        "mttaSeconds": measures.seconds_to_acknowledge(incident),
        "mttrSeconds": measures.seconds_to_resolve(incident),
    }


def _means(store: Store, request: Request, _: bytes) -> tuple[int, Any]:
    which = IncidentFilter(
        severity=_text(request, "severity"),
        since=_time(request, "since"),
        until=_time(request, "until"),
    )
    return 200, store.metrics(which)


def _link(store: Store, request: Request, body: bytes) -> tuple[int, Any]:
    kind: LinkKind
    for kind, made in LINKS.items():
        if kind == request.path_params["kind"]:
            return 200, store.link(_id(request), kind, _read(body, made))
    raise IncidentError(f"an incident is linked to {', '.join(LINKS)}", code="INPUTS")


def _read(body: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.convert(json.loads(body), kind)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise IncidentError(f"the body cannot be read: {error}"[:500], code="INPUTS") from None


def _id(request: Request) -> str:
    given: str = request.path_params["incident"]
    return given


def _text(request: Request, name: str) -> str | None:
    return request.query_params.get(name) or None


def _time(request: Request, name: str) -> str | None:
    given = _text(request, name)
    if given is None:
        return None
    try:
        return instants.render(instants.parse(given))
    except (ValueError, OverflowError):
        said = f"{name} is a time in ISO 8601 with its zone, such as 2026-03-01T03:00:00Z"
        raise IncidentError(said, code="INPUTS") from None


def _limit(request: Request, most: int) -> int:
    given = _number(request, "limit", most)
    if not 1 <= given <= most:
        raise IncidentError(f"limit is 1 to {most:,}", code="INPUTS")
    return given


def _number(request: Request, name: str, default: int) -> int:
    given = request.query_params.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdecimal() and len(given) < 10):
        raise IncidentError(f"{name} is a whole number", code="INPUTS")
    return int(given)
