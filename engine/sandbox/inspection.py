"""Everything a sandbox holds, as JSON: for tests, and for whoever asks what happened."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine.sandbox.settings import VENDORS

if TYPE_CHECKING:
    from engine.sandbox.server import Sandbox

Json = dict[str, Any]


def state(sandbox: "Sandbox") -> Json:
    """The state of every vendor, what was asked of them and what was sent by them."""
    return {
        "version": sandbox.changes.version,
        "slack": {
            "channels": channels(sandbox),
            "views": list(sandbox.interactions.views.open.values()),
        },
        "statuspage": {
            "incidents": sandbox.statuspage.incidents.newest_first(),
            "components": list(sandbox.statuspage.components.values()),
        },
        "pagerduty": {
            "incidents": sandbox.pagerduty.newest_first(),
            "notes": sandbox.pagerduty.notes,
        },
        "confluence": {"pages": pages(sandbox)},
        "failures": failures(sandbox),
        "requests": [asdict(asked) for asked in sandbox.front.asked],
        "deliveries": [one.told() for one in sandbox.outbox.deliveries.newest_first()],
    }


def channels(sandbox: "Sandbox") -> list[Json]:
    """Channels, newest first, with their messages in order, private ones among them."""
    return [
        {
            "id": channel.id,
            "name": channel.name,
            "is_archived": channel.is_archived,
            "topic": channel.topic,
            "members": channel.members,
            "messages": sorted(
                [*channel.messages.values(), *channel.private], key=lambda one: str(one["ts"])
            ),
        }
        for channel in sandbox.workspace.channels.newest_first()
    ]


def pages(sandbox: "Sandbox") -> list[Json]:
    """Confluence's pages, newest first, with labels and the address where people read them."""
    confluence = sandbox.confluence
    return [
        page
        | {
            "labels": [label["name"] for label in confluence.labels_of(page["id"])],
            "url": confluence.site + page["_links"]["webui"],
        }
        for page in confluence.pages.newest_first()
        if page["status"] != "trashed"
    ]


def failures(sandbox: "Sandbox") -> Json:
    """How each vendor behaves: `{"slack": {"mode", "left"}}`."""
    return {vendor: asdict(sandbox.failures.of(vendor)) for vendor in VENDORS}
