"""Operators on JSON values, bounded before anything large is made."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.errors import ExpressionFailed
from engine.expressions.formatting import format_text
from engine.expressions.values import Budget, equal, is_number, kind, number
from engine.plan import Json

_LARGEST_POWER: Final = 64
_NUMERIC: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compute(name: str, left: Json, right: Json, budget: Budget) -> Json:
    """`left name right` for + - * / // % **; ExpressionFailed where the two do not go together."""
    if is_number(left) and is_number(right):
        return _numbers(name, left, right)
    if name == "+" and isinstance(left, str) and isinstance(right, str):
        budget.text(len(left) + len(right))
        return left + right
    if name == "+" and isinstance(left, list) and isinstance(right, list):
        budget.spend(len(left) + len(right))
        return left + right
    if name == "%" and isinstance(left, str):
        return format_text(budget, left, right if isinstance(right, list) else [right], {})
    if name == "*":
        return _repeat(left, right, budget)
    raise ExpressionFailed(f"'{name}' does not go with {kind(left)} and {kind(right)}")


def _numbers(name: str, left: Any, right: Any) -> Json:
    try:
        if name == "**":
            return number(_power(left, right))
        return number(_NUMERIC[name](left, right))
    except ZeroDivisionError:
        raise ExpressionFailed(f"'{name}' by zero") from None
    except OverflowError:
        raise ExpressionFailed(f"the result of '{name}' is too large") from None


def _power(base: Any, exponent: Any) -> Any:
    small = abs(base) <= 1 or abs(exponent) <= _LARGEST_POWER
    if isinstance(base, int) and isinstance(exponent, int) and not small:
        raise ExpressionFailed("the result of '**' is too large")
    result = base**exponent
    if isinstance(result, complex):
        raise ExpressionFailed("a broken power of a negative number has no real value")
    return result


def _repeat(left: Json, right: Json, budget: Budget) -> Json:
    thing, count = (right, left) if isinstance(left, int) else (left, right)
    if not isinstance(thing, str | list) or not isinstance(count, int):
        raise ExpressionFailed(f"'*' does not go with {kind(left)} and {kind(right)}")
    total = len(thing) * max(count, 0)
    if isinstance(thing, str):
        budget.text(total)
    else:
        budget.spend(1 + total)
    return thing * count


def compare(name: str, left: Json, right: Json, budget: Budget) -> bool:
    """`left name right` for == != < <= > >=; order is there for numbers and for text."""
    if name in ("==", "!="):
        return equal(left, right, budget) is (name == "==")
    both_text = isinstance(left, str) and isinstance(right, str)
    if not both_text and not (is_number(left) and is_number(right)):
        raise ExpressionFailed(f"{kind(left)} and {kind(right)} have no order ('{name}')")
    if both_text:
        budget.text(min(len(left), len(right)))
    return _ORDER[name](left, right)


def contains(of: Json, item: Json, budget: Budget) -> bool:
    """`item in of`: a text in a text, an item in a list, a key in an object."""
    if isinstance(of, str) and isinstance(item, str):
        budget.text(len(of) + len(item))
        return item in of
    if isinstance(of, list):
        budget.spend(1 + len(of))
        return any(equal(item, other, budget) for other in of)
    if isinstance(of, Mapping):
        return isinstance(item, str) and item in of
    raise ExpressionFailed(f"'in' does not go with {kind(item)} and {kind(of)}")
