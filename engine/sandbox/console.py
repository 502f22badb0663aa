"""The page for people at `/`, and the same by JSON under `/sandbox`, for tests."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response

from engine.sandbox import inspection
from engine.sandbox.failures import EXPLAINED, FailureUnknown, checked
from engine.sandbox.moments import clock
from engine.sandbox.mrkdwn import rendered
from engine.sandbox.refused import Refused, number, sent_object
from engine.sandbox.settings import PEOPLE, SERVICE_ID, VENDORS
from engine.sandbox.slack.interactions import NothingThere

if TYPE_CHECKING:
    from engine.sandbox.server import Sandbox

_FILES = Path(__file__).parent / "page"
_FOLLOW_SECONDS = 20.0
_SAFE = "default-src 'self'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
_MOST_FIELDS = 200


def router(sandbox: "Sandbox") -> APIRouter:
    """The page, what it is made of, and what its buttons do."""
    routes = APIRouter(dependencies=[Depends(_from_here)])
    _looking(routes, sandbox)
    _slack(routes, sandbox)
    _others(routes, sandbox)
    return routes


async def _from_here(request: Request) -> None:
    """Refuse what another site's page sends, or reaches under another name."""
    host = request.headers.get("host", "")
    if host.rpartition(":")[0] not in ("127.0.0.1", "localhost"):
        raise Refused(403, {"error": "the page is served to 127.0.0.1 and localhost alone"})
    if request.headers.get("origin", f"http://{host}") != f"http://{host}":
        raise Refused(403, {"error": "another site's page may not act here"})


def _looking(routes: APIRouter, sandbox: "Sandbox") -> None:
    pages = Environment(
        loader=FileSystemLoader(_FILES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = {person.slack: person.name for person in PEOPLE}
    pages.filters["mrkdwn"] = lambda text: rendered(text, names)
    pages.filters["clock"] = clock

    @routes.get("/")
    async def page(request: Request) -> Response:
        given = request.query_params.get("as", "")
        acting = given if given in names else PEOPLE[1].slack
        page = pages.get_template("board.html").render(
            acting=acting,
            people=PEOPLE,
            names=names,
            vendors=VENDORS,
            modes=EXPLAINED,
            state=inspection.state(sandbox),
            settings=sandbox.settings,
            url=sandbox.url,
        )
        return HTMLResponse(page, headers={"Content-Security-Policy": _SAFE})

    @routes.get("/sandbox/page.js")
    async def script() -> Response:
        return FileResponse(_FILES / "page.js", media_type="text/javascript")

    @routes.get("/sandbox/page.css")
    async def look() -> Response:
        return FileResponse(_FILES / "page.css", media_type="text/css")

    @routes.get("/sandbox/state")
    async def state() -> Response:
        return JSONResponse(inspection.state(sandbox))

    @routes.get("/sandbox/wiring")
    async def wiring() -> Response:
        return JSONResponse(sandbox.wiring.document())

    @routes.get("/sandbox/changes")
    async def changes(request: Request) -> Response:
        after = number(request.query_params.get("after"), 0, least=0, most=999_999_999)
        version = await sandbox.changes.after(after, seconds=_FOLLOW_SECONDS)
        return JSONResponse({"version": version})


def _slack(routes: APIRouter, sandbox: "Sandbox") -> None:
    @routes.post("/sandbox/slack/click")
    async def click(request: Request) -> Response:
        given = await _given(request)
        names = ("user", "channel", "ts", "block_id", "action_id")
        with _explained():
            delivery = await sandbox.interactions.press(*(given.get(one, "") for one in names))
        return await _done(request, sandbox, given, delivery.told())

    @routes.post("/sandbox/slack/modal")
    async def submit(request: Request) -> Response:
        given = await _given(request)
        user, view_id = given.get("user", ""), given.get("view_id", "")
        with _explained():
            if given.get("close"):
                closed = await sandbox.interactions.dismiss(user, view_id)
                return await _done(request, sandbox, given, closed.told() if closed else {})
            values = _values(given, sandbox.interactions.views.open.get(view_id))
            delivery = await sandbox.interactions.submit(user, view_id, values)
        return await _done(request, sandbox, given, delivery.told())


def _others(routes: APIRouter, sandbox: "Sandbox") -> None:
    @routes.post("/sandbox/pagerduty/trigger")
    async def trigger(request: Request) -> Response:
        given = await _given(request)
        sent: dict[str, Any] = {
            "title": given.get("title") or "Checkout answers with errors",
            "service": {"id": SERVICE_ID},
            "urgency": "high" if given.get("priority", "P1") in ("P1", "P2") else "low",
            "priority": given.get("priority") or "P1",
        }
        incident = sandbox.pagerduty.create(sent, None)
        return await _done(request, sandbox, given, {"incident": incident})

    @routes.post("/sandbox/deliveries/{delivery_id}/again")
    async def again(request: Request, delivery_id: str) -> Response:
        delivery = sandbox.outbox.deliveries.get(delivery_id)
        if delivery is None or not delivery.url.startswith("http"):
            raise Refused(404, {"error": "there is nothing to send again"})
        await sandbox.webhooks.again(delivery)
        return await _done(request, sandbox, await _given(request), delivery.told())

    @routes.get("/sandbox/failures")
    async def failures() -> Response:
        return JSONResponse(inspection.failures(sandbox))

    @routes.post("/sandbox/failures")
    async def fail(request: Request) -> Response:
        given = await _given(request)
        try:
            vendor, failure = checked(
                given.get("vendor", ""), given.get("mode", ""), given.get("count")
            )
        except FailureUnknown as error:
            raise Refused(422, {"error": str(error)}) from None
        sandbox.failures.set(vendor, failure)
        return await _done(request, sandbox, given, inspection.failures(sandbox))


class _explained:  # noqa: N801 - reads as a phrase: `with _explained():`
    """What is not there becomes a 404 with its sentence."""

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: object, __: object) -> None:
        if isinstance(error, NothingThere):
            raise Refused(404, {"error": str(error)}) from error


async def _given(request: Request) -> Mapping[str, str]:
    """A form's or a JSON object's fields, as texts."""
    if request.headers.get("content-type", "").startswith("application/json"):
        sent = await sent_object(request) or {}
        return {name: str(value) for name, value in sent.items() if value is not None}
    try:
        return dict(parse_qsl((await request.body()).decode(), max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise Refused(400, {"error": "the form cannot be read"}) from None


async def _done(
    request: Request, sandbox: "Sandbox", given: Mapping[str, str], told: dict[str, Any]
) -> Response:
    """JSON for a program, the page again for a browser without scripts."""
    await sandbox.changes.happened()
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse(told)
    return RedirectResponse(f"/?{urlencode({'as': given.get('user', '')})}", 303)


def _values(given: Mapping[str, str], view: Mapping[str, Any] | None) -> dict[str, Any]:
    """What was filled in, by block and action, from fields named `BLOCK/ACTION`."""
    values: dict[str, Any] = {}
    for block in view["blocks"] if view else ():
        element = block.get("element") or {}
        action = element.get("action_id", "")
        text = given.get(f"{block['block_id']}/{action}")
        if block["type"] == "input":
            held = {"type": element.get("type"), "value": text or None}
            values[block["block_id"]] = {action: held}
    return values
