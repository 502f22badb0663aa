"""Answers to clicks: a modal that opens, and words that only the one who clicked sees."""

import hashlib
import json
from typing import Any
from urllib.parse import urlsplit

import wording
from failure import Failed
from vendor import Refused, Slack

RESPONSE_HOST = "hooks.slack.com"
LONGEST_METADATA = 3_000
_TITLE = 24
_LABEL = 200
_OPTION = 75


def open_modal(slack: Slack, given: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
    """Open a form for the one whose click gave `trigger`; one that is open already will do."""
    private = json.dumps(given.get("privateData", {}), separators=(",", ":"), ensure_ascii=False)
    if wording.size(private) > LONGEST_METADATA:
        raise Failed("TOO_LONG", f"privateData is over {LONGEST_METADATA:,} characters as JSON")
    view: dict[str, Any] = {
        "type": "modal",
        "callback_id": given["callback"],
        "title": _text(given["title"], _TITLE),
        "close": _text("Cancel", _TITLE),
        "private_metadata": private,
        "blocks": [*_words(given), *map(_input, given.get("ask", []))],
    }
    if given.get("ask"):
        view["submit"] = _text(given.get("submit", "Send"), _TITLE)
    if key := step.get("idempotencyKey"):
        view["external_id"] = hashlib.sha256(f"{key}".encode()).hexdigest()
    try:
        opened = slack.post("views.open", trigger_id=given["trigger"], view=view)
    except Refused as refused:
        if refused.name != "duplicate_external_id":
            raise
        return {"view": "", "found": True}
    return {"view": (opened.get("view") or {}).get("id", ""), "found": False}


def answer(slack: Slack, given: dict[str, Any], url: str) -> dict[str, Any]:
    """Tell one person something privately: by the click's response_url, else in the channel."""
    text = wording.shortened(given["text"], wording.MESSAGE)
    where = {"channel": given.get("channel", ""), "user": given.get("user", "")}
    response_url = given.get("responseUrl")
    if not response_url and not all(where.values()):
        raise Failed("NO_ADDRESSEE", "give responseUrl, or channel and user")
    if response_url:
        _check_host(response_url, url)
        body = {"text": text, "response_type": "ephemeral", "replace_original": False}
        try:
            slack.respond(response_url, body)
            return {"channel": where["channel"], "by": "response_url"}
        except Refused as refused:
            if refused.code != "RESPONSE_URL_EXPIRED" or not all(where.values()):
                raise
    slack.post("chat.postEphemeral", text=text, link_names=False, **where)
    return {"channel": where["channel"], "by": "ephemeral"}


def _check_host(response_url: str, url: str) -> None:
    """It came from outside: it may lead to Slack, or to what plays Slack, and nowhere else."""
    to, own = urlsplit(response_url), urlsplit(url)
    if (to.scheme, to.netloc) in {("https", RESPONSE_HOST), (own.scheme, own.netloc)}:
        return
    raise Failed("FOREIGN_URL", f"responseUrl does not lead to {RESPONSE_HOST} or {own.netloc}")


def _words(given: dict[str, Any]) -> list[dict[str, Any]]:
    if not given.get("text"):
        return []
    text = wording.shortened(given["text"], wording.SECTION)
    return [{"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}]


def _input(asked: dict[str, Any]) -> dict[str, Any]:
    """One question of the form; its answer is found under `id`, twice."""
    options = asked.get("options")
    element: dict[str, Any] = {"type": "plain_text_input", "action_id": asked["id"]}
    if options:
        element |= {"type": "static_select", "options": [_option(option) for option in options]}
    elif asked.get("lines", 1) > 1:
        element["multiline"] = True
    return {
        "type": "input",
        "block_id": asked["id"],
        "label": _text(asked["label"], _LABEL),
        "optional": bool(asked.get("optional")),
        "element": element,
    }


def _option(option: str) -> dict[str, Any]:
    return {"text": _text(option, _OPTION), "value": option[:_OPTION]}


def _text(text: str, longest: int) -> dict[str, str]:
    return {"type": "plain_text", "text": wording.shortened_plain(text, longest) or "-"}
