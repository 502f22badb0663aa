"""Whether an incident's own row, and those of its approvals, say what its timeline says.

Everything in them follows from events that were written with each change.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.errors import IncidentError
from engine.incidents import approvals
from engine.incidents.incident import LINKS, Approval, Event, Incident, Problem
from engine.incidents.states import Place, moved

ACKNOWLEDGED = "incident.acknowledged"
"""The type of the event that says that somebody has seen the incident."""
_LATER = ("acknowledgedAt", "resolvedAt", "closedAt")
_OPENED = ("severity", "impactedServices", "pagerdutyIncidentId", "startedAt")


def check(
    row: Incident | None, asked: Sequence[Approval] | None, events: Sequence[Event]
) -> list[Problem]:
    """Each field in which the rows are not what `events`, an unbroken chain, tell; None are rows
    that cannot be read."""
    try:
        told, approved = _told(events), approvals.told(events)
    except IncidentError as error:
        return [Problem(sequence=None, problem=f"its events do not follow each other: {error}")]
    found = [unreadable(told)] if row is None else _differences("the incident's row", row, told)
    return found + _of_approvals(asked, approved)


def removed() -> Problem:
    """The incident was there."""
    return Problem(sequence=None, problem="the incident's row was removed from the database")


def unreadable(told: Mapping[str, object]) -> Problem:
    """The row cannot be read; `told` is what it must say, where that is known."""
    known = ", ".join(f"{name} {_shown(value)}" for name, value in told.items())
    said = f"; its events say {known}" if known else ""
    text = f"the incident's row cannot be read, it was changed in the database{said}"
    return Problem(sequence=None, problem=text)


def _of_approvals(asked: Sequence[Approval] | None, told: Mapping[str, Approval]) -> list[Problem]:
    if asked is None:
        text = "the rows of its approvals cannot be read, they were changed in the database"
        return [Problem(sequence=None, problem=text)]
    stand = {each.id: each for each in asked}
    found = []
    for identity in sorted(stand.keys() | told.keys()):
        what = f"the row of the approval {identity}"
        if identity not in stand:
            found.append(Problem(sequence=None, problem=f"{what} was removed"))
        elif identity not in told:
            text = f"{what} is in none of its events: it was put in"
            found.append(Problem(sequence=None, problem=text))
        else:
            found += _differences(what, stand[identity], _plain(told[identity]))
    return found


def _differences(what: str, row: Incident | Approval, told: Mapping[str, Any]) -> list[Problem]:
    stands = _plain(row)
    return [
        Problem(
            sequence=None,
            problem=f"{what} has {name} {_shown(stands[name])}, its events say "
            f"{_shown(value)}: the row was changed",
        )
        for name, value in told.items()
        if stands[name] != value
    ]


def _plain(row: Incident | Approval) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(row))
    return found


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
