"""Socket Mode: Slack's clicks without a way in from outside, for sites that have none."""

import asyncio
import logging

from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web import WebClient

from engine.errors import ServiceUnavailable
from engine.serve.clicking import Clicking
from engine.serve.repeats import Seen

_LOG = logging.getLogger(__name__)


class SocketMode:
    """A connection that Slack's client keeps open, and opens again, in threads of its own."""

    def __init__(self, clicking: Clicking, *, app_token: str, url: str) -> None:
        self._clicking = clicking
        self._loop = asyncio.get_running_loop()
        self._seen = Seen()
        self._client = SocketModeClient(
            app_token=app_token,
            web_client=WebClient(base_url=f"{url.rstrip('/')}/", timeout=10),
        )
        self._client.socket_mode_request_listeners.append(self._heard)

    async def open(self) -> None:
        """Connect; ServiceUnavailable in one sentence where Slack will not have it."""
        try:
            await asyncio.to_thread(self._client.connect)
        except SlackApiError as error:
            raise ServiceUnavailable(
                f"Slack refuses Socket Mode ({error.response['error']}); check that "
                "SLACK_APP_TOKEN is an app-level token with the scope connections:write"
            ) from None
        except (OSError, ValueError) as error:
            raise ServiceUnavailable(f"Slack cannot be reached for Socket Mode: {error}") from None

    async def ready(self) -> None:
        """ServiceUnavailable while the connection is down."""
        if not self._client.is_connected():
            raise ServiceUnavailable("the Socket Mode connection is down; it is opened again")

    async def close(self) -> None:
        """Take no more."""
        await asyncio.to_thread(self._client.close)

    def _heard(self, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        """In a thread of the client: acknowledge first, then hand on what is a click."""
        client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
        if request.type == "interactive" and self._seen.first(request.envelope_id):
            self._loop.call_soon_threadsafe(self._clicking.take, request.payload)
