"""views.*: the modals that are open, and for whom."""

import time
from dataclasses import dataclass
from typing import Any

from engine.sandbox.bounded import Bounded
from engine.sandbox.moments import upper_id
from engine.sandbox.slack import blocks
from engine.sandbox.slack.arguments import Arguments
from engine.sandbox.slack.workspace import APP_ID, BOT_ID, TEAM_ID, Json, no

TRIGGER_SECONDS = 10.0
"""How long a click may open a modal. Slack gives three; a busy machine needs more."""
_KEPT = 200


@dataclass(slots=True)
class Trigger:
    """What a click hands out, so that the one who clicked can be shown a modal."""

    user: str
    expires: float
    used: bool = False


class Views:
    """Open modals, by id, and the triggers that may open them."""

    def __init__(self) -> None:
        self.open: Bounded[str, Json] = Bounded(_KEPT)
        """Each has `user`, the one who sees it, besides what Slack writes."""
        self._triggers: Bounded[str, Trigger] = Bounded(_KEPT)

    def trigger(self, user: str) -> str:
        """A new trigger_id for what this user just did."""
        trigger_id = f"{upper_id('', 12)}.{upper_id('', 12)}.{upper_id('', 24).lower()}"
        self._triggers[trigger_id] = Trigger(user, time.monotonic() + TRIGGER_SECONDS)
        return trigger_id

    def opened(self, given: Arguments) -> Json:
        """views.open and views.push."""
        trigger = self._triggers.get(given.text("trigger_id"))
        if trigger is None:
            raise no("invalid_arguments", "invalid `trigger_id`")
        if trigger.used:
            raise no("exchanged_trigger_id")
        if time.monotonic() > trigger.expires:
            raise no("expired_trigger_id")
        view = _checked(given.structure("view"))
        trigger.used = True
        return {"view": _shown(self.show(view, trigger.user))}

    def updated(self, given: Arguments) -> Json:
        """views.update, by view_id or external_id; a stale hash is refused."""
        external = given.text("external_id")
        for view in self.open.values():
            if given.text("view_id") == view["id"] or (
                external and external == view["external_id"]
            ):
                if given.text("hash") not in ("", view["hash"]):
                    raise no("hash_conflict")
                return {"view": _shown(self.change(view, _checked(given.structure("view"))))}
        raise no("not_found")

    def show(self, sent: Json, user: str) -> Json:
        """Open a modal for this user."""
        view_id = upper_id("V")
        view = _whole(sent) | {"id": view_id, "root_view_id": view_id, "user": user}
        self.open[view_id] = view
        return view

    def change(self, view: Json, sent: Json) -> Json:
        """The open modal with other contents."""
        view |= _whole(sent)
        return view

    def submitted(self, view: Json, values: Json) -> Json:
        """The view as a view_submission holds it, with what was filled in."""
        return _shown(view) | {"state": {"values": values}}


def _shown(view: Json) -> Json:
    return {name: value for name, value in view.items() if name not in ("user", "errors")}


def _whole(sent: Json) -> Json:
    return {
        "team_id": TEAM_ID,
        "type": "modal",
        "title": sent["title"],
        "submit": sent.get("submit"),
        "close": sent.get("close"),
        "blocks": blocks.named(sent["blocks"]),
        "private_metadata": sent.get("private_metadata", ""),
        "callback_id": sent.get("callback_id", ""),
        "external_id": sent.get("external_id", ""),
        "state": {"values": {}},
        "hash": f"{int(time.time())}.{upper_id('', 8)}",
        "clear_on_close": bool(sent.get("clear_on_close")),
        "notify_on_close": bool(sent.get("notify_on_close")),
        "app_id": APP_ID,
        "bot_id": BOT_ID,
        "errors": {},
    }


def _checked(sent: Any) -> Json:
    if not isinstance(sent, dict) or sent.get("type") != "modal":
        raise no("invalid_arguments", "view must be an object of type modal")
    title = sent.get("title")
    if not isinstance(title, dict) or not 0 < len(str(title.get("text", ""))) <= 24:
        raise no("invalid_arguments", "view/title: must have 1 to 24 characters")
    if len(str(sent.get("private_metadata", ""))) > 3000:
        raise no("invalid_arguments", "view/private_metadata: no more than 3000 characters")
    if found := blocks.faults(sent.get("blocks"), view=True):
        raise no("invalid_arguments", *found)
    asks = any(block["type"] == "input" for block in sent["blocks"])
    if asks and not sent.get("submit"):
        raise no("invalid_arguments", "view/submit: needed where there is an input")
    return sent
