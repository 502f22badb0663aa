"""The incident store: what is known of each incident, and its timeline.

Synchronous, and safe for threads and processes at once: each method is one transaction, in which
whoever writes to an incident holds it.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL

from engine.errors import IncidentError
from engine.incidents import (
    approvals,
    chain,
    database,
    incident_rows,
    input_checks,
    measures,
    row_checks,
    timeline,
)
from engine.incidents.incident import (
    HARMONY,
    Approval,
    Event,
    Incident,
    Link,
    LinkKind,
    Metrics,
    NewEvent,
    Opening,
    Verification,
)
from engine.incidents.incident_rows import IncidentFilter
from engine.incidents.row_checks import ACKNOWLEDGED
from engine.incidents.states import Place, moved
from engine.incidents.timeline import Appender, EventFilter
from engine.plan import Json

_T = TypeVar("_T")


def _now() -> int:
    return time.time_ns() // 1_000_000


class Store:
    """The store at a URL. It connects, and makes its tables, when it is first used.

    StoreUnavailable from every method where the database is away; IncidentError where what is asked
    for cannot be: code INCIDENT_UNKNOWN, INPUTS, TOO_LARGE, UNREADABLE or WRONG_TRANSITION.
    """

    def __init__(self, url: URL, *, clock: Callable[[], int] = _now) -> None:
        self.url = url
        self._clock = clock
        self._preparing = threading.Lock()
        self._engine: Engine | None = None

    def close(self) -> None:
        """Give back its connections; the next use opens others."""
        with self._preparing:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def open(self, opening: Opening) -> tuple[Incident, bool]:
        """The incident of this opening, and whether it was made now.

        One for each key, and one for each PagerDuty incident, however often and by how many it is
        asked for; its id is the next number of the year.
        """
        now = self._clock()
        kept = input_checks.opening(opening, now)
        with self._write() as connection:
            incident_rows.hold_openings(connection)
            found = incident_rows.opened_before(connection, kept)
            made = found is None
            if found is None:
                identity = incident_rows.next_id(connection, now)
                found = self._opened(connection, identity, kept, now)
            incident_rows.put_keys(connection, found.id, incident_rows.keys_of(kept))
            return found, made

    def adopt(self, incident_id: str, opening: Opening) -> Incident:
        """Take in an incident that has its id from elsewhere; as it is, where it is there."""
        now = self._clock()
        identity = input_checks.incident_id(incident_id)
        kept = msgspec.structs.replace(input_checks.opening(opening, now), key=None)
        with self._write() as connection:
            incident_rows.hold_openings(connection)
            there = incident_rows.find(connection, identity)
            return there or self._opened(connection, identity, kept, now)

    def get(self, incident_id: str) -> Incident:
        """The incident as it is now."""
        with self._read() as connection:
            return self._found(connection, incident_id)

    def incidents(self, which: IncidentFilter) -> list[Incident]:
        """Those that fit and can be read, newest first."""
        with self._read() as connection:
            return incident_rows.listed(connection, which)

    def unreadable(self) -> list[str]:
        """The ids of incidents whose rows somebody made unreadable; `incidents` leaves them out."""
        with self._read() as connection:
            return incident_rows.unreadable(connection)

    def transition(
        self,
        incident_id: str,
        to: str,
        *,
        actor: str = HARMONY,
        reason: str | None = None,
        at: str | None = None,
    ) -> tuple[Incident, bool]:
        """Take it to another status or phase, and whether that was a change.

        A wrong transition is refused with WRONG_TRANSITION, and the refusal is on the timeline.
        """
        now = self._clock()
        who = input_checks.line(actor, "the actor")
        why = None if reason is None else input_checks.clean(reason)
        with self._write() as connection:
            held = incident_rows.held(connection, incident_id)
            when = input_checks.moment(at, now, "at", held.started_at)
            here = Place(held.status, held.phase)
            data: dict[str, Json] = {"from": str(here), "to": to, "reason": why}
            end = Appender(connection, held.id, held.events, held.head, now)
            try:
                there = moved(here, to)
            except IncidentError as error:
                if error.code != "WRONG_TRANSITION":
                    raise
                refused = error
                end.note("incident.transition-refused", str(error), actor=who, at=when, data=data)
            else:
                if there == here:
                    return held, False
                text = f"{here} → {there}" + (f": {why}" if why else "")
                end.note("incident.transition", text, actor=who, at=when, data=data)
                self._place(connection, held, there, when)
                return self._found(connection, incident_id), True
        raise refused

    def append(self, incident_id: str, events: Sequence[NewEvent]) -> tuple[list[Event], int]:
        """Put events at the end of its timeline, each key once: each as it stands there, and how
        many were added now. What they say of gates is done to its approvals."""
        with self._write() as connection:
            held = incident_rows.held(connection, incident_id)
            end = Appender(connection, held.id, held.events, held.head, self._clock())
            standing, added = end.append(events)
            new = [event for event in standing if event.sequence > held.events]
            approvals.follow(connection, new)
            self._acknowledge(connection, held, new)
            return standing, added

    def link(self, incident_id: str, kind: LinkKind, link: Link) -> Incident:
        """Keep what was made for it elsewhere, in place of what was known of it."""
        link = input_checks.link(link)
        with self._write() as connection:
            held = incident_rows.held(connection, incident_id)
            if getattr(held, kind) != link:
                incident_rows.put_link(connection, incident_id, kind, link)
                end = Appender(connection, held.id, held.events, held.head, self._clock())
                data: dict[str, Json] = msgspec.to_builtins(link)
                told = ", ".join(str(value) for value in data.values() if isinstance(value, str))
                end.note(f"{kind}.linked", f"{kind}: {told}", data=data)
            return self._found(connection, incident_id)

    def events(self, incident_id: str, which: EventFilter) -> list[Event]:
        """The events of its timeline that fit, in the order of the chain."""
        with self._read() as connection, incident_rows.readable(incident_id, "The timeline"):
            self._found(connection, incident_id)
            return timeline.read(connection, incident_id, which)

    def counts(self, incident_id: str) -> dict[str, int]:
        """How many events of each type its timeline has."""
        with self._read() as connection:
            self._found(connection, incident_id)
            return timeline.counts(connection, incident_id)

    def approvals(self, incident_id: str) -> list[Approval]:
        """Each round of each gate of its runs, in the order in which they were asked for."""
        with self._read() as connection, incident_rows.readable(incident_id, "An approval"):
            self._found(connection, incident_id)
            return approvals.listed(connection, incident_id)

    def removed(self) -> list[str]:
        """The ids of incidents that were there, and whose rows somebody took away."""
        with self._read() as connection:
            return incident_rows.removed(connection)

    def verify(self, incident_id: str, kept: str | None = None) -> Verification:
        """Whether its timeline, its row and its approvals are as they were written, and what is
        not; `kept` is the hash of an event that somebody wrote down."""
        with self._read() as connection:
            end = incident_rows.end_of(connection, incident_id)
            if end is None and incident_id not in incident_rows.removed(connection):
                raise incident_rows.unknown(incident_id)
            events = timeline.as_stored(connection, incident_id)
            outside = timeline.outside(connection, incident_id)
            row = _if_readable(lambda: incident_rows.find(connection, incident_id))
            asked = _if_readable(lambda: approvals.listed(connection, incident_id))
        count, head = end or (None, events[-1].hash if events else "")
        problems = chain.check(events, len(events) if count is None else count, head)
        if kept is not None and kept not in {event.hash for event in events}:
            problems.append(chain.cut(kept))
        if outside:
            problems.append(chain.put_in(outside))
        if end is None:
            problems.append(row_checks.removed())
        elif not problems:
            problems = row_checks.check(row, asked, events)
        elif row is None:
            problems.append(row_checks.unreadable({}))
        return Verification(
            intact=not problems, events=len(events), head=head, problems=tuple(problems)
        )

    def metrics(self, which: IncidentFilter) -> Metrics:
        """Means over the incidents that fit."""
        return measures.over(self.incidents(which))

    def _opened(
        self, connection: Connection, identity: str, opening: Opening, now: int
    ) -> Incident:
        made = incident_rows.create(connection, identity, opening)
        data: dict[str, Json] = {
            "severity": made.severity,
            "impactedServices": list(made.impacted_services),
            "pagerdutyIncidentId": made.pagerduty_incident_id,
            "startedAt": made.started_at,
        }
        end = Appender(connection, identity, 0, "", now)
        end.note("incident.opened", made.title, actor=opening.actor, data=data)
        return self._found(connection, identity)

    def _place(self, connection: Connection, held: Incident, there: Place, at: str) -> None:
        values: dict[str, Json] = {"status": there.status, "phase": there.phase}
        if there.status == "Investigating" and held.acknowledged_at is None:
            values["acknowledged_at"] = at
        if there.status == "Resolved":
            values["resolved_at"] = at
        if there.status == "Closed":
            values["closed_at"] = at
        incident_rows.change(connection, held.id, **values)

    def _acknowledge(self, connection: Connection, held: Incident, new: Sequence[Event]) -> None:
        """The first who says that it was seen; before that, when somebody began to look counts."""
        told = next((event for event in new if event.type == ACKNOWLEDGED), None)
        if told is None:
            return
        first = timeline.read(connection, held.id, EventFilter(type=ACKNOWLEDGED, limit=1))[0]
        if first.sequence == told.sequence:
            at = max(told.at, held.started_at)
            incident_rows.change(connection, held.id, acknowledged_at=at)

    def _found(self, connection: Connection, incident_id: str) -> Incident:
        found = incident_rows.find(connection, incident_id)
        if found is None:
            raise incident_rows.unknown(incident_id)
        return found

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with (
            database.translated(self.url),
            self._ready().connect() as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with database.translated(self.url), database.writing(self._ready()) as connection:
            yield connection

    def _ready(self) -> Engine:
        with self._preparing:
            if self._engine is None:
                engine = database.connect(self.url)
                try:
                    database.bring_up_to_date(engine)
                except BaseException:
                    engine.dispose()
                    raise
                self._engine = engine
            return self._engine


def _if_readable(read: Callable[[], _T]) -> _T | None:
    """What is read; None where somebody made it unreadable."""
    try:
        return read()
    except (IncidentError, ValueError, TypeError):
        return None
