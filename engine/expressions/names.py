"""The names an expression may read, and the plain paths that need no parser."""

import re
from typing import Final

from engine.expressions.tree import Key, Path, Piece, Reference, Template

ROOTS: Final = frozenset({"inputs", "context", "steps", "run", "item", "index", "gate"})

_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_KEY: Final = rf"\.{_NAME}|\['[^'\\\n\r]*'\]|\[(?:0|[1-9][0-9]{{0,8}})\]"
_PATH: Final = rf"({_NAME})((?:{_KEY})*)"
_BARE: Final = re.compile(rf"\s*{_PATH}\s*", re.ASCII)
_PRINTED: Final = re.compile(rf"\{{\{{[ \t\n]*{_PATH}[ \t\n]*\}}\}}", re.ASCII)
_EACH_KEY: Final = re.compile(_KEY, re.ASCII)
_OPENING: Final = re.compile(r"\{[{%#]")
_HYPHENATED: Final = re.compile(r"steps\.([A-Za-z_]\w*(?:-\w+)+)", re.ASCII)
_NOT_NAMES: Final = frozenset(
    {
        "true",
        "false",
        "none",
        "True",
        "False",
        "None",
        "not",
        "and",
        "or",
        "if",
        "else",
        "is",
        "in",
    }
)


def has_template(text: str) -> bool:
    """Whether a text holds anything to evaluate."""
    return "{" in text and _OPENING.search(text) is not None


def hyphenated(text: str, offset: int) -> str | None:
    """`look-again`, where the text at the offset is `steps.look-again`."""
    match = _HYPHENATED.match(text, offset)
    return match[1] if match else None


def parse_plain(text: str) -> Template | None:
    """A text whose templates are all plain paths, exactly as the parser would read it, or None."""
    if "\r" in text:
        return None
    pieces: list[Piece] = []
    references = []
    place = 0
    for match in _PRINTED.finditer(text):
        before = text[place : match.start()]
        if match[1] in _NOT_NAMES or before.endswith("{") or _OPENING.search(before):
            return None
        if before:
            pieces.append(before)
        path = _path(match)
        pieces.append(path)
        references.append(Reference((path.root, *path.keys), guarded=False, offset=path.offset))
        place = match.end()
    rest = text[place:]
    if _OPENING.search(rest):
        return None
    if rest:
        pieces.append(rest)
    telling = [piece for piece in pieces if not isinstance(piece, str) or piece.strip()]
    if len(telling) == 1 and isinstance(telling[0], Path):
        return Template(text, telling[0], tuple(references))
    return Template(text, tuple(pieces), tuple(references))


def parse_plain_bare(text: str) -> Template | None:
    """A bare expression that is a plain path, or None."""
    match = _BARE.fullmatch(text)
    if match is None or match[1] in _NOT_NAMES:
        return None
    path = _path(match)
    reference = Reference((path.root, *path.keys), guarded=False, offset=path.offset)
    return Template(text, path, (reference,))


def _path(match: re.Match[str]) -> Path:
    keys = _EACH_KEY.findall(match[2]) if match[2] else ()
    return Path(match[1], tuple(map(_key, keys)), match.start(1))


def _key(text: str) -> Key:
    if text[0] == ".":
        return text[1:]
    return text[2:-1] if text[1] == "'" else int(text[1:-1])
