"""Tables that end where a page would be too long, and say how many rows they leave out."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from escaping import table, text

Data = dict[str, Any]
MISSING = "not recorded"
_MOST_BYTES = 200_000
"""Of a table's rows: three of them and the rest are within the 1 MiB that a step may give."""


def cell(given: Data, name: str) -> str:
    """What is recorded under the name, or that nothing is."""
    return text(given.get(name) or "") or MISSING


def of_events(
    columns: Mapping[str, str], events: Sequence[Data], left_out: Mapping[str, int], none: str
) -> str:
    """A row for each event; `none` where there is none at all. The first to be left out are steps
    that went well, then what there is most of."""
    counts = Counter(event["type"] for event in events)

    def weight(place: int) -> tuple[bool, int, int]:
        kind = events[place]["type"]
        return (is_routine(kind), counts[kind], place)

    rows = [_row(columns, event) for event in events]
    kept = _fitting(rows, sorted(range(len(rows)), key=weight))
    others = Counter(left_out)
    others.update(events[place]["type"] for place in set(range(len(rows))).difference(kept))
    told = ", ".join(f"{others[kind]:,} {text(kind)}" for kind in sorted(others))
    return _told(columns, [rows[place] for place in kept], told, none)


def of_approvals(
    columns: Mapping[str, str], approvals: Sequence[Data], left_out: int, none: str
) -> str:
    """A row for each approval, of which the last are left out first."""
    rows = [_row(columns, approval) for approval in approvals]
    kept = _fitting(rows, range(len(rows)))
    others = left_out + len(rows) - len(kept)
    told = counted(others, "approval") if others else ""
    return _told(columns, [rows[place] for place in kept], told, none)


def is_routine(kind: str) -> bool:
    """Whether it tells of a step that did not fail."""
    return kind.startswith(("step.", "item.")) and kind != "step.failed"


def counted(number: int, noun: str) -> str:
    """1 event, 2 events."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _row(columns: Mapping[str, str], given: Data) -> list[str]:
    return [cell(given, name) for name in columns.values()]


def _fitting(rows: Sequence[list[str]], order: Sequence[int]) -> list[int]:
    """Places of the rows that there is room for when they are taken in this order."""
    room, kept = _MOST_BYTES, []
    for place in order:
        room -= len(json.dumps(rows[place], ensure_ascii=False).encode(errors="replace")) + 4
        if room < 0:
            break
        kept.append(place)
    return sorted(kept)


def _told(columns: Mapping[str, str], rows: list[list[str]], left_out: str, none: str) -> str:
    parts = [table(list(columns), rows)] if rows else []
    if left_out:
        parts.append(f"Left out, since there are more than fit: {left_out}.")
    return "\n\n".join(parts) or none
