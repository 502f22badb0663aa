"""Results on stdout, words on stderr; colour only on a terminal."""

import os
import re
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from engine.cli.frame import Frame
from engine.cli.streams import give_up_stdout
from engine.errors import HarmonyError

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def colour() -> bool | None:
    """False where NO_COLOR or a dumb terminal says so; None leaves it to whether it is one."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return None


def say(text: str = "") -> None:
    """One line of words for people, on stderr."""
    click.echo(text, err=True, color=colour())


def ask(question: str) -> None:
    """A question on stderr; the answer is typed behind it."""
    click.echo(question, err=True, nl=False, color=colour())


def result(text: str) -> None:
    """A line of the result, on stdout."""
    _write(text)


def document(frame: Frame, value: Any) -> None:
    """The one JSON document of `--json`, on stdout; structs and dataclasses are fine."""
    frame.answered = True
    _write(msgspec.json.format(msgspec.json.encode(value), indent=2))


def json_line(frame: Frame, value: Any) -> None:
    """One line of JSON, for `--follow --json`."""
    frame.answered = True
    _write(msgspec.json.encode(value))


def _write(data: str | bytes) -> None:
    """Out with it now; BrokenPipeError where nobody reads it any more."""
    try:
        click.echo(data, color=colour())
    except BrokenPipeError:
        raise
    except OSError as error:
        give_up_stdout()
        raise HarmonyError(f"the result could not be written: {error.strerror}") from error


def style(text: str, **look: Any) -> str:
    """`text` in a colour; taken out again where the stream is no terminal."""
    return click.style(text, **look)


def clean(text: str) -> str:
    """`text` without what could steer a terminal; for anything that comes from a file or a run."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def table(rows: Sequence[tuple[str, ...]], header: tuple[str, ...] | None = None) -> list[str]:
    """Lines with columns as wide as they must be; cells are cleaned, the last one is not padded."""
    lines = [tuple(clean(cell) for cell in row) for row in (*([header] if header else []), *rows)]
    if not lines:
        return []
    widths = [max(len(row[at]) for row in lines) for at in range(len(lines[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in lines
    ]
