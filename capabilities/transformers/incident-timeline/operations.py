"""What the operations do. Each may be repeated: the service writes nothing twice."""

import json
from collections.abc import Callable
from typing import Any

from asked import Asked
from digest import digest
from failure import Failed
from formats import FORMATS
from service import Service, at

Json = dict[str, Any]
_PAGE = 1_000
_MOST_BYTES = 900_000
"""Of events in an output, which may have 1 MiB."""
_LEFT_OUT = frozenset(("id", "incidentId", "recordedAt", "key", "previous", "hash"))
"""What only `harmony incident verify` looks at."""


def get_incident(service: Service, asked: Asked) -> Json:
    """Its state and links."""
    return {"incident": service.get(at(asked.incident))}


def query(service: Service, asked: Asked) -> Json:
    """Its timeline, approvals and metrics, and the timeline as text where a format is given."""
    found = {
        "incident": service.get(at(asked.incident)),
        "events": _events(service, asked),
        "approvals": service.get(at(asked.incident, "approvals"))["approvals"],
        "metrics": service.get(at(asked.incident, "metrics")),
    }
    if name := asked.given.get("format"):
        found["text"] = FORMATS[name](found["events"])
    if len(json.dumps(found)) > _MOST_BYTES:
        raise Failed(
            "TOO_LARGE",
            f"what is asked for of the timeline is more than the {_MOST_BYTES:,} bytes that one "
            "step may give: narrow it with type, actor, since or until",
        )
    return found


def record(service: Service, asked: Asked) -> Json:
    """Adds events, each once for its key."""
    events = [
        {"actor": asked.actor, "key": f"step/{asked.key}/{number}", **event}
        for number, event in enumerate(asked.given["events"], 1)
    ]
    added = service.post(at(asked.incident, "events"), {"events": events})
    return {
        "incident": service.get(at(asked.incident)),
        "events": [_shown(event) for event in added["events"]],
        "changed": bool(added["added"]),
    }


def transition(service: Service, asked: Asked) -> Json:
    """Moves it; nothing changes where it is there already."""
    wanted = {"to": asked.given["to"], "actor": asked.actor}
    if reason := asked.given.get("reason"):
        wanted["reason"] = reason
    found = service.post(at(asked.incident, "transitions"), wanted)
    return {"incident": found["incident"], "changed": found["changed"]}


def link_statuspage(service: Service, asked: Asked) -> Json:
    """What was made on the status page."""
    return _link(service, asked, "statuspage", ("statuspageId", "status"))


def link_slack(service: Service, asked: Asked) -> Json:
    """Its channel."""
    return _link(service, asked, "slack", ("channelId", "channelName", "archived"))


def link_confluence(service: Service, asked: Asked) -> Json:
    """Its page."""
    return _link(service, asked, "confluence", ("pageId", "pageUrl", "spaceKey"))


def _link(service: Service, asked: Asked, kind: str, names: tuple[str, ...]) -> Json:
    link = {name: asked.given[name] for name in names if name in asked.given}
    return {"incident": service.put(at(asked.incident, kind), link)}


def _events(service: Service, asked: Asked) -> list[Json]:
    wanted = {
        name: asked.given[name]
        for name in ("type", "actor", "since", "until")
        if name in asked.given
    }
    found: list[Json] = []
    size = more = 1
    while more and size <= _MOST_BYTES:
        after = found[-1]["sequence"] if found else 0
        page = service.get(at(asked.incident, "events"), after=after, limit=_PAGE, **wanted)
        found += [_shown(event) for event in page["events"]]
        size = len(json.dumps(found))
        more = page["more"] and page["events"]
    return found


def _shown(event: Json) -> Json:
    return {name: value for name, value in event.items() if name not in _LEFT_OUT}


OPERATIONS: dict[str, Callable[[Service, Asked], Json]] = {
    "get-incident": get_incident,
    "query": query,
    "digest": digest,
    "record": record,
    "transition": transition,
    "link-statuspage": link_statuspage,
    "link-slack": link_slack,
    "link-confluence": link_confluence,
}
