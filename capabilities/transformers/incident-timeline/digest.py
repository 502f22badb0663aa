"""What a post-mortem takes of an incident, however long its timeline is."""

import json
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from asked import Asked
from service import Service, at

Json = dict[str, Any]
_PAGE = 200
_APPROVALS = 1_000
_APPROVALS_BYTES = 250_000
_EVENTS = 5_000
_EVENTS_BYTES = 600_000
"""An output may have 1 MiB, of which the incident has some too; the post-mortem takes no more."""
_OF_AN_EVENT = ("sequence", "type", "at", "actor", "description", "run", "step")
_OF_AN_APPROVAL = (
    "gate", "status", "workflowId", "approverId", "source", "reason", "requestedAt", "decidedAt",
)  # fmt: skip
_ONLY_COUNTED = ("step.started", "step.retry", "step.skipped", "step.unreached")


class _Room:
    """What there is room for."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._left, self._bytes = most, most_bytes

    def takes(self, thing: Json) -> bool:
        """Whether it has its place."""
        size = len(json.dumps(thing)) + 2
        if not self._left or size > self._bytes:
            return False
        self._left -= 1
        self._bytes -= size
        return True


def digest(service: Service, asked: Asked) -> Json:
    """Its events and approvals as far as there is room, and how many there are besides.

    Types of which there are few come first, since there is room for all of them; steps that went
    well come last, and what a post-mortem only counts is only counted.
    """
    counts = service.get(at(asked.incident, "events", "counts"))["counts"]
    events: list[Json] = []
    left_out: dict[str, int] = {}
    room = _Room(_EVENTS, _EVENTS_BYTES)
    for kind in sorted(counts, key=lambda kind: (_is_routine(kind), counts[kind], kind)):
        every = () if _is_only_counted(kind) else _all(service, asked.incident, kind)
        given = list(takewhile(room.takes, every))
        events += given
        if len(given) < counts[kind]:
            left_out[kind] = counts[kind] - len(given)
    approvals, others = _approvals(service, asked.incident)
    return {
        "incident": service.get(at(asked.incident)),
        "events": sorted(events, key=lambda event: event["sequence"]),
        "approvals": approvals,
        "metrics": service.get(at(asked.incident, "metrics")),
        "leftOut": {"events": left_out, "approvals": others},
    }


def _all(service: Service, incident: str, kind: str) -> Iterator[Json]:
    """The events of a type, in their order."""
    after, more = 0, True
    while more:
        page = service.get(at(incident, "events"), type=kind, after=after, limit=_PAGE)
        for event in page["events"]:
            yield {name: event[name] for name in _OF_AN_EVENT}
            after = event["sequence"]
        more = page["more"]


def _approvals(service: Service, incident: str) -> tuple[list[Json], int]:
    """The first that there is room for, and how many follow."""
    found = service.get(at(incident, "approvals"))["approvals"]
    room = _Room(_APPROVALS, _APPROVALS_BYTES)
    shown = ({name: approval[name] for name in _OF_AN_APPROVAL} for approval in found)
    given = list(takewhile(room.takes, shown))
    return given, len(found) - len(given)


def _is_only_counted(kind: str) -> bool:
    return kind.startswith("item.") or kind in _ONLY_COUNTED


def _is_routine(kind: str) -> bool:
    return kind.startswith(("step.", "item.")) and kind != "step.failed"
