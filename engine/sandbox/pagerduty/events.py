"""PagerDuty's Events v2 under `/pagerduty-events`: alerts that make, join and end incidents."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.sandbox.moments import upper_id
from engine.sandbox.pagerduty.state import PagerDuty
from engine.sandbox.refused import Refused, sent_object
from engine.sandbox.settings import SERVICE_ID

_URGENCIES = {"critical": "high", "error": "high", "warning": "low", "info": "low"}
_ACTIONS = ("trigger", "acknowledge", "resolve")
_SUMMARY_LENGTH = 1024


def router(pagerduty: PagerDuty, routing_key: str) -> APIRouter:
    """The two operations of the interface; a change event is taken and changes nothing."""
    routes = APIRouter(prefix="/pagerduty-events")

    @routes.post("/v2/enqueue")
    async def enqueue(request: Request) -> Response:
        event = await sent_object(request) or {}
        _check(event, routing_key)
        key = event.get("dedup_key") or upper_id("", 32).lower()
        _apply(pagerduty, event, str(key))
        answer = {"status": "success", "message": "Event processed", "dedup_key": key}
        return JSONResponse(answer, 202)

    @routes.post("/v2/change/enqueue")
    async def change(request: Request) -> Response:
        event = await sent_object(request) or {}
        if event.get("routing_key") != routing_key:
            raise _no("Invalid routing key")
        return JSONResponse({"status": "success", "message": "Change event processed"}, 202)

    return routes


def _no(*errors: str) -> Refused:
    body = {"status": "invalid event", "message": "Event object is invalid", "errors": list(errors)}
    return Refused(400, body)


def _check(event: Mapping[str, Any], routing_key: str) -> None:
    if event.get("routing_key") != routing_key:
        raise _no("Invalid routing key")
    if event.get("event_action") not in _ACTIONS:
        raise _no(f"'event_action' must be one of {', '.join(_ACTIONS)}")
    if event["event_action"] != "trigger":
        if not event.get("dedup_key"):
            raise _no("'dedup_key' is missing or blank")
        return
    payload = event.get("payload")
    payload = payload if isinstance(payload, dict) else {}
    for name in ("summary", "source", "severity"):
        if not isinstance(payload.get(name), str) or not payload[name]:
            raise _no(f"'payload.{name}' is missing or blank")
    if len(payload["summary"]) > _SUMMARY_LENGTH:
        raise _no("'payload.summary' is longer than 1024 characters")
    if payload["severity"] not in _URGENCIES:
        raise _no(f"'payload.severity' must be one of {', '.join(_URGENCIES)}")


def _apply(pagerduty: PagerDuty, event: Mapping[str, Any], key: str) -> None:
    """A trigger joins the open incident of its key or makes one; the others change that one."""
    incident = pagerduty.open_with(key)
    if event["event_action"] == "trigger":
        if incident is None:
            incident = pagerduty.create(_incident(event["payload"], key), None)
        for count in ("all", "triggered"):
            incident["alert_counts"][count] += 1
    elif incident is not None:
        status = {"acknowledge": "acknowledged", "resolve": "resolved"}[event["event_action"]]
        pagerduty.update(incident, {"status": status}, None)


def _incident(payload: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {
        "title": payload["summary"],
        "service": {"id": SERVICE_ID, "type": "service_reference"},
        "incident_key": key,
        "urgency": _URGENCIES[payload["severity"]],
    }
