"""printf-style formatting (`'%05.1f' % x`, the filter `format`), bounded before it is done."""

import re
from collections.abc import Mapping
from typing import Final

from engine.errors import ExpressionFailed
from engine.expressions.values import Budget, kind, text
from engine.plan import Json

_PART: Final = re.compile(
    r"%(?:\((?P<key>[^()]*)\))?(?P<flags>[-+ #0]*)(?P<width>\d*)(?:\.(?P<precision>\d*))?"
    r"(?P<type>[diouxXeEfFgGcrsa%])|%"
)
_DIGITS: Final = 3


def format_text(
    budget: Budget, template: str, values: list[Json], named: Mapping[str, Json]
) -> str:
    """The template with its `%` parts filled in from `values` in order, or from names."""
    budget.text(len(template))
    words: list[str] = []
    place = used = 0
    for match in _PART.finditer(template):
        words.append(template[place : match.start()])
        place = match.end()
        if match["type"] is None:
            raise ExpressionFailed("a '%' in the format has no type; write '%%' for one")
        if match["type"] == "%":
            words.append("%")
            continue
        if match["key"] is not None:
            source = named if named or not values else values[0]
            value = _named(source, match["key"])
        else:
            if used >= len(values):
                raise ExpressionFailed("the format has more places than there are values")
            value = values[used]
            used += 1
        words.append(_one(budget, match, value))
    if used < len(values) and not any(match["key"] for match in _PART.finditer(template)):
        raise ExpressionFailed("the format has fewer places than there are values")
    words.append(template[place:])
    budget.text(sum(map(len, words)))
    return "".join(words)


def _named(source: Json, key: str) -> Json:
    if not isinstance(source, Mapping) or key not in source:
        raise ExpressionFailed(f"the format names '{key}', which is not given")
    return source[key]


def _one(budget: Budget, match: re.Match[str], value: Json) -> str:
    if max(len(match["width"]), len(match["precision"] or "")) > _DIGITS:
        raise ExpressionFailed("the format asks for 1,000 characters or more")
    budget.text(int(match["width"] or 0) + int(match["precision"] or 0))
    form = f"%{match['flags']}{match['width']}"
    if match["precision"] is not None:
        form += f".{match['precision']}"
    if match["type"] in "rsa":
        return (form + "s") % text(value, budget)
    if not isinstance(value, int | float):
        raise ExpressionFailed(
            f"the format needs a number for '{match.group()}', not {kind(value)}"
        )
    made = (form + match["type"]) % value
    if match["type"] == "c" and 0xD800 <= value < 0xE000:
        raise ExpressionFailed("half a surrogate pair is no text")
    return made
