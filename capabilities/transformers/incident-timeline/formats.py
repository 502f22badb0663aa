"""A timeline as text: Markdown for people, CSV for tables, JSON for programs."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from escaping import table, text

Json = dict[str, Any]
_COLUMNS = ("sequence", "at", "type", "actor", "source", "description", "run", "step", "gate")
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What begins a formula in a spreadsheet, also behind white space, and as wide as in Japanese."""


def markdown(events: list[Json]) -> str:
    """A table; what people wrote is shown as they wrote it, and does nothing."""
    shown = ("at", "actor", "description")
    rows = [[text(event[name]) for name in shown] for event in events]
    return table(["time", "who", "what"], rows) + "\n"


def as_csv(events: list[Json]) -> str:
    """One line an event, below the names of the columns; no cell is a formula to a spreadsheet."""
    lines = io.StringIO()
    # Lines end in CR LF (RFC 4180): Python then quotes a cell with either, which is no new line.
    writer = csv.writer(lines)
    writer.writerow(_COLUMNS)
    writer.writerows([_cell(event.get(name)) for name in _COLUMNS] for event in events)
    return lines.getvalue()


def as_json(events: list[Json]) -> str:
    """The events, one a line within a list."""
    lines = (json.dumps(event, ensure_ascii=False, sort_keys=True) for event in events)
    return "[" + ",\n".join(lines) + "]\n"


def _cell(value: Any) -> str:
    cell = "" if value is None else str(value)
    return f"'{cell}" if cell.lstrip().startswith(_FORMULA) else cell


FORMATS: dict[str, Callable[[list[Json]], str]] = {
    "markdown": markdown,
    "csv": as_csv,
    "json": as_json,
}
