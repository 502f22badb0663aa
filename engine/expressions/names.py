"""The names an expression may read, and the plain expressions that need no parser.

Most templates are a path, a path with a default, or a path held against a literal. These are read
here by regular expressions, exactly as the parser reads them (a property test says so), in a tenth
of the time and without jinja2.
"""

import re
from typing import Final

from engine.expressions.tree import (
    Applied,
    Compare,
    Const,
    Expr,
    Key,
    Path,
    Piece,
    Reference,
    Template,
)

ROOTS: Final = frozenset({"inputs", "context", "steps", "run", "item", "index", "gate"})

MAX_TEXT: Final = 65_536
"""Characters of one template."""

_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_KEY: Final = rf"\.{_NAME}|\['[^'\\\n\r]*'\]|\[(?:0|[1-9][0-9]{{0,8}})\]"
_LITERAL: Final = r"'[^'\\\n\r]*'|(?:0|[1-9][0-9]{0,8})(?![\w.])|(?:true|false|none)(?!\w)"
_PLAIN: Final = (
    rf"[ \t\n]*(?P<root>{_NAME})(?P<keys>(?:{_KEY})*)[ \t\n]*"
    rf"(?:\|[ \t\n]*(?P<filter>default|d)\((?P<default>{_LITERAL})\)[ \t\n]*"
    rf"|(?P<operator>==|!=)[ \t\n]*(?P<other>{_LITERAL})[ \t\n]*)?"
)
_BARE: Final = re.compile(_PLAIN, re.ASCII)
_PRINTED: Final = re.compile(rf"\{{\{{{_PLAIN}\}}\}}", re.ASCII)
_EACH_KEY: Final = re.compile(_KEY, re.ASCII)
_OPENING: Final = re.compile(r"\{[{%#]")
_HYPHENATED: Final = re.compile(r"steps\.([A-Za-z_]\w*(?:-\w+)+)", re.ASCII)
_WORDS: Final = {"true": True, "false": False, "none": None}
_NOT_NAMES: Final = frozenset({
    *_WORDS, "True", "False", "None", "not", "and", "or", "if", "else", "is", "in",
})  # fmt: skip


def has_template(text: str) -> bool:
    """Whether a text holds anything to evaluate."""
    return "{" in text and _OPENING.search(text) is not None


def hyphenated(text: str, offset: int) -> str | None:
    """`look-again`, where the text at the offset is `steps.look-again`."""
    match = _HYPHENATED.match(text, offset)
    return match[1] if match else None


def parse_plain(text: str) -> Template | None:
    """A text whose templates are all plain, exactly as the parser would read it, or None."""
    if "\r" in text or len(text) > MAX_TEXT:
        return None
    pieces: list[Piece] = []
    references = []
    place = 0
    for match in _PRINTED.finditer(text):
        before = text[place : match.start()]
        if match["root"] in _NOT_NAMES or before.endswith("{") or _OPENING.search(before):
            return None
        if before:
            pieces.append(before)
        expression, reference = _plain(match)
        pieces.append(expression)
        references.append(reference)
        place = match.end()
    rest = text[place:]
    if _OPENING.search(rest):
        return None
    if rest:
        pieces.append(rest)
    telling = [piece for piece in pieces if not isinstance(piece, str) or piece.strip()]
    if len(telling) == 1 and isinstance(telling[0], Path | Applied | Compare):
        return Template(text, telling[0], tuple(references))
    return Template(text, tuple(pieces), tuple(references))


def parse_plain_bare(text: str) -> Template | None:
    """A bare expression that is plain, or None."""
    match = _BARE.fullmatch(text)
    if match is None or match["root"] in _NOT_NAMES:
        return None
    expression, reference = _plain(match)
    return Template(text, expression, (reference,))


def _plain(match: re.Match[str]) -> tuple[Expr, Reference]:
    keys = _EACH_KEY.findall(match["keys"])
    path = Path(match["root"], tuple(map(_key, keys)), match.start("root"))
    reference = Reference(
        (path.root, *path.keys), guarded=match["filter"] is not None, offset=path.offset
    )
    if match["filter"]:
        fallback = Const(_literal(match["default"]))
        place = match.start("filter")
        return Applied("filter", match["filter"], path, (fallback,), (), place), reference
    if match["operator"]:
        return Compare(path, ((match["operator"], Const(_literal(match["other"]))),)), reference
    return path, reference


def _key(text: str) -> Key:
    if text[0] == ".":
        return text[1:]
    return text[2:-2] if text[1] == "'" else int(text[1:-1])


def _literal(text: str) -> str | int | bool | None:
    if text in _WORDS:
        return _WORDS[text]
    return text[1:-1] if text[0] == "'" else int(text)
