"""Strikes the values of secrets from text and JSON: as they are, and as others write them.

Found are the value itself, its URL- and JSON-escaped forms at any nesting, and its base64 in both
alphabets, with or without padding, also where it was encoded with something before or after it, or
wrapped in lines. Of a value with several lines each long line counts as a secret too. A value
shorter than `SHORT` characters is struck only where it stands alone: it would shred any text.
"""

import base64
import re
from collections.abc import Iterable
from functools import cached_property

from engine.plan import Json

STRUCK = "***"
SHORT = 4
LONG_LINE = 16
"""Characters from which a line of a value with several lines is struck by itself."""
_WRAPPED = re.compile(r"[A-Za-z0-9+/_-]{20}(?:\s|\\{1,8}[rn])")
"""The end of a line of base64, where a value may go on in the next one."""
_GAP = r"(?:\s|\\{1,8}[rn])*+"
_SHORT_ESCAPES = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}


class _Needle:
    """One value to look for."""

    def __init__(self, value: str) -> None:
        self._value = value
        self._encoded = _base64_forms(value.encode("utf-8", "surrogateescape"))
        runs = re.findall(r"[A-Za-z0-9]+", value)
        self._run = max(runs, key=len, default="")
        """Its longest part that no escaping touches."""
        self._is_plain = self._run == value

    def strike(self, text: str) -> str:
        """The text without the value in any form that stands in one line."""
        text = text.replace(self._value, STRUCK)
        if (
            not self._is_plain
            and self._run in text
            and ("%" in text or "\\" in text or "+" in text)
        ):
            text = self._escaped.sub(STRUCK, text)
        for form in self._encoded:
            if form in text:
                text = re.sub(re.escape(form) + "={0,2}", STRUCK, text)
        return text

    def strike_wrapped(self, text: str, flat: str) -> str:
        """The text without the value's base64 over several lines; `flat` is the text in one."""
        for form in self._encoded:
            if form in flat:
                text = re.sub(_GAP.join(map(re.escape, form)) + "={0,2}", STRUCK, text)
        return text

    @cached_property
    def _escaped(self) -> re.Pattern[str]:
        parts = re.findall(r"\\+|.", self._value, re.DOTALL)
        return re.compile("".join(map(_written, parts, ["", *parts])))


class Striker:
    """Holds the values of one step's secrets."""

    def __init__(self, values: Iterable[str]) -> None:
        wanted = {part for value in values for part in _parts(value)}
        by_length = sorted(wanted, key=lambda value: (-len(value), value))
        self._needles = [_Needle(value) for value in by_length if len(value) >= SHORT]
        short = [re.escape(value) for value in by_length if len(value) < SHORT]
        self._short = re.compile(rf"(?<!\w)(?:{'|'.join(short)})(?!\w)") if short else None
        self._values = frozenset(wanted)
        self._longest = max(map(len, wanted), default=0)

    def text(self, text: str) -> str:
        """The text with each value replaced by `STRUCK`."""
        for needle in self._needles:
            text = needle.strike(text)
        if self._needles and _WRAPPED.search(text):
            flat = re.sub(_GAP, "", text)
            for needle in self._needles:
                text = needle.strike_wrapped(text, flat)
        return self._short.sub(STRUCK, text) if self._short else text

    def tail(self, text: str) -> str:
        """The end of a longer text: where it was cut there may be the half of a value."""
        if not self._values:
            return text
        _, cut, rest = text.partition("\n")
        return self.text(rest if cut else text[3 * self._longest :])

    def json(self, value: Json) -> Json:
        """The value with all its texts, keys too; a number that is a secret becomes a text."""
        return self._json(value) if self._values else value

    def _json(self, value: Json) -> Json:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self._json(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._json(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return STRUCK if str(value) in self._values else value
        return value


def _parts(value: str) -> Iterable[str]:
    """What of a secret is looked for: all of it, and its long lines."""
    value = value.strip()
    if value:
        yield value
    lines = value.splitlines()
    if len(lines) > 1:
        yield from (line.strip() for line in lines if len(line.strip()) >= LONG_LINE)


def _base64_forms(data: bytes) -> list[str]:
    """What base64 of the value looks like wherever it stands in what was encoded, longest first."""
    forms = set()
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data).decode()
        start = (8 * before + 5) // 6
        sure = 8 * (before + len(data)) // 6
        for form in (encoded.rstrip("=")[start:], encoded[start:sure]):
            forms |= {form, form.translate(str.maketrans("+/", "-_"))}
    return sorted(forms, key=lambda form: (-len(form), form))


def _written(part: str, before: str) -> str:
    """A pattern for one character (or a run of backslashes) as URLs and JSON texts write it.

    A run of backslashes `before` it takes those that escape it, too.
    """
    escape = r"\\{0,8}" if before.startswith("\\") else r"\\{1,8}"
    if part[0] == "\\":
        least = len(part)
        return rf"(?:\\{{{least},{8 * least}}}+|(?:%(?:25)*5[Cc]|\\{{1,8}}u005[cC]){{{least}}})"
    if part.isascii() and part.isalnum():
        return part
    choices = [re.escape(part), *_as_url(part), _as_unicode_escape(part, escape)]
    if part in _SHORT_ESCAPES:
        choices.append(escape + _SHORT_ESCAPES[part])
    if part in '"/':
        choices.append(escape + part)
    if part == " ":
        choices.append(r"\+")
    return f"(?:{'|'.join(choices)})"


def _as_url(part: str) -> list[str]:
    octets = part.encode("utf-8", "surrogateescape")
    return ["".join(f"%(?:25)*{_any_case(f'{octet:02x}')}" for octet in octets)]


def _as_unicode_escape(part: str, escape: str) -> str:
    units = part.encode("utf-16-be", "surrogatepass").hex()
    escapes = [escape, r"\\{1,8}"]
    return "".join(
        f"{escapes[at > 0]}u{_any_case(units[at : at + 4])}" for at in range(0, len(units), 4)
    )


def _any_case(digits: str) -> str:
    return "".join(f"[{d}{d.upper()}]" if d.isalpha() else d for d in digits)
