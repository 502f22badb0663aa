"""The tests (`x is f`): Jinja's own, over JSON data only; each takes the budget first."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.errors import ExpressionFailed
from engine.expressions.arithmetic import compare, contains
from engine.expressions.text_filters import plain_text
from engine.expressions.values import Budget, Missing, kind
from engine.plan import Json

Function = Callable[..., Any]


def _same(_: Budget, value: Json, other: Json) -> bool:
    return type(value) is type(other) and bool(value == other)


def _ordered(name: str) -> Function:
    return lambda budget, value, other: compare(name, value, other, budget)


def _is(*types: type) -> Function:
    return lambda _, value: isinstance(value, types)


def _whole(_: Budget, value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _divisible(_: Budget, value: Json, by: Json) -> bool:
    return bool(_countable(value) % _countable(by) == 0)


def _countable(value: Json) -> Json:
    """The value, if it is a number: `%` would mean formatting for a text."""
    if not isinstance(value, int | float):
        raise ExpressionFailed(f"needs a number, not {kind(value)}")
    return value


VALUE_TESTS: Final[dict[str, Function]] = {
    "boolean": _is(bool),
    "callable": lambda *_: False,
    "divisibleby": _divisible,
    "defined": lambda _, value: type(value) is not Missing,
    "undefined": lambda _, value: type(value) is Missing,
    "escaped": lambda *_: False,
    "even": lambda _, value: _countable(value) % 2 == 0,
    "odd": lambda _, value: _countable(value) % 2 == 1,
    "false": lambda _, value: value is False,
    "true": lambda _, value: value is True,
    "none": lambda _, value: value is None,
    "float": _is(float),
    "integer": _whole,
    "number": _is(int, float),
    "string": _is(str),
    "mapping": _is(Mapping),
    "sequence": _is(str, list, Mapping),
    "iterable": _is(str, list, Mapping),
    "lower": lambda budget, value: plain_text(budget, value).islower(),
    "upper": lambda budget, value: plain_text(budget, value).isupper(),
    "sameas": _same,
    "in": lambda budget, value, of: contains(of, value, budget),
    "==": _ordered("=="),
    "eq": _ordered("=="),
    "equalto": _ordered("=="),
    "!=": _ordered("!="),
    "ne": _ordered("!="),
    "<": _ordered("<"),
    "lt": _ordered("<"),
    "lessthan": _ordered("<"),
    "<=": _ordered("<="),
    "le": _ordered("<="),
    ">": _ordered(">"),
    "gt": _ordered(">"),
    "greaterthan": _ordered(">"),
    ">=": _ordered(">="),
    "ge": _ordered(">="),
}
