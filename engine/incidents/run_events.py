"""What happened in a run, as events of its incident's timeline."""

import time

import msgspec

from engine import instants
from engine.incidents import input_checks
from engine.incidents.incident import HARMONY, NewEvent, Opening, Severity
from engine.messages import Entry, RunEntries
from engine.plan import Json, encode

NOBODY = "nobody"
_SEVERITIES: dict[str, Severity] = {"P1": "P1", "P2": "P2", "P3": "P3", "P4": "P4"}
UNSAID: Severity = "P3"
"""Of an incident that is known only by a run's context, which does not say how bad it is."""
_LONGEST_VALUE = 4_000
"""Characters of a text within an event's data, where the whole is too large."""


def events_of(given: RunEntries) -> list[NewEvent]:
    """The events, in their order; each has the same key however often it is made. Nothing in them
    is what the store would refuse."""
    now = time.time_ns() // 1_000_000
    return [
        _event(given, entry, name, now)
        for entry, name in zip(given.entries, given.names, strict=True)
    ]


def opening_of(given: RunEntries) -> Opening:
    """How an incident is opened that came with its id from elsewhere."""
    return Opening(
        title=_line(given.title or f"Incident {given.incident_id}", input_checks.LONGEST_TITLE),
        severity=_SEVERITIES.get(given.severity or "", UNSAID),
    )


def _event(given: RunEntries, entry: Entry, name: str, now: int) -> NewEvent:
    return NewEvent(
        type=entry.event,
        description=input_checks.clean(entry.text)[: input_checks.LONGEST_DESCRIPTION],
        key=f"run/{given.execution}/{name}",
        actor=_actor(entry),
        # Runs in simulated time are ahead of every clock.
        at=instants.render(min(instants.parse(entry.at), now)),
        source=entry.source,
        run=given.run,
        blueprint=given.blueprint,
        step=entry.step,
        gate=entry.gate,
        data=_data(entry),
    )


def _actor(entry: Entry) -> str:
    if entry.who is None:
        return HARMONY
    return _line(entry.who, input_checks.LONGEST_NAME) or NOBODY


def _data(entry: Entry) -> dict[str, Json]:
    """With the system's user and host of who acted; shortened where it is too large to keep."""
    about: dict[str, Json] = {"user": entry.user, "host": entry.host}
    data = {**entry.data, **{name: value for name, value in about.items() if value is not None}}
    if len(encode(data)) > input_checks.MAX_DATA_BYTES:
        data = {name: _short(value) for name, value in data.items()}
    return data


def _short(value: Json) -> Json:
    if isinstance(value, str):
        return value[:_LONGEST_VALUE]
    text = msgspec.json.encode(value)
    return value if len(text) <= _LONGEST_VALUE else f"{len(text)} bytes"


def _line(text: str, longest: int) -> str:
    return " ".join(input_checks.clean(text).split())[:longest]
