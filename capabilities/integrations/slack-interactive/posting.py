"""Messages: posted once however often it is tried, in parts where they are long; and changed."""

from dataclasses import dataclass
from typing import Any

import history
import wording
from failure import Failed
from vendor import Slack

EVENT = "harmony_message"
MOST_FIELDS = 10


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which message this is, and whether it may be there already."""

    key: str
    look: bool

    @staticmethod
    def of(given: dict[str, Any], step: dict[str, Any]) -> "Attempt":
        """The author's key holds over runs; else the step's holds over its attempts."""
        if key := given.get("key"):
            return Attempt(key, look=True)
        return Attempt(step.get("idempotencyKey", ""), look=step.get("attempt", 1) > 1)


def post(slack: Slack, given: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
    """Post a message; a long text goes on in its thread. What was posted before is found."""
    channel, thread = given["channel"], given.get("thread", "")
    attempt = Attempt.of(given, step)
    split = wording.parts(given["text"], _room(given))
    keys = [attempt.key if at == 0 else f"{attempt.key}#{at + 1}" for at in range(len(split.texts))]
    there = history.find(slack, channel, keys[:1], thread) if attempt.look else {}
    found = keys[0] in there
    if found and len(keys) > 1:
        there |= history.find(slack, channel, keys[1:], thread or there[keys[0]])
    posted: list[str] = []
    for at, (key, text) in enumerate(zip(keys, split.texts, strict=True)):
        if key not in there:
            answer = slack.post(
                "chat.postMessage",
                channel=channel,
                text=_fallback(given, text) if at == 0 else text,
                blocks=_blocks(given, text) if at == 0 else None,
                thread_ts=thread or (posted[0] if posted else None),
                reply_broadcast=given.get("broadcast") if thread and at == 0 else None,
                link_names=False,
                metadata=history.marked(EVENT, key),
            )
            channel, there[key] = answer.get("channel", channel), answer["ts"]
        posted.append(there[key])
    return {
        "channel": channel, "ts": posted[0], "parts": posted, "found": found,
        "leftOut": split.left_out,
    }  # fmt: skip


def update(slack: Slack, given: dict[str, Any]) -> dict[str, Any]:
    """Replace a message of the app's; a text over the limit is cut, and says so."""
    text = wording.shortened(given["text"], _room(given))
    answer = slack.post(
        "chat.update",
        channel=given["channel"],
        ts=given["ts"],
        text=_fallback(given, text),
        blocks=_blocks(given, text) or [],
    )
    return {"channel": answer.get("channel", given["channel"]), "ts": answer.get("ts", given["ts"])}


def section(text: str) -> dict[str, Any]:
    """A block of rendered text, in which Slack looks for no names of channels or people."""
    return {"type": "section", "text": markdown(text)}


def markdown(text: str) -> dict[str, Any]:
    """A text object of rendered text."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def header(text: str) -> dict[str, Any]:
    """A block with a title."""
    title = wording.shortened_plain(text, wording.HEADER) or "-"
    return {"type": "header", "text": {"type": "plain_text", "text": title}}


def facts(fields: dict[str, Any]) -> dict[str, Any]:
    """A block of short facts by name."""
    if len(fields) > MOST_FIELDS:
        raise Failed("TOO_LONG", f"a message has at most {MOST_FIELDS} fields, not {len(fields)}")
    return {"type": "section", "fields": [markdown(_fact(*entry)) for entry in fields.items()]}


def _fact(name: str, value: object) -> str:
    label = wording.shortened(name, 200)
    return f"*{label}*\n{wording.shortened(_words(value), wording.FIELD - 210)}"


def _words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _room(given: dict[str, Any]) -> int:
    return wording.SECTION if _has_blocks(given) else wording.MESSAGE


def _has_blocks(given: dict[str, Any]) -> bool:
    return bool(given.get("title") or given.get("fields"))


def _blocks(given: dict[str, Any], text: str) -> list[dict[str, Any]] | None:
    if not _has_blocks(given):
        return None
    blocks = [header(given["title"])] if given.get("title") else []
    if text:
        blocks.append(section(text))
    return blocks + ([facts(given["fields"])] if given.get("fields") else [])


def _fallback(given: dict[str, Any], text: str) -> str:
    """What notifications and screen readers say, where there are blocks."""
    if not _has_blocks(given):
        return text
    title = wording.rendered(given.get("title", ""))
    fields = given.get("fields", {}).items()
    lines = [wording.rendered(f"{name}: {_words(value)}") for name, value in fields]
    whole = "\n".join(part for part in (title, text, *lines) if part)
    if wording.size(whole) <= wording.MESSAGE:
        return whole
    return "\n".join((wording.shortened(given.get("title", ""), wording.HEADER), text)).strip()
