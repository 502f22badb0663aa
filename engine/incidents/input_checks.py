"""What comes into the store: its sizes, its times, and text that every database can hold."""

import re

import msgspec

from engine import instants
from engine.errors import IncidentError
from engine.incidents.incident import Link, NewEvent, Opening
from engine.plan import Json, encode

LONGEST_TITLE = 255
LONGEST_DESCRIPTION = 10_000
LONGEST_NAME = 200
LONGEST_KEY = 400
MOST_SERVICES = 200
MOST_KEYS = 200
MAX_DATA_BYTES = 65_536
_EARLY_MS = 300_000
"""How far a clock elsewhere may be ahead of this one."""
_TYPE = re.compile(r"[a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)*", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


def refuse(message: str, *, code: str = "INPUTS") -> IncidentError:
    """The error that says what to give instead."""
    return IncidentError(message, code=code)


def clean(value: str) -> str:
    """Text without what a database cannot keep: NUL, and halves of characters."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def line(value: str, what: str, longest: int = LONGEST_NAME) -> str:
    """One line of text, neither empty nor too long."""
    found = " ".join(clean(value).split())
    if not found or len(found) > longest:
        raise refuse(f"{what} is a line of 1 to {longest} characters")
    return found


def moment(value: str | None, now: int, what: str, not_before: str | None = None) -> str:
    """The time as the store writes it; now, where it is not said."""
    if value is None:
        return instants.render(now)
    try:
        at = instants.parse(value)
    except (ValueError, OverflowError):
        at = -1
    if not 0 <= at <= now + _EARLY_MS:
        raise refuse(
            f"{what} is a time that has been, in ISO 8601 with its zone, "
            "such as 2026-03-01T03:00:00Z"
        )
    found = instants.render(at)
    if not_before is not None and found < not_before:
        raise refuse(f"{what} is before the incident began, {not_before}")
    return found


def opening(given: Opening, now: int) -> Opening:
    """The opening as it is kept."""
    if len(given.impacted_services) > MOST_SERVICES:
        raise refuse(f"impactedServices has at most {MOST_SERVICES} names")
    if len(given.also) > MOST_KEYS:
        raise refuse(f"also has at most {MOST_KEYS} keys")
    return msgspec.structs.replace(
        given,
        title=line(given.title, "the title", LONGEST_TITLE),
        actor=line(given.actor, "the actor"),
        impacted_services=tuple(line(name, "a service") for name in given.impacted_services),
        started_at=moment(given.started_at, now, "startedAt"),
        key=None if given.key is None else line(given.key, "the key", LONGEST_KEY),
        also=tuple(line(key, "a key", LONGEST_KEY) for key in given.also),
        pagerduty_incident_id=(
            line(given.pagerduty_incident_id, "pagerdutyIncidentId")
            if given.pagerduty_incident_id
            else None
        ),
    )


def link(given: Link) -> Link:
    """What was made elsewhere, as it is kept."""
    texts = {
        name: clean(value)
        for name, value in msgspec.structs.asdict(given).items()
        if isinstance(value, str)
    }
    return msgspec.structs.replace(given, **texts)


def incident_id(given: str) -> str:
    """An id that may stand in an address and in the name of a run."""
    if not _ID.fullmatch(given):
        raise refuse("an incident's id is like INC-2026-0001")
    return given


def new_event(given: NewEvent, now: int) -> NewEvent:
    """The event as it is kept."""
    if not _TYPE.fullmatch(given.type) or len(given.type) > 100:
        raise refuse("an event's type is dotted lower-case words, such as status.updated")
    if len(given.description) > LONGEST_DESCRIPTION:
        raise refuse(
            f"an event's description has at most {LONGEST_DESCRIPTION} characters",
            code="TOO_LARGE",
        )
    return msgspec.structs.replace(
        given,
        description=clean(given.description),
        actor=line(given.actor, "the actor"),
        at=moment(given.at, now, "at"),
        key=line(given.key, "the key", LONGEST_KEY),
        data=data(given.data),
    )


def data(given: dict[str, Json]) -> dict[str, Json]:
    """JSON that comes back from every database as it was given."""
    try:
        text = encode(given)
    except (TypeError, ValueError, OverflowError, UnicodeError, RecursionError):
        raise refuse("an event's data is an object of JSON values") from None
    if len(text) > MAX_DATA_BYTES:
        raise refuse(f"an event's data has at most {MAX_DATA_BYTES} bytes", code="TOO_LARGE")
    found: dict[str, Json] = msgspec.json.decode(text.replace(b"\\u0000", b"\\ufffd"))
    return found
