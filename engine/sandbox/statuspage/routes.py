"""Statuspage v1 under `/statuspage/v1`."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.sandbox.moments import instant
from engine.sandbox.refused import Refused, number, sent_object
from engine.sandbox.statuspage.state import Json, Statuspage
from engine.sandbox.statuspage.state import postmortem as postmortem_of


async def _sent(request: Request, name: str) -> Mapping[str, Any]:
    """What stands under `name` in the body: `{"incident": {…}}`."""
    inner = (await sent_object(request) or {}).get(name)
    if not isinstance(inner, dict):
        raise Refused(400, {"message": f"The request body needs an object '{name}'"})
    return {name: value for name, value in inner.items() if value is not None}


def _sheet(request: Request, all_of_them: list[Json], size_name: str) -> list[Json]:
    """One page of a list; pages count from 1."""
    query = request.query_params
    size = number(query.get(size_name), 100, least=1, most=100)
    page = number(query.get("page"), 1, least=1, most=1_000_000)
    return all_of_them[(page - 1) * size : page * size]


def _matches(incident: Json, words: str) -> bool:
    texts = [incident["name"], incident["status"], incident.get("postmortem_body", "")]
    texts += [update["body"] for update in incident["incident_updates"]]
    return any(words.casefold() in text.casefold() for text in texts)


def router(statuspage: Statuspage) -> APIRouter:
    """The operations of the API that the sandbox plays."""
    routes = APIRouter(prefix="/statuspage/v1", dependencies=[Depends(statuspage.allow)])
    _pages_and_components(routes, statuspage)
    _incidents(routes, statuspage)
    _postmortems(routes, statuspage)
    return routes


def _pages_and_components(routes: APIRouter, statuspage: Statuspage) -> None:
    @routes.get("/pages")
    async def pages() -> Response:
        return JSONResponse([statuspage.page()])

    @routes.get("/pages/{page_id}")
    async def page() -> Response:
        return JSONResponse(statuspage.page())

    @routes.get("/pages/{page_id}/components")
    async def components(request: Request) -> Response:
        return JSONResponse(_sheet(request, list(statuspage.components.values()), "per_page"))

    @routes.post("/pages/{page_id}/components")
    async def add_component(request: Request) -> Response:
        return JSONResponse(statuspage.add_component(await _sent(request, "component")), 201)

    @routes.get("/pages/{page_id}/components/{component_id}")
    async def component(component_id: str) -> Response:
        return JSONResponse(statuspage.component(component_id))

    @routes.api_route("/pages/{page_id}/components/{component_id}", methods=["PATCH", "PUT"])
    async def change_component(request: Request, component_id: str) -> Response:
        found = statuspage.component(component_id)
        sent = await _sent(request, "component")
        return JSONResponse(statuspage.change_component(found, sent))


def _incidents(routes: APIRouter, statuspage: Statuspage) -> None:
    @routes.get("/pages/{page_id}/incidents")
    async def incidents(request: Request) -> Response:
        words = request.query_params.get("q", "")
        found = [one for one in statuspage.newest_first() if _matches(one, words)]
        return JSONResponse(_sheet(request, found, "limit"))

    @routes.post("/pages/{page_id}/incidents")
    async def create(request: Request) -> Response:
        return JSONResponse(statuspage.create(await _sent(request, "incident")), 201)

    @routes.get("/pages/{page_id}/incidents/unresolved")
    async def unresolved(request: Request) -> Response:
        return JSONResponse(_sheet(request, statuspage.unresolved(), "per_page"))

    @routes.get("/pages/{page_id}/incidents/{incident_id}")
    async def incident(incident_id: str) -> Response:
        return JSONResponse(statuspage.found(incident_id))

    @routes.api_route("/pages/{page_id}/incidents/{incident_id}", methods=["PATCH", "PUT"])
    async def update(request: Request, incident_id: str) -> Response:
        found = statuspage.found(incident_id)
        return JSONResponse(statuspage.update(found, await _sent(request, "incident")))

    @routes.delete("/pages/{page_id}/incidents/{incident_id}")
    async def delete(incident_id: str) -> Response:
        found = statuspage.found(incident_id)
        del statuspage.incidents[incident_id]
        return JSONResponse(found)


def _postmortems(routes: APIRouter, statuspage: Statuspage) -> None:
    @routes.get("/pages/{page_id}/incidents/{incident_id}/postmortem")
    async def postmortem(incident_id: str) -> Response:
        return JSONResponse(postmortem_of(statuspage.found(incident_id)))

    @routes.put("/pages/{page_id}/incidents/{incident_id}/postmortem")
    async def write_postmortem(request: Request, incident_id: str) -> Response:
        found = statuspage.found(incident_id)
        sent = await _sent(request, "postmortem")
        if not isinstance(sent.get("body_draft"), str):
            raise Refused(400, {"message": "body_draft is missing"})
        found["postmortem_body"] = sent["body_draft"]
        found["postmortem_body_last_updated_at"] = instant()
        return JSONResponse(postmortem_of(found))

    @routes.put("/pages/{page_id}/incidents/{incident_id}/postmortem/publish")
    async def publish(incident_id: str) -> Response:
        found = statuspage.found(incident_id)
        postmortem_of(found)
        found["postmortem_published_at"] = instant()
        return JSONResponse(postmortem_of(found))
