"""What people wrote → what Slack shows: escaped, within limits, and cut only where it says so."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

MESSAGE = 4_000
"""Characters of a message's `text`."""
SECTION = 3_000
FIELD = 2_000
HEADER = 150
MOST_PARTS = 10

_URL = re.compile(r"https?://[^\s<>|\"'`*_~]+[^\s<>|\"'`*_~.,;:!?)\]}]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
"""Also those that turn the direction of text, which can make a question read otherwise."""
_MARK = 60
"""Room for a note that a text goes on, or was cut."""
_JOINER = "\u200d"

Render = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Parts:
    """A text, rendered, in parts that fit."""

    texts: tuple[str, ...]
    left_out: int
    """Characters that were left out."""


def size(text: str) -> int:
    """As Slack counts at most: an emoji is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def plain(text: str) -> str:
    """For a plain_text object, which has no markup: without control characters."""
    return _CONTROLS.sub("", text)


def escaped(text: str) -> str:
    """Without any markup that can mention, link or ping."""
    return plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def rendered(text: str) -> str:
    """Escaped, and with bare web addresses as links to themselves."""
    return _URL.sub(lambda match: f"<{match[0]}>", escaped(text))


def shortened(text: str, limit: int) -> str:
    """Rendered, at most `limit`; where it was cut the end says how much is missing."""
    return _within(text, limit, rendered)


def shortened_plain(text: str, limit: int) -> str:
    """The same for a plain_text object, on one line."""
    return _within(" ".join(text.split()), limit, plain)


def parts(text: str, first: int, following: int = MESSAGE) -> Parts:
    """Rendered parts, the first at most `first`, the others `following`; `MOST_PARTS` at most."""
    raw: list[str] = []
    rest = text
    while rest and len(raw) < MOST_PARTS:
        limit = following if raw else first
        if size(rendered(rest)) <= limit:
            raw.append(rest)
            rest = ""
            break
        cut = _cut(rest, limit - _MARK, rendered)
        raw.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip("\n")
    texts = [rendered(part) for part in raw] or [""]
    if len(texts) > 1:
        texts = [f"{part}\n({at}/{len(texts)})" for at, part in enumerate(texts, 1)]
    if rest:
        texts[-1] += f"\n{_missing(rest)}"
    return Parts(tuple(texts), len(rest))


def _within(text: str, limit: int, render: Render) -> str:
    whole = render(text)
    if size(whole) <= limit:
        return whole
    if limit < 2 * _MARK:
        return f"{render(text[: _cut(text, limit - 1, render)].rstrip())}…"
    cut = _cut(text, limit - _MARK, render)
    return f"{render(text[:cut].rstrip())} {_missing(text[cut:])}"


def _missing(rest: str) -> str:
    return f"… ({len(rest):,} characters left out)"


def _cut(text: str, limit: int, render: Render) -> int:
    """Where to cut, so that what is before it fits: at a line's or a word's end where one is near,
    never within a character that is made of several."""
    low, high = 1, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if size(render(text[:middle])) <= limit else (low, middle - 1)
    for boundary in ("\n\n", "\n", " "):
        at = text.rfind(boundary, int(low * 0.6), low)
        if at > 0:
            return at + len(boundary)
    return _between_characters(text, low)


def _between_characters(text: str, cut: int) -> int:
    for back in range(min(cut - 1, 40)):
        at = cut - back
        if at >= len(text) or not (_joins(text[at]) or text[at - 1] == _JOINER):
            return at
    return cut


def _joins(character: str) -> bool:
    return (
        unicodedata.combining(character) != 0
        or character in (_JOINER, "\ufe0f")
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )
