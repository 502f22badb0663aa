"""Messages that were posted before, found by the key in their metadata."""

from collections.abc import Iterable, Iterator
from typing import Any

from vendor import Slack

DEPTH = 1_000
"""How many of a channel's latest messages are looked through."""
_PAGE = 200


def marked(event: str, key: str, **more: str) -> dict[str, Any]:
    """The metadata of a message that can be found again."""
    return {"event_type": event, "event_payload": {"key": key, **more}}


def find(slack: Slack, channel: str, keys: Iterable[str], thread: str = "") -> dict[str, str]:
    """The `ts` of each of the messages with these keys, in a channel or one of its threads."""
    wanted = set(keys)
    found: dict[str, str] = {}
    for ts, _, payload in latest(slack, channel, thread):
        key = payload.get("key")
        if key in wanted:
            found.setdefault(key, ts)
        if len(found) == len(wanted):
            break
    return found


def latest(
    slack: Slack, channel: str, thread: str = ""
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The latest messages: `ts`, and the event and the payload of their metadata."""
    where = {"ts": thread} if thread else {}
    method = "conversations.replies" if thread else "conversations.history"
    looked = 0
    for page in slack.pages(
        method, channel=channel, limit=_PAGE, include_all_metadata="true", **where
    ):
        messages = page.get("messages", [])
        for message in messages:
            metadata = message.get("metadata") or {}
            yield message["ts"], metadata.get("event_type"), metadata.get("event_payload") or {}
        looked += len(messages)
        if looked >= DEPTH:
            return
