"""The filters and tests: Jinja's own without `random`, and `slug`, over JSON data only.

Each takes the budget first, then the value. Lists come out where Jinja gives generators, fields
are read from data only, and everything that can grow is paid for before it is made.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.errors import ExpressionFailed
from engine.expressions import list_filters as lists
from engine.expressions import text_filters as texts
from engine.expressions.arithmetic import compare, contains
from engine.expressions.values import Budget, Missing, equal, kind, number
from engine.plan import Json

Function = Callable[..., Any]

TAKES_MISSING: Final = frozenset({"default", "d", "defined", "undefined"})
"""These are given Missing where the others would fail."""


def default(_: Budget, value: Json, default_value: Json = "", boolean: Json = False) -> Json:
    """The default where the value is not there, or, with `boolean`, where it is empty."""
    absent = type(value) is Missing or (boolean and not value)
    return default_value if absent else value


def absolute(_: Budget, value: Json) -> Json:
    """The number without its sign."""
    return number(abs(value))


def integer(_: Budget, value: Json, default: Json = 0, base: int = 10) -> Json:
    """A whole number, or the default where the value is none."""
    try:
        made = int(value, base) if isinstance(value, str) and base != 10 else int(value)
    except (TypeError, ValueError, OverflowError):
        try:
            made = int(float(value))
        except (TypeError, ValueError, OverflowError):
            return default
    return number(made)


def floating(_: Budget, value: Json, default: Json = 0.0) -> Json:
    """A number with a fraction, or the default where the value is none or not finite."""
    try:
        made = float(value)
    except (TypeError, ValueError, OverflowError):
        return default
    return made if abs(made) < float("inf") else default


def rounded(_: Budget, value: Json, precision: int = 0, method: str = "common") -> Json:
    """The number rounded to a precision: `common`, `ceil` or `floor`."""
    import math

    if method not in ("common", "ceil", "floor") or not -20 <= precision <= 20:
        raise ExpressionFailed("the method is common, ceil or floor, the precision at most 20")
    if method == "common":
        return number(round(value, precision))
    factor = 10**precision
    return number(getattr(math, method)(value * factor) / factor)


def attribute(_: Budget, value: Json, name: Json) -> Json:
    """A field of the value, by its name."""
    return lists.attribute_of(value, name)


FILTERS: Final[dict[str, Function]] = {
    "abs": absolute,
    "attr": attribute,
    "d": default,
    "default": default,
    "float": floating,
    "int": integer,
    "round": rounded,
    **lists.FILTERS,
    **texts.FILTERS,
}


def _same(_: Budget, value: Json, other: Json) -> bool:
    return type(value) is type(other) and bool(value == other)


def _ordered(name: str) -> Function:
    return lambda budget, value, other: compare(name, value, other, budget)


def _is(*types: type) -> Function:
    return lambda _, value: isinstance(value, types)


def _whole(_: Budget, value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _divisible(_: Budget, value: Json, by: Json) -> bool:
    if not isinstance(value, int | float) or not isinstance(by, int | float):
        raise ExpressionFailed(f"{kind(value)} is not divided by {kind(by)}")
    return bool(value % by == 0)


TESTS: Final[dict[str, Function]] = {
    "boolean": _is(bool),
    "callable": lambda *_: False,
    "divisibleby": _divisible,
    "defined": lambda _, value: type(value) is not Missing,
    "undefined": lambda _, value: type(value) is Missing,
    "escaped": lambda *_: False,
    "even": lambda _, value: value % 2 == 0,
    "odd": lambda _, value: value % 2 == 1,
    "false": lambda _, value: value is False,
    "true": lambda _, value: value is True,
    "none": lambda _, value: value is None,
    "filter": lambda _, value: value in FILTERS,
    "test": lambda _, value: value in TESTS,
    "float": _is(float),
    "integer": _whole,
    "number": _is(int, float),
    "string": _is(str),
    "mapping": _is(Mapping),
    "sequence": _is(str, list, Mapping),
    "iterable": _is(str, list, Mapping),
    "lower": lambda budget, value: texts.plain_text(budget, value).islower(),
    "upper": lambda budget, value: texts.plain_text(budget, value).isupper(),
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


def _by_name(table: Mapping[str, Function], what: str, name: Json) -> Function:
    function = table.get(name) if isinstance(name, str) else None
    if function is None:
        raise ExpressionFailed(f"there is no {what} '{name}'")
    return function


def mapped(budget: Budget, value: Json, *arguments: Json, **named: Json) -> list[Json]:
    """A filter applied to each item, or with `attribute` a field of each (`default` for none)."""
    items = lists.items_of(budget, value)
    if not arguments and "attribute" in named:
        path = named.pop("attribute")
        fallback = named.pop("default", None)
        if named:
            raise ExpressionFailed(f"unexpected argument '{next(iter(named))}'")
        return [lists.need(lists.attribute_of(item, path), fallback) for item in items]
    if not arguments:
        raise ExpressionFailed("needs the name of a filter, or attribute=…")
    function = _by_name(FILTERS, "filter", arguments[0])
    return [lists.need(function(budget, item, *arguments[1:], **named)) for item in items]


def _chosen(
    budget: Budget, value: Json, arguments: tuple[Json, ...], *, by_field: bool, keep: bool
) -> list[Json]:
    rest = arguments[1:] if by_field else arguments
    if by_field and not arguments:
        raise ExpressionFailed("needs the name of a field")
    test = _by_name(TESTS, "test", rest[0]) if rest else None
    takes_missing = bool(rest) and rest[0] in TAKES_MISSING
    chosen = []
    for item in lists.items_of(budget, value):
        subject = lists.attribute_of(item, arguments[0]) if by_field else item
        if not takes_missing:
            subject = lists.need(subject)
        holds = test(budget, subject, *rest[1:]) if test else bool(subject)
        if holds is keep:
            chosen.append(item)
    return chosen


def _choosing(*, by_field: bool, keep: bool) -> Function:
    return lambda budget, value, *arguments: _chosen(
        budget, value, arguments, by_field=by_field, keep=keep
    )


FILTERS |= {
    "map": mapped,
    "select": _choosing(by_field=False, keep=True),
    "reject": _choosing(by_field=False, keep=False),
    "selectattr": _choosing(by_field=True, keep=True),
    "rejectattr": _choosing(by_field=True, keep=False),
}
