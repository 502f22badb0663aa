"""Slack under `/slack`: the Web API, response URLs, Socket Mode's door."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.websockets import WebSocket

from engine.sandbox.settings import Keys
from engine.sandbox.slack.arguments import Arguments
from engine.sandbox.slack.interactions import Interactions
from engine.sandbox.slack.methods import methods
from engine.sandbox.slack.workspace import Json, Workspace, no


def router(workspace: Workspace, interactions: Interactions, keys: Keys, url: str) -> APIRouter:
    """Everything of Slack's that an app calls."""
    routes = APIRouter(prefix="/slack")
    known = methods(interactions.views)

    @routes.api_route("/api/{method}", methods=["GET", "POST"])
    async def call(request: Request, method: str) -> Response:
        given = await Arguments.of(request)
        token = _token(request, given)
        if method == "apps.connections.open":
            return _answer(_connection(token, interactions, keys, url))
        if method != "api.test":
            _allow(token, keys.slack_bot_token)
        if method not in known:
            raise no("unknown_method", f"the sandbox does not play {method}")
        return _answer(known[method](workspace, given))

    @routes.post("/actions/{team}/{token}")
    async def respond(request: Request, token: str) -> Response:
        interactions.respond(token, await Arguments.of(request))
        return PlainTextResponse("ok")

    @routes.websocket("/socket/{ticket}")
    async def socket(websocket: WebSocket, ticket: str) -> None:
        await interactions.socket_mode.serve(websocket, ticket)

    return routes


def _answer(told: Json) -> Response:
    return JSONResponse({"ok": True, **told})


def _connection(token: str, interactions: Interactions, keys: Keys, url: str) -> Json:
    if token == keys.slack_bot_token:
        raise no("not_allowed_token_type")
    _allow(token, keys.slack_app_token)
    base = url.replace("http://", "ws://", 1)
    return {"url": f"{base}/slack/socket/{interactions.socket_mode.ticket()}"}


def _token(request: Request, given: Arguments) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else given.text("token")


def _allow(token: str, wanted: str) -> None:
    if not token:
        raise no("not_authed")
    if token != wanted:
        raise no("invalid_auth")
