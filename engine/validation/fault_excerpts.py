"""Faults for people: each with the line it is in and a caret below its place."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

from engine.faults import Fault
from engine.language.loader import read_lines

Paint: TypeAlias = Callable[[str, str], str]
"""Colours a text; the second argument is its role: `error`, `warning`, `hint` or `source`."""

_WIDEST = 120
_TOKEN = re.compile(r"'[^']*'|\"[^\"]*\"|[^\s:,\[\]{}]+|\S")


def plain(text: str, _role: str) -> str:
    """No colours."""
    return text


def as_human(faults: Iterable[Fault], folder: Path, paint: Paint = plain) -> str:
    """The faults of a project folder, a blank line between them.

    A line with a secret in plain is not shown: what is printed is kept in logs.
    """
    found = tuple(faults)
    secret = {(fault.file, fault.line) for fault in found if fault.code == "SECRET"}
    lines: dict[str, list[str]] = {}
    shown = []
    for fault in found:
        if fault.file not in lines:
            lines[fault.file] = read_lines(folder / fault.file, folder)
        seen = [] if (fault.file, fault.line) in secret else lines[fault.file]
        shown.append("\n".join(_one(fault, seen, paint)))
    return "\n\n".join(shown)


def _one(fault: Fault, lines: list[str], paint: Paint) -> list[str]:
    head = paint(f"{fault.severity}[{fault.code}]", fault.severity)
    where = clean(f"{fault.file}:{fault.line}:{fault.column}")
    path = f" ({fault.path})" if fault.path else ""
    shown = [f"{where}: {head}: {clean(fault.message + path)}"]
    if fault.line <= len(lines) and not fault.code.startswith("FILE_"):
        shown += _excerpt(fault, lines[fault.line - 1], paint)
    if fault.hint is not None:
        shown.append(paint(f"  = {clean(fault.hint)}", "hint"))
    return shown


def _excerpt(fault: Fault, line: str, paint: Paint) -> list[str]:
    """The line, cut around the place where it is long, and the caret."""
    start = max(0, fault.column - 1 - _WIDEST // 2) if len(line) > _WIDEST else 0
    end = start + _WIDEST
    before = clean(line[start : fault.column - 1])
    token = _TOKEN.match(line, fault.column - 1, end)
    marked = clean(token[0]) if token else ""
    text = clean(line[start:end]).rstrip()
    number = str(fault.line)
    caret = " " * _width(before) + "^" * max(1, _width(marked))
    return [
        paint(f"  {number} | ", "source") + text,
        paint(f"  {' ' * len(number)} | ", "source") + paint(caret, fault.severity),
    ]


def clean(text: str) -> str:
    """Text that a terminal shows as it is: no control characters, no direction marks."""
    return "".join(_shown(letter) for letter in text)


def _shown(letter: str) -> str:
    if letter == "\t":
        return " "
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(letter) in ("Cc", "Cf") else letter


def _width(text: str) -> int:
    """Columns that a terminal gives the text."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")
        for letter in text
    )
