"""The filters and tests: Jinja's own without `random`, and `slug`, over JSON data only.

Each takes the budget first, then the value. Lists come out where Jinja gives generators, fields
are read from data only, and everything that can grow is paid for before it is made.
"""

import math
from collections.abc import Mapping
from typing import Final

from engine.errors import ExpressionFailed
from engine.expressions import list_filters as lists
from engine.expressions import text_filters as texts
from engine.expressions.value_tests import VALUE_TESTS, Function
from engine.expressions.values import Budget, Missing, number
from engine.plan import Json

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
    if method not in ("common", "ceil", "floor") or not -20 <= precision <= 20:
        raise ExpressionFailed("the method is common, ceil or floor, the precision at most 20")
    if method == "common":
        return number(round(value, precision))
    factor = 10**precision
    return number(getattr(math, method)(value * factor) / factor)


def attribute(_: Budget, value: Json, name: Json) -> Json:
    """A field of the value, by its name."""
    return lists.attribute_of(value, name)


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


FILTERS: Final[dict[str, Function]] = {
    **lists.FILTERS,
    **texts.FILTERS,
    "abs": absolute,
    "attr": attribute,
    "d": default,
    "default": default,
    "float": floating,
    "int": integer,
    "map": mapped,
    "reject": _choosing(by_field=False, keep=False),
    "rejectattr": _choosing(by_field=True, keep=False),
    "round": rounded,
    "select": _choosing(by_field=False, keep=True),
    "selectattr": _choosing(by_field=True, keep=True),
}

TESTS: Final[dict[str, Function]] = {
    **VALUE_TESTS,
    "filter": lambda _, value: value in FILTERS,
    "test": lambda _, value: value in TESTS,
}
