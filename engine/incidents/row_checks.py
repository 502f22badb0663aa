"""Whether an incident's own row says what its timeline says became of it.

Everything in the row follows from events that the store itself wrote with each change.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.errors import IncidentError
from engine.incidents.incident import LINKS, Event, Incident, Problem
from engine.incidents.states import Place, moved

ACKNOWLEDGED = "incident.acknowledged"
"""The type of the event that says that somebody has seen the incident."""
_LATER = ("acknowledgedAt", "resolvedAt", "closedAt")
_OPENED = ("severity", "impactedServices", "pagerdutyIncidentId", "startedAt")


def check(row: Incident | None, events: Sequence[Event]) -> list[Problem]:
    """Each field in which the row is not what `events`, an unbroken chain, tell; None is a row that
    cannot be read."""
    try:
        told = _told(events)
    except IncidentError as error:
        return [Problem(sequence=None, problem=f"its events do not follow each other: {error}")]
    if row is None:
        return [unreadable(told)]
    stands: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(row))
    return [
        Problem(
            sequence=None,
            problem=f"the incident's row has {name} {_shown(stands[name])}, its events say "
            f"{_shown(value)}: the row was changed",
        )
        for name, value in told.items()
        if stands[name] != value
    ]


def unreadable(told: Mapping[str, object]) -> Problem:
    """The row cannot be read; `told` is what it must say, where that is known."""
    known = ", ".join(f"{name} {_shown(value)}" for name, value in told.items())
    said = f"; its events say {known}" if known else ""
    text = f"the incident's row cannot be read, it was changed in the database{said}"
    return Problem(sequence=None, problem=text)


def _told(events: Sequence[Event]) -> dict[str, Any]:
    told: dict[str, Any] = dict.fromkeys((*LINKS, *_LATER))
    here, seen = Place("Created"), False
    for event in events:
        if event.type == ACKNOWLEDGED and not seen:
            seen = True
            told["acknowledgedAt"] = max(event.at, str(told.get("startedAt", "")))
        if event.key != f"store/{event.sequence}":
            continue
        kind = event.type.removesuffix(".linked")
        if event.type == "incident.opened":
            told |= {"title": event.description} | {name: event.data.get(name) for name in _OPENED}
        elif event.type == "incident.transition":
            here = moved(here, str(event.data.get("to")))
            told |= _reached(told, here, event.at)
        elif kind in LINKS:
            told[kind] = event.data
    return told | {"status": here.status, "phase": here.phase}


def _reached(told: Mapping[str, Any], here: Place, at: str) -> dict[str, str]:
    if here.status == "Investigating" and told["acknowledgedAt"] is None:
        return {"acknowledgedAt": at}
    times = {"Resolved": "resolvedAt", "Closed": "closedAt"}
    return {times[here.status]: at} if here.status in times else {}


def _shown(value: object) -> str:
    return msgspec.json.encode(value).decode()
