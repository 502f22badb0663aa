"""A click or a filled-in modal, sent to the app as Slack sends it, and what its answer does."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from engine.sandbox.bounded import Bounded
from engine.sandbox.moments import upper_id
from engine.sandbox.outbox import Delivery, Outbox
from engine.sandbox.refused import Refused
from engine.sandbox.settings import Person, Settings
from engine.sandbox.slack import blocks
from engine.sandbox.slack.arguments import Arguments
from engine.sandbox.slack.chat import content_of
from engine.sandbox.slack.socket_mode import SocketMode
from engine.sandbox.slack.views import Views
from engine.sandbox.slack.workspace import APP_ID, TEAM_ID, Channel, Json, Workspace

ANSWER_SECONDS = 3.0
_RESPONSE_SECONDS = 1800.0
_RESPONSE_USES = 5
_KEPT_RESPONSE_URLS = 1000


class NothingThere(LookupError):
    """There is no such button or modal; the message says what is missing."""


@dataclass(slots=True)
class ResponseUrl:
    """What a click may still say, five times within half an hour."""

    channel: Channel
    ts: str
    user: str
    expires: float
    uses: int = 0


class Interactions:
    """Sends what people do on the page to the app, over HTTP or over Socket Mode."""

    def __init__(self, workspace: Workspace, settings: Settings, outbox: Outbox, url: str) -> None:
        self._workspace = workspace
        self._settings = settings
        self._outbox = outbox
        self._url = url
        self.views = Views()
        self.socket_mode = SocketMode(outbox)
        self._response_urls: Bounded[str, ResponseUrl] = Bounded(_KEPT_RESPONSE_URLS)

    async def press(self, user: str, channel_id: str, ts: str, block: str, action: str) -> Delivery:
        """This user presses this button of this message."""
        person = self._person(user)
        channel = self._workspace.channels.get(channel_id)
        message = self._workspace.message(channel, ts) if channel else None
        found = blocks.element(message.get("blocks", []), block, action) if message else None
        if channel is None or message is None or found is None:
            raise NothingThere("the button is no longer there")
        private = "visible_to" in message
        payload = self._common("block_actions", person) | {
            "container": {
                "type": "message",
                "message_ts": ts,
                "channel_id": channel.id,
                "is_ephemeral": private,
            },
            "channel": {"id": channel.id, "name": channel.name},
            "message": {k: v for k, v in message.items() if k != "visible_to"},
            "state": {"values": {}},
            "response_url": self._response_url(channel, ts, user),
            "actions": [_action(*found, self._workspace.timestamps.next())],
        }
        label = found[1].get("text", {}).get("text", action)
        return await self._send(f"{person.name} pressed {label}", payload)

    async def submit(self, user: str, view_id: str, values: Json) -> Delivery:
        """This user sends the modal with these values: `{block_id: {action_id: {…}}}`."""
        person, view = self._person(user), self._view(user, view_id)
        payload = self._common("view_submission", person) | {
            "view": self.views.submitted(view, values),
            "response_urls": [],
        }
        delivery = await self._send(f"{person.name} sent a modal", payload)
        if delivery.arrived:
            self._after_submission(view, delivery.answer)
        else:
            view["errors"] = {"": "We had some trouble connecting. Try again?"}
        return delivery

    async def dismiss(self, user: str, view_id: str) -> Delivery | None:
        """This user closes the modal; the app hears of it where it wants to."""
        person, view = self._person(user), self._view(user, view_id)
        del self.views.open[view_id]
        if not view["notify_on_close"]:
            return None
        payload = self._common("view_closed", person) | {
            "view": self.views.submitted(view, {}),
            "is_cleared": False,
        }
        return await self._send(f"{person.name} closed a modal", payload)

    def respond(self, token: str, given: Arguments) -> None:
        """What the app posts to a response_url."""
        target = self._response_urls.get(token)
        if target is None or time.monotonic() > target.expires:
            raise Refused(404, {"ok": False, "error": "expired_url"})
        if target.uses >= _RESPONSE_USES:
            raise Refused(404, {"ok": False, "error": "used_url"})
        message = self._workspace.message(target.channel, target.ts)
        if given.flag("delete_original"):
            target.channel.messages.pop(target.ts, None)
        elif message is not None and given.flag("replace_original"):
            message |= content_of(given)
            if given.any("blocks") is None:
                message.pop("blocks", None)
        elif given.text("response_type") == "in_channel":
            self._workspace.say(target.channel, content_of(given))
        else:
            self._workspace.whisper(target.channel, target.user, content_of(given))
        target.uses += 1

    def _after_submission(self, view: Json, answer: str) -> None:
        """Close the modal, or do what the app's answer says instead."""
        try:
            said: Any = json.loads(answer) if answer.strip() else {}
        except (ValueError, RecursionError):
            said = {}
        action = said.get("response_action") if isinstance(said, dict) else None
        if action == "errors":
            view["errors"] = said.get("errors") or {}
        elif action in ("update", "push") and isinstance(said.get("view"), dict):
            self.views.change(view, said["view"])
        else:
            self.views.open.pop(view["id"], None)

    def _person(self, user: str) -> Person:
        person = self._workspace.people.get(user)
        if person is None:
            raise NothingThere(f"there is no user '{user}'")
        return person

    def _view(self, user: str, view_id: str) -> Json:
        view = self.views.open.get(view_id)
        if view is None or view["user"] != user:
            raise NothingThere("the modal is no longer open")
        return view

    def _common(self, kind: str, person: Person) -> Json:
        return {
            "type": kind,
            "user": {
                "id": person.slack,
                "username": person.name,
                "name": person.name,
                "team_id": TEAM_ID,
            },
            "api_app_id": APP_ID,
            "token": "sandbox",
            "team": {"id": TEAM_ID, "domain": "sandbox"},
            "enterprise": None,
            "is_enterprise_install": False,
            "trigger_id": self.views.trigger(person.slack),
        }

    def _response_url(self, channel: Channel, ts: str, user: str) -> str:
        token = upper_id("", 24)
        expires = time.monotonic() + _RESPONSE_SECONDS
        self._response_urls[token] = ResponseUrl(channel, ts, user, expires)
        return f"{self._url}/slack/actions/{TEAM_ID}/{token}"

    async def _send(self, what: str, payload: Json) -> Delivery:
        if self.socket_mode.connected:
            return await self.socket_mode.send(what, payload, seconds=ANSWER_SECONDS)
        body = urlencode({"payload": json.dumps(payload)}).encode()
        headers = signed(self._settings.keys.slack_signing_secret, body)
        url = self._settings.interactions
        delivery = Delivery("interaction", what, url or "", headers, body)
        if url is None:
            delivery.error = "nobody listens: start the sandbox with --interactions URL"
            self._outbox.deliveries[delivery.id] = delivery
            return delivery
        return await self._outbox.send(delivery, seconds=ANSWER_SECONDS)


def signed(secret: str, body: bytes) -> dict[str, str]:
    """The headers of a form that Slack posts: its time, and the v0 signature over both."""
    moment = str(int(time.time()))
    base = b"v0:" + moment.encode() + b":" + body
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "X-Slack-Request-Timestamp": moment,
        "X-Slack-Signature": "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest(),
    }


def _action(block: Json, element: Json, moment: str) -> Json:
    copied = ("type", "action_id", "text", "value", "style")
    action = {name: element[name] for name in copied if name in element}
    return {**action, "block_id": block["block_id"], "action_ts": moment}
