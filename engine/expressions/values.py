"""What expressions do with JSON values: read fields, write text, compare, count their work."""

from collections.abc import Mapping
from typing import Final

import msgspec

from engine.errors import ExpressionFailed
from engine.expressions.tree import Key
from engine.plan import Json
from engine.suggestions import did_you_mean

MAX_WORK: Final = 500_000
"""Units of work for one evaluation: one for each operation, each item made, each 16 characters."""

MAX_NESTING: Final = 200
"""Lists and objects within each other, where all of a value is walked."""

_SHOWN: Final = 60


class Budget:
    """How much work is left. Counted, never timed: a replay counts the same."""

    __slots__ = ("left",)

    def __init__(self, units: int = MAX_WORK) -> None:
        self.left = units

    def spend(self, units: int) -> None:
        """Take units before the work is done; ExpressionFailed where too few are left."""
        self.left -= units
        if self.left < 0:
            raise ExpressionFailed("it does too much: its loops, lists or texts are too large")

    def text(self, length: int) -> None:
        """Pay for a text of this length before it is made or read."""
        self.spend(1 + length // 16)


class Group(list[Json]):
    """What `groupby` gives for each group: `[grouper, list]`, read by these names too."""

    __slots__ = ()


class Missing:
    """The absence of a value, and what to say where a value was needed."""

    __slots__ = ("key", "of", "where")

    def __init__(self, where: str, key: object, of: Json) -> None:
        self.where = where
        self.key = key
        self.of = of

    def sentence(self) -> str:
        """What is missing, in one sentence, with the nearest name there is."""
        if isinstance(self.of, Missing):
            return self.of.sentence()
        if not self.where:
            return str(self.key)
        if isinstance(self.key, int):
            return f"{self.where} has no item {self.key}"
        if not isinstance(self.of, Mapping):
            return f"{self.where} is {kind(self.of)} and has no field '{self.key}'"
        if self.where == "names":
            return f"'{self.key}' is not known here{did_you_mean(str(self.key), self.of)}"
        near = did_you_mean(str(self.key), (name for name in self.of if isinstance(name, str)))
        return f"{self.where} has no '{shown(str(self.key))}' here{near}"


def field(of: Json, key: object, where: str = "the value") -> Json:
    """A field of an object or an item of a list or text; Missing where there is none.

    Only data is ever read: no attribute of a Python object can be reached.
    """
    if isinstance(key, str) and isinstance(of, Mapping):
        if key in of:
            return of[key]
    elif isinstance(of, list | str) and isinstance(key, int) and not isinstance(key, bool):
        return of[key] if -len(of) <= key < len(of) else Missing(where, key, of)
    elif isinstance(of, Group) and key in ("grouper", "list"):
        return of[key == "list"]
    return Missing(where, key, of)


def read(names: Mapping[str, Json], root: str, keys: tuple[Key, ...]) -> Json:
    """The value at a path, or Missing."""
    if root not in names:
        return Missing("names", root, names)
    value = names[root]
    for place, key in enumerate(keys):
        found = field(value, key)
        if type(found) is Missing:
            return Missing(path_text((root, *keys[:place])), key, value)
        value = found
    return value


def path_text(path: tuple[Key, ...]) -> str:
    """A path as an author writes it: `steps['look-again'].output[0]`."""
    words = [str(path[0])]
    for key in path[1:]:
        if isinstance(key, str):
            words.append(f".{key}" if key.isidentifier() else f"['{key}']")
        else:
            words.append(f"[{key}]")
    return "".join(words)


def plain(value: Json) -> Json:
    """The value as plain JSON: lazily built mappings become dicts."""
    if isinstance(value, Mapping) and type(value) is not dict:
        return {key: plain(item) for key, item in value.items()}
    return value


def text(value: Json, budget: Budget) -> str:
    """How a value stands in a text: text as it is, all else as JSON with sorted keys."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return "null" if value is None else "true" if value else "false"
    weigh(value, budget)
    return msgspec.json.encode(value, order="sorted").decode()


def weigh(value: Json, budget: Budget, depth: int = 0) -> None:
    """Pay for a walk over all of a value."""
    if isinstance(value, str):
        budget.text(len(value))
    elif isinstance(value, list | dict):
        _deeper(depth)
        budget.spend(1 + len(value))
        if isinstance(value, dict):
            budget.text(sum(map(len, value)))
        for item in value.values() if isinstance(value, dict) else value:
            weigh(item, budget, depth + 1)


def equal(one: Json, other: Json, budget: Budget, depth: int = 0) -> bool:
    """Whether two values are the same, as Python's `==` sees JSON, paid for as it goes."""
    if isinstance(one, str) and isinstance(other, str):
        budget.text(min(len(one), len(other)))
        return one == other
    both_lists = isinstance(one, list) and isinstance(other, list)
    if not both_lists and not (isinstance(one, dict) and isinstance(other, dict)):
        return bool(one == other)
    _deeper(depth)
    budget.spend(1 + len(one))
    if len(one) != len(other) or not (both_lists or one.keys() == other.keys()):
        return False
    for key in range(len(one)) if both_lists else one:
        if not equal(one[key], other[key], budget, depth + 1):
            return False
    return True


def _deeper(depth: int) -> None:
    if depth >= MAX_NESTING:
        raise ExpressionFailed(f"its data is nested deeper than {MAX_NESTING}")


def number(value: Json) -> Json:
    """A number that JSON and every reader of it can hold; ExpressionFailed for others."""
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise ExpressionFailed("the result is not a finite number")
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise ExpressionFailed("the result is a whole number of more than 64 bits")
    else:
        raise ExpressionFailed("the result is not a number")
    return value


def is_number(value: Json) -> bool:
    """Whether a value counts: Python's view, in which true is 1."""
    return isinstance(value, int | float)


def kind(value: Json) -> str:
    """What a value is, in words: `text`, `a list`, `null`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "an object" if isinstance(value, Mapping) else "a list"


def shown(value: str) -> str:
    """A text, cut to what a sentence can hold."""
    return value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…"
