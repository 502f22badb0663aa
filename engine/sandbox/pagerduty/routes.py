"""PagerDuty's REST v2 under `/pagerduty`."""

from collections.abc import Callable, Iterable
from typing import Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.sandbox.pagerduty.account import Json
from engine.sandbox.pagerduty.state import INVALID, NOT_FOUND, PagerDuty, no
from engine.sandbox.refused import number, sent_object


def router(pagerduty: PagerDuty) -> APIRouter:
    """The operations of the interface that the sandbox plays."""
    routes = APIRouter(prefix="/pagerduty", dependencies=[Depends(pagerduty.allow)])
    _incidents(routes, pagerduty)
    _notes(routes, pagerduty)
    _account(routes, pagerduty)
    return routes


def _incidents(routes: APIRouter, pagerduty: PagerDuty) -> None:
    @routes.get("/incidents")
    async def incidents(request: Request) -> Response:
        return _sheet(request, "incidents", _matching(request, pagerduty.newest_first()))

    @routes.post("/incidents")
    async def create(request: Request) -> Response:
        sent = await _sent(request, "incident")
        incident = pagerduty.create(sent, pagerduty.requester(request))
        return JSONResponse({"incident": incident}, 201)

    @routes.put("/incidents")
    async def update_many(request: Request) -> Response:
        who = pagerduty.requester(request)
        sent = (await sent_object(request) or {}).get("incidents")
        if not isinstance(sent, list) or not all(isinstance(one, dict) for one in sent):
            raise no(400, INVALID, "Invalid Input Provided", "incidents must be a list of objects")
        found = [(pagerduty.found(str(one.get("id"))), one) for one in sent]
        changed = [pagerduty.update(incident, one, who) for incident, one in found]
        return _sheet(request, "incidents", changed)

    @routes.get("/incidents/{incident_id}")
    async def incident(incident_id: str) -> Response:
        return JSONResponse({"incident": pagerduty.found(incident_id)})

    @routes.put("/incidents/{incident_id}")
    async def update(request: Request, incident_id: str) -> Response:
        found = pagerduty.found(incident_id)
        who = pagerduty.requester(request)
        sent = await _sent(request, "incident")
        return JSONResponse({"incident": pagerduty.update(found, sent, who)})


def _notes(routes: APIRouter, pagerduty: PagerDuty) -> None:
    @routes.get("/incidents/{incident_id}/notes")
    async def notes(incident_id: str) -> Response:
        found = pagerduty.found(incident_id)
        return JSONResponse({"notes": list(reversed(pagerduty.notes.get(found["id"], [])))})

    @routes.post("/incidents/{incident_id}/notes")
    async def note(request: Request, incident_id: str) -> Response:
        found = pagerduty.found(incident_id)
        who = pagerduty.requester(request)
        sent = await _sent(request, "note")
        return JSONResponse({"note": pagerduty.note(found, sent.get("content"), who)})


def _account(routes: APIRouter, pagerduty: PagerDuty) -> None:
    account = pagerduty.account
    lists: dict[str, Callable[[], Iterable[Json]]] = {
        "users": account.users.values,
        "services": lambda: [account.service],
        "escalation_policies": lambda: [account.escalation_policy],
        "priorities": lambda: account.priorities,
    }
    singular = {"users": "user", "services": "service", "escalation_policies": "escalation_policy"}

    @routes.get("/oncalls")
    async def oncalls(request: Request) -> Response:
        query = request.query_params
        policies = query.getlist("escalation_policy_ids[]")
        wanted = not policies or account.escalation_policy["id"] in policies
        whole = "users" in query.getlist("include[]")
        found = account.oncalls(whole_users=whole) if wanted else []
        return _sheet(request, "oncalls", found)

    @routes.get("/users/me")
    async def me() -> Response:
        raise no(400, INVALID, "Invalid Input Provided", "The key belongs to no user")

    @routes.get("/{kind}")
    async def things(request: Request, kind: str) -> Response:
        if kind not in lists:
            raise no(404, NOT_FOUND, f"The sandbox does not play /{kind}")
        words = request.query_params.get("query", "").casefold()
        found = [one for one in lists[kind]() if _says(one, words)]
        return _sheet(request, kind, found)

    @routes.get("/{kind}/{thing_id}")
    async def thing(kind: str, thing_id: str) -> Response:
        for one in lists[kind]() if kind in singular else ():
            if one["id"] == thing_id:
                return JSONResponse({singular[kind]: one})
        raise no(404, NOT_FOUND, "Not Found")


async def _sent(request: Request, name: str) -> dict[str, Any]:
    """What stands under `name` in the body: `{"incident": {…}}`."""
    inner = (await sent_object(request) or {}).get(name)
    if not isinstance(inner, dict):
        raise no(400, INVALID, "Invalid Input Provided", f"{name} must be an object")
    return inner


def _says(thing: Json, words: str) -> bool:
    return words in f"{thing['name']} {thing.get('email', '')}".casefold()


def _matching(request: Request, incidents: list[Json]) -> list[Json]:
    """The incidents that the query's filters leave; without a status, all of them."""
    query = request.query_params
    key, since, until = query.get("incident_key"), query.get("since"), query.get("until")
    statuses, urgencies = query.getlist("statuses[]"), query.getlist("urgencies[]")
    services, users = query.getlist("service_ids[]"), query.getlist("user_ids[]")
    return [
        one
        for one in incidents
        if (key is None or one["incident_key"] == key)
        and (not statuses or one["status"] in statuses)
        and (not urgencies or one["urgency"] in urgencies)
        and (not services or one["service"]["id"] in services)
        and (not users or any(a["assignee"]["id"] in users for a in one["assignments"]))
        and (since is None or one["created_at"] >= since)
        and (until is None or one["created_at"] <= until)
    ]


def _sheet(request: Request, name: str, found: list[Json]) -> Response:
    """One sheet of a list, with the classic paging."""
    query = request.query_params
    limit = number(query.get("limit"), 25, least=1, most=100)
    offset = number(query.get("offset"), 0, least=0, most=10_000)
    total = len(found) if query.get("total") == "true" else None
    more = offset + limit < len(found)
    paging = {"limit": limit, "offset": offset, "more": more, "total": total}
    return JSONResponse({name: found[offset : offset + limit], **paging})
