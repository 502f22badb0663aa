"""People's text as Markdown that shows it, and does nothing else."""

import re
import unicodedata

ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "`": "&#96;", "\\": "&#92;"}
SPECIAL = re.compile(r"[*_\[\]{}#~!$@]")
LINKS = re.compile(r"(?<=[A-Za-z]):(?=\S)|(?<=[wW]{3})\.")
LEADING = re.compile(r"^(?:(?=[-+=])|(?P<number>\d+)(?=[.)]))")
REORDERING = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def one_line(value: str) -> str:
    """Without line breaks, control characters and marks that reorder text; single spaces."""
    return " ".join("".join(_plain(char) for char in value).split())


def text(value: str) -> str:
    """One line of Markdown that reads as `value`: no markup, link, HTML, cell or list of its own.

    Entities stand for what also has a meaning outside of lines, since no parser takes an entity
    for structure; the rest gets a backslash.
    """
    shown = "".join(ENTITIES.get(char, char) for char in one_line(value))
    # An entity holds a # of its own, which is not the author's.
    parts = re.split(r"(&#\d+;)", shown)
    parts[::2] = [LINKS.sub(r"\\\g<0>", SPECIAL.sub(r"\\\g<0>", part)) for part in parts[::2]]
    return LEADING.sub(lambda found: f"{found['number'] or ''}\\", "".join(parts))


def table(heads: list[str], rows: list[list[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(char: str) -> str:
    kind = unicodedata.category(char)
    if kind == "Cs":
        return "\ufffd"
    if char in REORDERING:
        return ""
    return " " if kind in ("Cc", "Zl", "Zp") else char
