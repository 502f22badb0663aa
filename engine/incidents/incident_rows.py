"""Incidents as rows: their numbers, what is known of each, what was made for it elsewhere."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Row, Select, Table, insert, select, text, update

from engine.errors import IncidentError
from engine.incidents.incident import LINKS, Incident, Link, LinkKind, Opening
from engine.incidents.tables import (
    confluence_page,
    incident,
    incident_number,
    opening_key,
    slack_channel,
    statuspage_incident,
    timeline_event,
)
from engine.plan import Json

_TABLES: Mapping[LinkKind, Table] = {
    "statuspage": statuspage_incident,
    "slack": slack_channel,
    "confluence": confluence_page,
}
OVER = frozenset(("Resolved", "PostMortem", "Closed"))
"""The statuses of an incident that people are done with."""
_Row = TypeVar("_Row", bound=msgspec.Struct)
_OPENING_LOCK = 7_403_202
"""PostgreSQL's advisory lock of those that open an incident."""


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """Which incidents to list; None takes every value."""

    status: str | None = None
    severity: str | None = None
    since: str | None = None
    until: str | None = None
    """Begun in this time."""
    limit: int | None = None


def unknown(incident_id: str) -> IncidentError:
    """There is no such incident."""
    return IncidentError(
        f"There is no incident {incident_id[:100]}; `harmony incident list` has them all",
        code="INCIDENT_UNKNOWN",
    )


@contextlib.contextmanager
def readable(incident_id: str, what: str) -> Iterator[None]:
    """IncidentError with code UNREADABLE where rows hold what Harmony does not write."""
    try:
        yield
    except (ValueError, TypeError) as error:
        name, why = incident_id[:100], " ".join(str(error).split())[:200]
        raise IncidentError(
            f"{what} of {name} cannot be read, it was changed in the database ({why}); "
            f"`harmony incident verify {name}` "
            "says what is left as it was, and a backup has the rest",
            code="UNREADABLE",
        ) from None


def find(connection: Connection, incident_id: str, *, lock: bool = False) -> Incident | None:
    """The incident; with `lock` nobody else changes it or its timeline until the end."""
    query = select(incident).where(incident.c.id == incident_id)
    with readable(incident_id, "The row"):
        row = connection.execute(query.with_for_update() if lock else query).first()
        return None if row is None else _incident(connection, row)


def held(connection: Connection, incident_id: str) -> Incident:
    """The incident, locked; IncidentError where there is none."""
    found = find(connection, incident_id, lock=True)
    if found is None:
        raise unknown(incident_id)
    return found


def end_of(connection: Connection, incident_id: str) -> tuple[int | None, str] | None:
    """How many events the incident says it has, None where it says no number, and the hash of the
    last; None where there is no such incident."""
    query = select(incident.c.events, incident.c.head).where(incident.c.id == incident_id)
    row = connection.execute(query).first()
    if row is None:
        return None
    return row.events if isinstance(row.events, int) else None, str(row.head)


def removed(connection: Connection) -> list[str]:
    """The ids of which a number was given, or a timeline is left, and no row is there; sorted."""
    given = {
        _identity(row.year, number)
        for row in connection.execute(select(incident_number))
        for number in range(1, row.last + 1)
    }
    given.update(connection.scalars(select(timeline_event.c.incident_id).distinct()))
    return sorted(given.difference(connection.scalars(select(incident.c.id))))


def listed(connection: Connection, which: IncidentFilter) -> list[Incident]:
    """Those that fit and can be read, newest first."""
    query = _fitting(select(incident), which)
    try:
        return [_incident(connection, row) for row in connection.execute(query).all()]
    except (ValueError, TypeError):
        named = connection.scalars(_fitting(select(incident.c.id), which)).all()
        return [each for name in named if (each := _one(connection, name)) is not None]


def unreadable(connection: Connection) -> list[str]:
    """The ids of those that `listed` leaves out, sorted."""
    try:
        for row in connection.execute(select(incident)):
            _incident(connection, row)
    except (ValueError, TypeError):
        named = connection.scalars(select(incident.c.id).order_by(incident.c.id)).all()
        return [name for name in named if _one(connection, name) is None]
    return []


def _one(connection: Connection, incident_id: str) -> Incident | None:
    try:
        return find(connection, incident_id)
    except IncidentError:
        return None


def _fitting(query: Select[Any], which: IncidentFilter) -> Select[Any]:
    query = query.order_by(incident.c.started_at.desc(), incident.c.id.desc())
    for column, value in ((incident.c.status, which.status), (incident.c.severity, which.severity)):
        if value is not None:
            query = query.where(column == value)
    if which.since is not None:
        query = query.where(incident.c.started_at >= which.since)
    if which.until is not None:
        query = query.where(incident.c.started_at <= which.until)
    return query if which.limit is None else query.limit(which.limit)


def opened_before(connection: Connection, opening: Opening) -> Incident | None:
    """The incident that an earlier try of this opening has made.

    Where the opening has several keys, one that is not over counts for all of them; one that is
    over, only where each of the keys is known: what is new to it is another trouble.
    """
    keys = keys_of(opening)
    known = known_keys(connection, keys)
    here = [found for key in keys if key in known and (found := find(connection, known[key]))]
    not_over = [each for each in here if each.status not in OVER]
    if here and (not_over or len(known) == len(keys)):
        return (not_over or here)[0]
    if opening.pagerduty_incident_id is None:
        return None
    same = incident.c.pagerduty_incident_id == opening.pagerduty_incident_id
    row = connection.execute(select(incident).where(same).limit(1)).first()
    return None if row is None else _incident(connection, row)


def keys_of(opening: Opening) -> tuple[str, ...]:
    """Its keys, its own first, each once."""
    own = () if opening.key is None else (opening.key,)
    return tuple(dict.fromkeys((*own, *opening.also)))


def known_keys(connection: Connection, keys: Iterable[str]) -> dict[str, str]:
    """The incident of each key that has one."""
    found: dict[str, str] = {}
    if not (wanted := list(keys)):
        return found
    for key, identity in (
        (opening_key.c.key, opening_key.c.incident_id), (incident.c.key, incident.c.id)
    ):  # fmt: skip
        rows = connection.execute(select(key, identity).where(key.in_(wanted)))
        found.update({row[0]: row[1] for row in rows})
    return found


def put_keys(connection: Connection, incident_id: str, keys: Iterable[str]) -> None:
    """From now on these are the incident's too; a key that is another's stays so."""
    wanted = list(keys)
    known = known_keys(connection, wanted)
    if new := [{"key": key, "incident_id": incident_id} for key in wanted if key not in known]:
        connection.execute(insert(opening_key), new)


def hold_openings(connection: Connection) -> None:
    """Until the end of the transaction nobody else opens an incident."""
    if connection.dialect.name != "sqlite":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _OPENING_LOCK})


def next_id(connection: Connection, now: int) -> str:
    """`INC-<year>-<four digits>`: the next number of this year that is nobody's.

    Given back with the transaction where that fails, so that there are no gaps.
    """
    year = datetime.fromtimestamp(now / 1000, UTC).year
    query = select(incident_number.c.last).where(incident_number.c.year == year)
    last = connection.scalar(query.with_for_update())
    number = (last or 0) + 1
    while find(connection, _identity(year, number)) is not None:
        number += 1  # an incident that came with its id from elsewhere
    if last is None:
        connection.execute(insert(incident_number).values(year=year, last=number))
    else:
        connection.execute(
            update(incident_number).where(incident_number.c.year == year).values(last=number)
        )
    return _identity(year, number)


def _identity(year: int, number: int) -> str:
    return f"INC-{year}-{number:04}"


def create(connection: Connection, incident_id: str, opening: Opening) -> Incident:
    """A new row; its keys are put by themselves."""
    made = Incident(
        id=incident_id,
        title=opening.title,
        severity=opening.severity,
        status="Created",
        started_at=str(opening.started_at),
        impacted_services=opening.impacted_services,
        pagerduty_incident_id=opening.pagerduty_incident_id,
    )
    values = {name: getattr(made, name) for name in made.__struct_fields__ if name not in LINKS}
    values["impacted_services"] = list(made.impacted_services)
    connection.execute(insert(incident).values(values))
    return made


def change(connection: Connection, incident_id: str, **values: Json) -> None:
    """Write these columns of an incident."""
    connection.execute(update(incident).where(incident.c.id == incident_id).values(**values))


def put_link(connection: Connection, incident_id: str, kind: LinkKind, link: Link) -> None:
    """What was made elsewhere, in place of what was known of it."""
    table, values = _TABLES[kind], msgspec.structs.asdict(link)
    changed = connection.execute(
        update(table).where(table.c.incident_id == incident_id).values(**values)
    )
    if changed.rowcount == 0:
        identity = f"{incident_id}/{kind}"
        connection.execute(insert(table).values(id=identity, incident_id=incident_id, **values))


def _incident(connection: Connection, row: Row[tuple[Json, ...]]) -> Incident:
    values = {name: value for name, value in row._mapping.items() if name != "key"}  # noqa: SLF001
    values["impacted_services"] = tuple(values["impacted_services"])
    links: dict[str, Any] = {kind: _link(connection, row.id, kind) for kind in LINKS}
    return _checked(Incident(**values, **links))


def _link(connection: Connection, incident_id: str, kind: LinkKind) -> Link | None:
    table, made = _TABLES[kind], LINKS[kind]
    query = select(*(table.c[name] for name in made.__struct_fields__))
    row = connection.execute(query.where(table.c.incident_id == incident_id)).first()
    return None if row is None else _checked(made(**row._mapping))  # noqa: SLF001


def _checked(found: _Row) -> _Row:
    """msgspec.ValidationError, a ValueError, where a value is none of its field's."""
    return msgspec.convert(msgspec.to_builtins(found), type(found))
