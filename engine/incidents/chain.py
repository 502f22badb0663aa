"""The hash chain of a timeline: each event's hash covers the event and the hash before it.

The hash is SHA-256, in hex, of the event as canonical JSON (sorted keys, no white space, UTF-8)
without its own `hash`; `previous`, the hash before it, is part of it.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from engine.incidents.incident import Event, Problem
from engine.plan import encode


def hash_of(event: Event) -> str:
    """What the event's hash must be."""
    content = msgspec.to_builtins(event)
    del content["hash"]
    return hashlib.sha256(encode(content)).hexdigest()


def sealed(event: Event) -> Event:
    """The event with its hash."""
    return msgspec.structs.replace(event, hash=hash_of(event))


def check(events: Sequence[Event], count: int, head: str) -> list[Problem]:
    """All that is not as it was written. `events` are in the order of their sequence; `count` and
    `head` are what the incident itself says of its timeline."""
    known = {event.hash for event in events}
    problems = []
    expected, before = 1, ""
    for event in events:
        problems += _one(event, expected, before, known)
        expected, before = event.sequence + 1, event.hash
    if expected <= count:
        problems.append(Problem(sequence=None, problem=f"{_numbers(expected, count)} at the end"))
    elif expected > count + 1:
        text = f"the incident says that it has {count} events, and there are more"
        problems.append(Problem(sequence=None, problem=text))
    elif before != head:
        text = "the last event is not the one that the incident says is its last"
        problems.append(Problem(sequence=expected - 1 or None, problem=text))
    return problems


def cut(kept: str) -> Problem:
    """No event has the hash that somebody wrote down."""
    text = f"no event has the hash {kept}: the end was cut off, or the chain was written anew"
    return Problem(sequence=None, problem=text)


def put_in(rows: int) -> Problem:
    """Rows that no reader of the timeline is shown."""
    text = f"rows that are in no place of the timeline were put in: {rows}"
    return Problem(sequence=None, problem=text)


def _one(event: Event, expected: int, before: str, known: set[str]) -> list[Problem]:
    found = []
    if event.sequence > expected:
        found.append(_numbers(expected, event.sequence - 1))
    elif event.id != f"{event.incident_id}/{event.sequence}":
        found.append(f"this place is of another event, {event.id}: they were reordered")
    if hash_of(event) != event.hash:
        found.append("the event was changed after it was written")
    if event.previous != before and event.sequence == expected:
        moved = event.previous in known or not event.previous
        found.append(
            "another event was before it: they were reordered"
            if moved
            else "the event before it is not the one that was there: it was replaced"
        )
    return [Problem(sequence=event.sequence, problem=text) for text in found]


def _numbers(first: int, last: int) -> str:
    if first == last:
        return f"event {first} is missing"
    return f"events {first} to {last} are missing"
