"""Typed reading of a document: each method gives a value of its type, or a fault and a stand-in."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar

from engine import durations
from engine.faults import Fault
from engine.language.document import Document, Path
from engine.plan import Json
from engine.suggestions import suggest

MAX_FAULTS = 500
"""Of one document; with more than that it is something else, and reading stops to collect."""

SEMVER = re.compile(
    r"(?:0|[1-9][0-9]{0,8})(?:\.(?:0|[1-9][0-9]{0,8})){2}"
    r"(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
DOTTED_ID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)*")
STEP_ID = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
MAX_ID = 100
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

MAX_COMPARISONS = 20_000
"""Names that are compared for the hints of one document."""

_Form = re.Pattern[str]
_Word = TypeVar("_Word", bound=str)


def name_of_type(value: Json) -> str:
    """The type of a value in an author's words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a mapping"


def meant(name: str, choices: Iterable[str]) -> str | None:
    """A hint with the nearest of the known names, if one is near."""
    near = suggest(name, choices)
    return f"Did you mean '{near}'?" if near is not None else None


def fits(text: str, form: _Form) -> bool:
    """Whether `text` is an id of this form: at most 100 ASCII letters, nothing behind them."""
    return len(text) <= MAX_ID and form.fullmatch(text) is not None


class Reading:
    """One document being read; collects its faults."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.faults: list[Fault] = list(document.faults)
        self._no_numbers = {each.path for each in document.faults if each.code == "YAML_NUMBER"}
        """Where something else stands for what was written, so that no more can be said of it."""
        self._effort = MAX_COMPARISONS

    def fault(
        self, code: str, message: str, path: Path, *, key: bool = False, hint: str | None = None
    ) -> None:
        """Add a fault at the value at `path`, or at its key."""
        if len(self.faults) < MAX_FAULTS:
            fault = self.document.fault(code, message, path, key=key, hint=hint)
            if fault.path not in self._no_numbers:
                self.faults.append(fault)

    def meant(self, name: str, choices: Collection[str]) -> str | None:
        """A hint with the nearest of the known names, if one is near. A document with very many
        faults gets hints for the first of them."""
        self._effort -= len(choices)
        return meant(name, choices) if self._effort > 0 else None

    def wrong_type(self, value: Json, path: Path, wanted: str, hint: str | None = None) -> None:
        """Add the fault that `value` is not what its key asks for."""
        name = f"'{path[-1]}'" if path and isinstance(path[-1], str) else "it"
        message = f"{name} is {wanted}, not {name_of_type(value)}"
        self.fault("WRONG_TYPE", message, path, hint=hint)

    def keys(
        self, value: Mapping[str, Json], path: Path, known: Iterable[str], required: Iterable[str]
    ) -> None:
        """Report the keys of a mapping that are unknown, and those that are missing."""
        names = list(known)
        for key in value:
            if key not in names:
                hint = self.meant(key, names) or f"Keys here: {', '.join(names)}."
                self.fault(
                    "UNKNOWN_KEY", f"unknown key '{key[:60]}'", (*path, key), key=True, hint=hint
                )
        for key in required:
            if key not in value:
                self.fault("MISSING_KEY", f"'{key}' is missing", path)

    def mapping(self, value: Json, path: Path) -> dict[str, Json] | None:
        """`value` where it is a mapping."""
        if isinstance(value, dict):
            return value
        self.wrong_type(value, path, "a mapping")
        return None

    def items(self, value: Json, path: Path) -> list[Json]:
        """`value` where it is a list, else none."""
        if isinstance(value, list):
            return value
        hint = f"Write it as [{_shown(value)}]." if isinstance(value, str) else None
        self.wrong_type(value, path, "a list", hint)
        return []

    def text(self, parent: Mapping[str, Json], key: str, path: Path, *, line: bool = False) -> str:
        """The text under `key`, not empty; `line`: on one line. "" where there is none."""
        value = parent.get(key)
        if key not in parent:
            return ""
        where = (*path, key)
        if not isinstance(value, str):
            self.wrong_type(value, where, "text", _quotes(value))
            return ""
        if not value.strip():
            self.fault("WRONG_VALUE", f"'{key}' is empty", where)
        elif line:
            self._is_line(value.strip(), f"'{key}'", where)
        return value.strip() if line else value

    def _is_line(self, text: str, name: str, path: Path) -> bool:
        odd = _CONTROL.search(text)
        if odd is None:
            return True
        what = "is one line" if "\n" in text else f"holds the control character {_shown(odd[0])}"
        self.fault("WRONG_VALUE", f"{name} {what}", path)
        return False

    def literal(self, parent: Mapping[str, Json], key: str, path: Path) -> str:
        """One line that is taken as it stands, so that a template in it is a fault."""
        text = self.text(parent, key, path, line=True)
        return text if self._without_template(text, f"'{key}'", (*path, key)) else ""

    def _without_template(self, text: str, name: str, path: Path) -> bool:
        if "{{" not in text and "{%" not in text:
            return True
        message = f"{name} is taken as it stands; a template in it is never evaluated"
        self.fault("WRONG_VALUE", message, path, hint="Write the text out.")
        return False

    def identifier(self, value: Json, path: Path, form: _Form, example: str) -> str:
        """An id of this form; "" where it is none."""
        if not isinstance(value, str):
            self.wrong_type(value, path, "text", _quotes(value))
            return ""
        if fits(value, form):
            return value
        what = "is longer than 100 letters" if len(value) > MAX_ID else "is not an id"
        self.fault("ID", f"'{_shown(value)}' {what}", path, hint=f"Write it like {example}.")
        return ""

    def once_each(self, items: Iterable[Json], path: Path) -> None:
        """Report the texts that a list holds for the second time."""
        seen = set()
        for index, item in enumerate(items):
            if isinstance(item, str):
                if item in seen:
                    self.fault("WRONG_VALUE", f"'{_shown(item)}' is listed twice", (*path, index))
                seen.add(item)

    def texts(
        self,
        value: Json,
        path: Path,
        *,
        least: int = 0,
        literal: bool = False,
        repeated: bool = False,
    ) -> tuple[str, ...]:
        """A list of lines; "" for an entry that is none, so that each keeps its place. `literal`:
        taken as they stand; `repeated`: any texts, and one may stand there twice."""
        if isinstance(value, list) and not repeated:
            self.once_each(value, path)
        found = []
        for index, item in enumerate(self.items(value, path)):
            where, good = (*path, index), False
            if not isinstance(item, str):
                self.wrong_type(item, where, "text", _quotes(item))
            elif not item.strip():
                self.fault("WRONG_VALUE", "an entry is empty", where)
            else:
                good = (repeated or self._is_line(item, "an entry", where)) and (
                    not literal or self._without_template(item, "an entry", where)
                )
            found.append(item if good else "")
        if isinstance(value, list) and len(value) < least:
            name = f"'{path[-1]}'" if isinstance(path[-1], str) else "it"
            self.fault("WRONG_VALUE", f"{name} has at least {least} entry", path)
        return tuple(found)

    def choice(self, value: Json, path: Path, choices: Iterable[_Word]) -> _Word | None:
        """One of the words allowed here."""
        names = list(choices)
        if isinstance(value, str) and value in names:
            return next(name for name in names if name == value)
        if not isinstance(value, str):
            self.wrong_type(value, path, "text", _quotes(value))
            return None
        hint = self.meant(value, names) or f"One of {', '.join(names)}."
        self.fault("WRONG_VALUE", f"'{_shown(value)}' is not allowed here", path, hint=hint)
        return None

    def flag(self, parent: Mapping[str, Json], key: str, path: Path) -> bool:
        """A boolean; false where there is none."""
        value = parent.get(key, False)
        if isinstance(value, bool):
            return value
        hint = "Write true or false." if value in ("yes", "no", "on", "off") else None
        self.wrong_type(value, (*path, key), "true or false", hint)
        return False

    def number(
        self, value: Json, path: Path, least: float, most: float, *, whole: bool
    ) -> int | float | None:
        """A number within bounds."""
        allowed: Any = int if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, allowed):
            wanted = "a whole number" if whole else "a number"
            if type(value) is float:
                self.fault("WRONG_VALUE", f"'{path[-1]}' is {wanted}, not {value:g}", path)
            else:
                self.wrong_type(value, path, wanted)
            return None
        if not least <= value <= most:
            message = f"'{path[-1]}' is from {least:g} to {most:g}, not {value:g}"
            self.fault("WRONG_VALUE", message, path)
            return None
        return int(value) if whole else float(value)

    def duration(self, value: Json, path: Path, *, zero: bool = False) -> int | None:
        """Milliseconds; more than zero, unless `zero` is allowed."""
        if not isinstance(value, str):
            self.wrong_type(value, path, "a duration", "Write it like 90s, 15m, 1h30m or 2d.")
            return None
        try:
            found = durations.parse(value)
        except ValueError as error:
            self.fault("DURATION", str(error), path)
            return None
        if found == 0 and not zero:
            self.fault("DURATION", f"'{path[-1]}' is longer than zero", path)
            return None
        return found

    def version(self, parent: Mapping[str, Json], key: str, path: Path) -> str:
        """A semantic version; "0.0.0" where there is none."""
        value = parent.get(key)
        if isinstance(value, str) and len(value) <= MAX_ID and SEMVER.fullmatch(value):
            return value
        if key in parent:
            shown = f"'{_shown(value)}'" if isinstance(value, str) else name_of_type(value)
            hint = "Write it like 1.0.0; in quotes where YAML would read a number."
            self.fault("VERSION", f"{shown} is not a semantic version", (*path, key), hint=hint)
        return "0.0.0"


def _quotes(value: Json) -> str | None:
    """The hint for a value that YAML read as something else than text."""
    if value is None or isinstance(value, dict | list):
        return None
    return "Write it in quotes."


def _shown(text: str) -> str:
    """Text from a file, short and on one line."""
    return text[:60].encode("unicode_escape").decode() + ("…" if len(text) > 60 else "")
