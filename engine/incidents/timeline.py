"""The timeline of an incident: events are put at its end, once for each key, and read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    and_,
    func,
    insert,
    not_,
    select,
    type_coerce,
    update,
)

from engine import instants
from engine.incidents import chain, input_checks
from engine.incidents.incident import HARMONY, Event, NewEvent
from engine.incidents.tables import incident, timeline_event
from engine.plan import Json

_MOST_KEYS = 500
"""In one question to the database."""
_MOST_EVENTS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to read; None takes every value."""

    type: str | None = None
    """One type, or all of a kind: `gate.*`."""
    actor: str | None = None
    since: str | None = None
    until: str | None = None
    after: int = 0
    """Only those with a higher sequence."""
    limit: int | None = None


@dataclass(slots=True)
class Appender:
    """Puts events at the end of one incident's timeline.

    The caller holds the incident's row, so that nobody else is at its end meanwhile.
    """

    connection: Connection
    incident_id: str
    events: int
    head: str
    now: int
    """Milliseconds since the epoch."""

    def append(self, given: Sequence[NewEvent]) -> tuple[list[Event], int]:
        """Each event as it stands on the timeline, and how many of them were added now."""
        kept = [input_checks.new_event(event, self.now) for event in given]
        known = self._known([event.key for event in kept])
        stand, rows = [], []
        for event in kept:
            if event.key not in known:
                known[event.key] = self._next(event)
                rows.append(_values(known[event.key]))
            stand.append(known[event.key])
        if rows:
            self.connection.execute(insert(timeline_event), rows)
            self.connection.execute(
                update(incident)
                .where(incident.c.id == self.incident_id)
                .values(events=self.events, head=self.head)
            )
        return stand, len(rows)

    def note(
        self,
        type_: str,
        description: str,
        *,
        actor: str = HARMONY,
        at: str | None = None,
        data: dict[str, Json] | None = None,
    ) -> Event:
        """Something the store itself has done, which happens once."""
        key = f"store/{self.events + 1}"
        event = NewEvent(
            type=type_, description=description, actor=actor, at=at, key=key, data=data or {}
        )
        return self.append([event])[0][0]

    def _known(self, keys: list[str]) -> dict[str, Event]:
        found: dict[str, Event] = {}
        for start in range(0, len(keys), _MOST_KEYS):
            some = keys[start : start + _MOST_KEYS]
            query = _of(self.incident_id).where(timeline_event.c.key.in_(some))
            found |= {row.key: event_of(row) for row in self.connection.execute(query)}
        return found

    def _next(self, given: NewEvent) -> Event:
        sequence = self.events + 1
        event = chain.sealed(
            Event(
                id=f"{self.incident_id}/{sequence}",
                incident_id=self.incident_id,
                sequence=sequence,
                type=given.type,
                actor=given.actor,
                description=given.description,
                at=given.at or instants.render(self.now),
                recorded_at=instants.render(self.now),
                source=given.source,
                run=given.run,
                blueprint=given.blueprint,
                step=given.step,
                gate=given.gate,
                data=given.data,
                key=given.key,
                previous=self.head,
                hash="",
            )
        )
        self.events, self.head = sequence, event.hash
        return event


def read(connection: Connection, incident_id: str, which: EventFilter) -> list[Event]:
    """The events that fit, in the order of the chain."""
    column = timeline_event.c
    within = column.sequence.between(which.after + 1, _MOST_EVENTS)
    query = _of(incident_id).where(within).order_by(column.sequence)
    if which.type is not None:
        kind, star, _ = which.type.partition(".*")
        same = column.event_type == which.type
        query = query.where(column.event_type.startswith(f"{kind}.", autoescape=True)
                            if star else same)  # fmt: skip
    if which.actor is not None:
        query = query.where(column.actor == which.actor)
    if which.since is not None:
        query = query.where(column.timestamp >= which.since)
    if which.until is not None:
        query = query.where(column.timestamp <= which.until)
    if which.limit is not None:
        query = query.limit(which.limit)
    return [event_of(row) for row in connection.execute(query)]


def counts(connection: Connection, incident_id: str) -> dict[str, int]:
    """How many there are of each type."""
    kind = timeline_event.c.event_type
    query = select(kind, func.count()).where(_placed(incident_id)).group_by(kind)
    return {row[0]: row[1] for row in connection.execute(query)}


def outside(connection: Connection, incident_id: str) -> int:
    """How many rows there are that are in no place of the chain, which Harmony does not write."""
    mine = timeline_event.c.incident_id == incident_id
    query = select(func.count()).where(and_(mine, not_(_placed(incident_id))))
    return connection.scalar(query) or 0


def as_stored(connection: Connection, incident_id: str) -> list[Event]:
    """Every event, for the chain to check. One that somebody made unreadable is given as the text
    that is there, which has another hash than was written."""
    try:
        return read(connection, incident_id, EventFilter())
    except (ValueError, TypeError):
        rows = select(timeline_event.c.sequence).where(_placed(incident_id))
        places = connection.scalars(rows.order_by(timeline_event.c.sequence)).all()
        return [_one(connection, incident_id, place) for place in places]


def _one(connection: Connection, incident_id: str, sequence: int) -> Event:
    row = _of(incident_id).where(timeline_event.c.sequence == sequence)
    try:
        return event_of(connection.execute(row).one())
    except (ValueError, TypeError):
        texts: list[ColumnElement[Any]] = [
            type_coerce(column, Text).label(column.name) for column in timeline_event.columns
        ]
        text: Select[Any] = row.with_only_columns(*texts)
        found = event_of(connection.execute(text).one())
        return msgspec.structs.replace(found, sequence=sequence)


def _placed(incident_id: str) -> ColumnElement[bool]:
    """In SQLite a text is more than any number."""
    column = timeline_event.c
    return and_(column.incident_id == incident_id, column.sequence.between(1, _MOST_EVENTS))


def _of(incident_id: str) -> Select[tuple[Json, ...]]:
    return select(timeline_event).where(timeline_event.c.incident_id == incident_id)


def event_of(row: Row[tuple[Json, ...]]) -> Event:
    """The event in a row, whatever was made of it since."""
    return Event(
        id=row.id,
        incident_id=row.incident_id,
        sequence=row.sequence,
        type=row.event_type,
        actor=row.actor,
        description=row.description,
        at=row.timestamp,
        recorded_at=row.recorded_at,
        source=row.source,
        run=row.workflow_id,
        blueprint=row.blueprint,
        step=row.step,
        gate=row.gate,
        data=row.data,
        key=row.key,
        previous=row.previous,
        hash=row.hash,
    )


def _values(event: Event) -> dict[str, Json]:
    """The row that `event_of` reads."""
    return {
        "id": event.id,
        "incident_id": event.incident_id,
        "sequence": event.sequence,
        "event_type": event.type,
        "actor": event.actor,
        "description": event.description,
        "timestamp": event.at,
        "recorded_at": event.recorded_at,
        "source": event.source,
        "workflow_id": event.run,
        "blueprint": event.blueprint,
        "step": event.step,
        "gate": event.gate,
        "data": event.data,
        "key": event.key,
        "previous": event.previous,
        "hash": event.hash,
    }
