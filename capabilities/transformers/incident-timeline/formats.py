"""A timeline as text: Markdown for people, CSV for tables, JSON for programs."""

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
_COLUMNS = ("sequence", "at", "type", "actor", "source", "description", "run", "step", "gate")
_ACTIVE = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")


def markdown(events: list[Json]) -> str:
    """A table; what people wrote is shown as they wrote it."""
    rows = ["| time | who | what |", "|---|---|---|"]
    for event in events:
        cells = (event["at"], event["actor"], event["description"])
        rows.append("| " + " | ".join(_escaped(cell) for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def as_csv(events: list[Json]) -> str:
    """One line an event, below the names of the columns; no cell is a formula to a spreadsheet."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    table.writerows([_cell(event.get(name)) for name in _COLUMNS] for event in events)
    return text.getvalue()


def as_json(events: list[Json]) -> str:
    """The events, one a line within a list."""
    lines = (json.dumps(event, ensure_ascii=False, sort_keys=True) for event in events)
    return "[" + ",\n".join(lines) + "]\n"


def _escaped(value: Any) -> str:
    return _ACTIVE.sub(r"\\\1", " ".join(str(value or "").split()))


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


FORMATS: dict[str, Callable[[list[Json]], str]] = {
    "markdown": markdown,
    "csv": as_csv,
    "json": as_json,
}
