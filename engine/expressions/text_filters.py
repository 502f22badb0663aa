"""Filters over texts. What is not text is written as it would be in a text, then filtered."""

import re
import textwrap
import unicodedata
from collections.abc import Callable, Mapping
from html import escape as html_escape
from typing import Any, Final
from urllib.parse import quote, quote_plus

from engine.errors import ExpressionFailed
from engine.expressions.formatting import format_text
from engine.expressions.list_filters import as_json, attribute_of, items_of, need
from engine.expressions.values import Budget, kind, text
from engine.plan import Json

_WORD_START: Final = re.compile(r"([-\s({\[<]+)")
_WORD: Final = re.compile(r"\w+")
_LINK: Final = re.compile(r"(?:https?://|mailto:|www\.)[^\s<>\"']{1,2000}")
_SLOW: Final = 65_536


def plain_text(budget: Budget, value: Json) -> str:
    """The value as text, paid for."""
    made = text(value, budget)
    budget.text(len(made))
    return made


def _short(budget: Budget, value: Json) -> str:
    """A text for a filter that takes its time."""
    made = plain_text(budget, value)
    if len(made) > _SLOW:
        raise ExpressionFailed(f"the text is longer than {_SLOW} characters")
    budget.spend(len(made))
    return made


def _simple(change: Callable[[str], str]) -> Callable[..., str]:
    return lambda budget, value: change(plain_text(budget, value))


def title(budget: Budget, value: Json) -> str:
    """Each Word With A Capital."""
    parts = _WORD_START.split(_short(budget, value))
    return "".join(part[0].upper() + part[1:].lower() for part in parts if part)


def trim(budget: Budget, value: Json, chars: str | None = None) -> str:
    """Without white space, or without these characters, at both ends."""
    return plain_text(budget, value).strip(chars)


def replace(budget: Budget, value: Json, old: Json, new: Json, count: int | None = None) -> str:
    """With each `old` replaced by `new`, or only the first `count`."""
    made, before, after = (plain_text(budget, part) for part in (value, old, new))
    times = made.count(before)
    if count is not None and count >= 0:
        times = min(times, count)
    budget.text(len(made) + times * max(0, len(after) - len(before)))
    return made.replace(before, after, times)


def join(budget: Budget, value: Json, d: Json = "", attribute: Json = None) -> str:
    """The items, or a field of each, side by side with `d` between them."""
    items = [need(attribute_of(item, attribute)) for item in items_of(budget, value)]
    words = [text(item, budget) for item in items]
    between = text(d, budget)
    budget.text(sum(map(len, words)) + len(between) * len(words))
    return between.join(words)


def center(budget: Budget, value: Json, width: int = 80) -> str:
    """In the middle of so many characters."""
    budget.text(max(0, width))
    return plain_text(budget, value).center(width)


def indent(
    budget: Budget, value: Json, width: int | str = 4, first: Json = False, blank: Json = False
) -> str:
    """With each line but the first moved to the right by so many spaces, or by a text."""
    made = plain_text(budget, value)
    lines = made.splitlines() or [""]
    if made.endswith("\n"):
        lines.append("")
    size = len(width) if isinstance(width, str) else max(0, width)
    budget.text(len(made) + size * len(lines))
    space = width if isinstance(width, str) else " " * width
    moved = [space + line if line or blank else line for line in lines]
    if not first:
        moved[0] = lines[0]
    elif not lines[0]:
        moved[0] = space
    return "\n".join(moved)


def truncate(
    budget: Budget,
    value: Json,
    length: int = 255,
    killwords: Json = False,
    end: str = "...",
    leeway: int | None = None,
) -> str:
    """Cut to a length, at a word's end unless `killwords`; a little over it is let pass."""
    made = plain_text(budget, value)
    if length < len(end):
        raise ExpressionFailed(f"the length is at least that of the end, {len(end)}")
    if len(made) <= length + (5 if leeway is None else max(0, leeway)):
        return made
    kept = made[: length - len(end)]
    return kept + end if killwords else kept.rsplit(" ", 1)[0] + end


def wordwrap(
    budget: Budget,
    value: Json,
    width: int = 79,
    break_long_words: Json = True,
    wrapstring: str = "\n",
    break_on_hyphens: Json = True,
) -> str:
    """Wrapped at a width; the lines there are stay apart."""
    made = _short(budget, value)
    if width < 1:
        raise ExpressionFailed("the width is at least 1")
    lines = made.splitlines()
    budget.text((len(made) // width * 2 + len(made) // 2 + len(lines) + 1) * len(wrapstring))
    wrap = textwrap.TextWrapper(
        width=width,
        expand_tabs=False,
        replace_whitespace=False,
        break_long_words=bool(break_long_words),
        break_on_hyphens=bool(break_on_hyphens),
    )
    return wrapstring.join(wrapstring.join(wrap.wrap(line)) for line in lines)


def filesizeformat(_: Budget, value: Json, binary: Json = False) -> str:
    """A number of bytes for people: 13 kB, 4.1 MB; `binary` for 1,024s."""
    size = float(value)
    base = 1024 if binary else 1000
    if size == 1:
        return "1 Byte"
    if abs(size) < base:
        return f"{int(size)} Bytes"
    for power, letter in enumerate("kMGTPEZY", 1):
        if abs(size) < base ** (power + 1) or letter == "Y":
            unit = f"{letter.upper()}iB" if binary else f"{letter}B"
            return f"{size / base**power:.1f} {unit}"
    raise AssertionError


def striptags(budget: Budget, value: Json) -> str:
    """Without SGML comments and tags, white space made single."""
    made = plain_text(budget, value)
    for begin, end in (("<!--", "-->"), ("<", ">")):
        made = _without(made, begin, end)
    return " ".join(made.split())


def _without(of: str, begin: str, end: str) -> str:
    words: list[str] = []
    place = 0
    while (start := of.find(begin, place)) >= 0 and (stop := of.find(end, start)) >= 0:
        words.append(of[place:start])
        place = stop + len(end)
    return "".join([*words, of[place:]])


def urlencode(budget: Budget, value: Json) -> str:
    """Quoted for a URL's path; of an object or a list of pairs, a query."""
    if isinstance(value, Mapping | list):
        pairs = value.items() if isinstance(value, Mapping) else value
        budget.spend(len(value))
        made = [
            "=".join(quote_plus(plain_text(budget, part)) for part in (key, item))
            for key, item in pairs
        ]
        return "&".join(made)
    return quote(plain_text(budget, value), safe="/")


def urlize(
    budget: Budget,
    value: Json,
    trim_url_limit: int | None = None,
    nofollow: Json = False,
    target: str | None = None,
    rel: str | None = None,
) -> str:
    """Escaped for HTML, with the links in it made links."""
    made = _short(budget, value)
    words = sorted({*(rel or "").split(), "noopener", *(["nofollow"] if nofollow else [])})
    attributes = f' rel="{html_escape(" ".join(words))}"'
    attributes += f' target="{html_escape(target)}"' if target else ""
    budget.text(len(made) * 12 + len(_LINK.findall(made)) * len(attributes))

    def link(found: re.Match[str]) -> str:
        address = found.group().rstrip(".,:;!?)")
        label = address
        if trim_url_limit is not None and len(label) > trim_url_limit:
            label = label[:trim_url_limit] + "..."
        where = f"https://{address}" if address.startswith("www.") else address
        rest = escape(budget, found.group()[len(address) :])
        shown = label.removeprefix("mailto:")
        return f'<a href="{_html(where)}"{attributes}>{_html(shown)}</a>{rest}'

    parts: list[str] = []
    place = 0
    for found in _LINK.finditer(made):
        parts += [_html(made[place : found.start()]), link(found)]
        place = found.end()
    return "".join([*parts, _html(made[place:])])


def _html(value: str) -> str:
    return html_escape(value).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")


def escape(budget: Budget, value: Json) -> str:
    """With `& < > " '` written for HTML."""
    made = plain_text(budget, value)
    budget.text(len(made) * 5)
    return _html(made)


def xmlattr(budget: Budget, value: Json, autospace: Json = True) -> str:
    """An object as SGML attributes; what is null is left out."""
    if not isinstance(value, Mapping):
        raise ExpressionFailed(f"{kind(value)} has no keys")
    made = []
    for key, item in value.items():
        if item is None:
            continue
        if re.search(r"[\s/>=]", key, re.ASCII):
            raise ExpressionFailed("an attribute's name holds no white space and none of / > =")
        made.append(f'{escape(budget, key)}="{escape(budget, item)}"')
    joined = " ".join(made)
    return f" {joined}" if autospace and joined else joined


def slug(budget: Budget, value: Json, length: int = 80) -> str:
    """Lower-case ASCII words with hyphens, as channels, branches and ids like it."""
    made = unicodedata.normalize("NFKD", _short(budget, value)).encode("ascii", "ignore").decode()
    return "-".join(re.findall(r"[a-z0-9]+", made.lower()))[: max(0, length)].strip("-")


def formatted(budget: Budget, value: Json, *arguments: Json, **named: Json) -> str:
    """printf-style formatting."""
    if arguments and named:
        raise ExpressionFailed("values are given in order or by name, not both")
    return format_text(budget, plain_text(budget, value), list(arguments), named)


def wordcount(budget: Budget, value: Json) -> int:
    """How many words."""
    return len(_WORD.findall(_short(budget, value)))


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "capitalize": _simple(str.capitalize),
    "center": center,
    "e": escape,
    "escape": escape,
    "filesizeformat": filesizeformat,
    "forceescape": escape,
    "format": formatted,
    "indent": indent,
    "join": join,
    "lower": _simple(str.lower),
    "pprint": lambda budget, value: as_json(budget, value, 2),
    "replace": replace,
    "safe": plain_text,
    "slug": slug,
    "string": plain_text,
    "striptags": striptags,
    "title": title,
    "trim": trim,
    "truncate": truncate,
    "upper": _simple(str.upper),
    "urlencode": urlencode,
    "urlize": urlize,
    "wordcount": wordcount,
    "wordwrap": wordwrap,
    "xmlattr": xmlattr,
}
