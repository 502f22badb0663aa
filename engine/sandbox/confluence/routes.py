"""Confluence Cloud under `/confluence/wiki`: v2 for pages and spaces, v1 for labels."""

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from engine.sandbox.confluence.state import Confluence, Json, no
from engine.sandbox.refused import number, sent_json, sent_object
from engine.sandbox.settings import SPACE_KEY

_SHUT_IN = "sandbox; default-src 'none'; style-src 'unsafe-inline'"

_LOOK = (
    ":root{color-scheme:light dark} body{font:16px/1.5 system-ui,sans-serif;max-width:75rem;"
    "margin:2rem auto;padding:0 1rem;overflow-wrap:break-word;overflow-x:auto}"
    "table{border-collapse:collapse} ac\\:parameter{display:none}"
    "th,td{border:1px solid #8886;padding:.3rem .6rem;text-align:left;vertical-align:top}"
)


def router(confluence: Confluence) -> APIRouter:
    """The operations of the interface that the sandbox plays, and the pages for people."""
    guarded = APIRouter(prefix="/confluence/wiki", dependencies=[Depends(confluence.allow)])
    _spaces(guarded, confluence)
    _pages(guarded, confluence)
    _labels(guarded, confluence)
    _queries(guarded, confluence)
    routes = APIRouter()
    routes.include_router(guarded)
    _for_people(routes, confluence)
    return routes


def _spaces(routes: APIRouter, confluence: Confluence) -> None:
    @routes.get("/api/v2/spaces")
    async def spaces(request: Request) -> Response:
        query = request.query_params
        keys, ids = query.get("keys", SPACE_KEY), query.get("ids", confluence.space["id"])
        wanted = SPACE_KEY in keys.split(",") and confluence.space["id"] in ids.split(",")
        return _results(request, [confluence.space] if wanted else [], confluence)

    @routes.get("/api/v2/spaces/{space_id}")
    async def space(space_id: str) -> Response:
        if space_id != confluence.space["id"]:
            raise no(404, f"There is no space with id {space_id}")
        return JSONResponse(confluence.space | {"_links": _based(confluence.space, confluence)})

    @routes.get("/api/v2/spaces/{space_id}/pages")
    async def pages_of(request: Request, space_id: str) -> Response:
        found = confluence.matching({**request.query_params, "space-id": space_id})
        return _results(request, [_shown(page, request) for page in found], confluence)


def _pages(routes: APIRouter, confluence: Confluence) -> None:
    def single(page: Json, request: Request) -> Response:
        shown = _shown(page, request)
        if request.query_params.get("include-labels") == "true":
            shown["labels"] = {"results": confluence.labels_of(page["id"])}
        if request.query_params.get("include-versions") == "true":
            shown["versions"] = {"results": confluence.versions_of(page)}
        return JSONResponse(shown | {"_links": _based(page, confluence)})

    @routes.get("/api/v2/pages")
    async def pages(request: Request) -> Response:
        found = confluence.matching(dict(request.query_params))
        return _results(request, [_shown(page, request) for page in found], confluence)

    @routes.post("/api/v2/pages")
    async def create(request: Request) -> Response:
        sent = await _sent(request)
        page = confluence.create(sent)
        return JSONResponse(page | {"_links": _based(page, confluence)})

    @routes.get("/api/v2/pages/{page_id}")
    async def page(request: Request, page_id: str) -> Response:
        return single(confluence.found(page_id), request)

    @routes.put("/api/v2/pages/{page_id}")
    async def update(request: Request, page_id: str) -> Response:
        page = confluence.update(confluence.found(page_id), await _sent(request))
        return JSONResponse(page | {"_links": _based(page, confluence)})

    @routes.delete("/api/v2/pages/{page_id}")
    async def delete(page_id: str) -> Response:
        confluence.found(page_id)["status"] = "trashed"
        return Response(status_code=204)


def _labels(routes: APIRouter, confluence: Confluence) -> None:
    @routes.get("/api/v2/pages/{page_id}/labels")
    async def labels(request: Request, page_id: str) -> Response:
        return _results(request, confluence.labels_of(page_id), confluence)

    @routes.get("/rest/api/content/{page_id}/label")
    async def labels_v1(page_id: str) -> Response:
        return JSONResponse(_label_array(confluence.labels_of(page_id)))

    @routes.post("/rest/api/content/{page_id}/label")
    async def add(request: Request, page_id: str) -> Response:
        return JSONResponse(
            _label_array(confluence.add_labels(page_id, await sent_json(request))),
        )

    @routes.delete("/rest/api/content/{page_id}/label")
    async def remove(request: Request, page_id: str) -> Response:
        confluence.remove_label(page_id, request.query_params.get("name", ""))
        return Response(status_code=204)


def _queries(routes: APIRouter, confluence: Confluence) -> None:
    @routes.get("/rest/api/content/search")
    async def search(request: Request) -> Response:
        query = request.query_params
        limit = number(query.get("limit"), 25, least=1, most=250)
        found = list(confluence.asked_for(query.get("cql", "")))[:limit]
        sheet = {"start": 0, "limit": limit, "size": len(found)}
        links = {"base": confluence.site}
        return JSONResponse(sheet | {"results": [_old(page) for page in found], "_links": links})


def _old(page: Json) -> Json:
    """The page as the v1 interface writes it."""
    version = {"number": page["version"]["number"], "when": page["version"]["createdAt"]}
    return {
        **{name: page[name] for name in ("id", "status", "title", "_links")},
        "type": "page",
        "version": version,
        "history": {"createdDate": page["createdAt"]},
    }


def _for_people(routes: APIRouter, confluence: Confluence) -> None:
    @routes.get(f"/confluence/wiki/spaces/{SPACE_KEY}/pages/{{page_id}}")
    async def read(page_id: str) -> Response:
        from markupsafe import Markup

        page = confluence.found(page_id)
        text = Markup(
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>{0}</title>'
            "<style>{1}</style><body><h1>{0}</h1>"
        ).format(page["title"], _LOOK)
        body = page["body"]["storage"]["value"]
        headers = {"Content-Security-Policy": _SHUT_IN}
        return HTMLResponse(f"{text}{body}</body></html>", headers=headers)


async def _sent(request: Request) -> dict[str, Any]:
    sent = await sent_object(request)
    if sent is None:
        raise no(400, "The request body is not a JSON object")
    return sent


def _shown(page: Json, request: Request) -> Json:
    """The page, its body only where it was asked for."""
    if request.query_params.get("body-format") in ("storage", "view"):
        return dict(page)
    return {name: value for name, value in page.items() if name != "body"}


def _based(thing: Json, confluence: Confluence) -> Json:
    return {**thing["_links"], "base": confluence.site}


def _results(request: Request, found: list[Json], confluence: Confluence) -> Response:
    """One sheet of a list; the cursor is how many came before."""
    query = request.query_params
    limit = number(query.get("limit"), 25, least=1, most=250)
    start = number(query.get("cursor"), 0, least=0, most=1_000_000)
    links = {"base": confluence.site}
    if start + limit < len(found):
        following = urlencode({**query, "cursor": start + limit})
        links["next"] = f"/wiki{request.url.path.partition('/wiki')[2]}?{following}"
    return JSONResponse({"results": found[start : start + limit], "_links": links})


def _label_array(labels: list[Json]) -> Json:
    return {"results": labels, "start": 0, "limit": 200, "size": len(labels)}
