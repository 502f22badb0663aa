"""Socket Mode: the way in for an app that no request can reach."""

import asyncio
import json
import time
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.sandbox.bounded import Bounded
from engine.sandbox.moments import upper_id
from engine.sandbox.outbox import Delivery, Outbox
from engine.sandbox.slack.workspace import APP_ID, Json

_KEPT_TICKETS = 100
_MOST_CONNECTIONS = 10


class SocketMode:
    """The connections of the app, and the envelopes that wait to be acknowledged."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._tickets: Bounded[str, bool] = Bounded(_KEPT_TICKETS)
        self._connections: list[WebSocket] = []
        self._waiting: dict[str, asyncio.Future[Any]] = {}

    @property
    def connected(self) -> bool:
        """Whether an app listens here; then nothing is posted over HTTP."""
        return bool(self._connections)

    def ticket(self) -> str:
        """What a connection shows when it is opened; good for one."""
        ticket = upper_id("", 32).lower()
        self._tickets[ticket] = True
        return ticket

    async def serve(self, socket: WebSocket, ticket: str) -> None:
        """One connection, until it goes away."""
        if self._tickets.pop(ticket, None) is None or len(self._connections) >= _MOST_CONNECTIONS:
            await socket.close(1008)
            return
        await socket.accept()
        await socket.send_text(json.dumps(_hello(len(self._connections) + 1)))
        self._connections.append(socket)
        try:
            while True:
                self._hear(await socket.receive_text())
        except (WebSocketDisconnect, KeyError):
            pass
        finally:
            self._connections.remove(socket)

    async def send(self, what: str, payload: Json, *, seconds: float) -> Delivery:
        """Hand it to the newest connection; its acknowledgement is the answer."""
        envelope_id = upper_id("", 32).lower()
        envelope = {
            "envelope_id": envelope_id,
            "type": "interactive",
            "accepts_response_payload": payload["type"] == "view_submission",
            "payload": payload,
        }
        body = json.dumps(envelope)
        delivery = Delivery("interaction", what, "socket mode", {}, body.encode(), attempts=1)
        self._outbox.deliveries[delivery.id] = delivery
        acknowledged = self._waiting[envelope_id] = asyncio.get_running_loop().create_future()
        began = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                await self._connections[-1].send_text(body)
                answer = await acknowledged
            delivery.status, delivery.answer = 200, json.dumps(answer) if answer else ""
        except TimeoutError:
            delivery.error = f"no answer within {seconds:g} seconds"
        except (RuntimeError, WebSocketDisconnect, IndexError):
            delivery.error = "the connection went away"
        finally:
            del self._waiting[envelope_id]
        delivery.milliseconds = round(1000 * (time.monotonic() - began))
        return delivery

    def _hear(self, text: str) -> None:
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            return
        waiting = (
            self._waiting.get(str(said.get("envelope_id"))) if isinstance(said, dict) else None
        )
        if waiting is not None and not waiting.done():
            waiting.set_result(said.get("payload"))


def _hello(connections: int) -> Json:
    return {
        "type": "hello",
        "num_connections": connections,
        "connection_info": {"app_id": APP_ID},
        "debug_info": {"host": "sandbox", "approximate_connection_time": 18060},
    }
