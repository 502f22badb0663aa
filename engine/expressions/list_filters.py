"""Filters over lists and objects."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from engine.errors import ExpressionFailed
from engine.expressions.values import Budget, Group, Missing, field, kind, number, text, weigh
from engine.plan import Json


def items_of(budget: Budget, value: Json) -> list[Json]:
    """The items of a list, the keys of an object, the characters of a text."""
    if not isinstance(value, list | str | Mapping):
        raise ExpressionFailed(f"{kind(value)} has no items")
    budget.spend(1 + len(value))
    return value if isinstance(value, list) else list(value)


def attribute_of(item: Json, path: Json) -> Json:
    """The field at a dotted path (`address.city`, `tags.0`), or Missing."""
    if isinstance(path, str):
        for part in path.split("."):
            item = field(item, int(part) if part.isdecimal() and part.isascii() else part)
        return item
    return item if path is None else field(item, path)


def need(value: Json, fallback: Json = None) -> Json:
    """The value; where it is Missing, the fallback if there is one."""
    if type(value) is not Missing:
        return value
    if fallback is None:
        raise ExpressionFailed(value.sentence())
    return fallback


def _sort_key(budget: Budget, item: Json, *, case_sensitive: bool) -> Any:
    if isinstance(item, str):
        budget.text(len(item))
        return item if case_sensitive else item.lower()
    if isinstance(item, int | float):
        return item
    if isinstance(item, list):
        return [_sort_key(budget, part, case_sensitive=case_sensitive) for part in item]
    raise ExpressionFailed(f"{kind(item)} has no order")


def _field_key(budget: Budget, item: Json, attribute: Json, *, case_sensitive: bool) -> Any:
    paths = attribute.split(",") if isinstance(attribute, str) else [attribute]
    return [
        _sort_key(budget, need(attribute_of(item, path)), case_sensitive=case_sensitive)
        for path in paths
    ]


def sort(
    budget: Budget,
    value: Json,
    reverse: Json = False,
    case_sensitive: Json = False,
    attribute: Json = None,
) -> list[Json]:
    """In order, by a field or several (`'age,name'`); letters' case counts only if asked."""
    items = items_of(budget, value)
    budget.spend(len(items) * len(items).bit_length() // 8)
    return sorted(
        items,
        reverse=bool(reverse),
        key=lambda item: _field_key(budget, item, attribute, case_sensitive=bool(case_sensitive)),
    )


def dictsort(
    budget: Budget,
    value: Json,
    case_sensitive: Json = False,
    by: str = "key",
    reverse: Json = False,
) -> list[Json]:
    """The pairs of an object, in the order of the keys or (`by='value'`) of the values."""
    if by not in ("key", "value"):
        raise ExpressionFailed("by is 'key' or 'value'")
    return sort(budget, pairs(budget, value), reverse, case_sensitive, int(by == "value"))


def pairs(budget: Budget, value: Json) -> list[Json]:
    """The `[key, value]` pairs of an object."""
    if not isinstance(value, Mapping):
        raise ExpressionFailed(f"{kind(value)} has no keys")
    budget.spend(1 + 2 * len(value))
    return [[key, item] for key, item in value.items()]


def unique(
    budget: Budget, value: Json, case_sensitive: Json = False, attribute: Json = None
) -> list[Json]:
    """Each item once, the first of its kind, in the order given."""
    seen: set[Any] = set()
    chosen = []
    for item in items_of(budget, value):
        key = need(attribute_of(item, attribute))
        if isinstance(key, str):
            budget.text(len(key))
            key = key if case_sensitive else key.lower()
        elif isinstance(key, list | Mapping):
            key = ("json", text(key, budget))
        if key not in seen:
            seen.add(key)
            chosen.append(item)
    return chosen


def groupby(
    budget: Budget, value: Json, attribute: Json, default: Json = None, case_sensitive: Json = False
) -> list[Json]:
    """`[grouper, list]` for each value of a field, in the order of these values."""
    groups: dict[Any, Group] = {}
    for item in items_of(budget, value):
        grouper = need(attribute_of(item, attribute), default)
        budget.spend(2)
        key = _sort_key(budget, grouper, case_sensitive=bool(case_sensitive))
        if isinstance(key, list):
            raise ExpressionFailed("items are not grouped by a list")
        groups.setdefault(key, Group([grouper, []]))[1].append(item)
    return [groups[key] for key in sorted(groups)]


def _extreme(
    choose: Callable[..., Json], budget: Budget, value: Json, case_sensitive: Json, attribute: Json
) -> Json:
    items = items_of(budget, value)
    if not items:
        return Missing("", "an empty list has no smallest and no largest item", None)
    return choose(
        items,
        key=lambda item: _field_key(budget, item, attribute, case_sensitive=bool(case_sensitive)),
    )


def smallest(
    budget: Budget, value: Json, case_sensitive: Json = False, attribute: Json = None
) -> Json:
    """The smallest item, or the item with the smallest field."""
    return _extreme(min, budget, value, case_sensitive, attribute)


def largest(
    budget: Budget, value: Json, case_sensitive: Json = False, attribute: Json = None
) -> Json:
    """The largest item, or the item with the largest field."""
    return _extreme(max, budget, value, case_sensitive, attribute)


def total(budget: Budget, value: Json, attribute: Json = None, start: Json = 0) -> Json:
    """The sum of numbers (or of lists, with `start=[]`), or of a field."""
    items = [need(attribute_of(item, attribute)) for item in items_of(budget, value)]
    if isinstance(start, list):
        made = list(start)
        for item in items:
            made += items_of(budget, item)
        return made
    wrong = [item for item in [start, *items] if not isinstance(item, int | float)]
    if wrong:
        raise ExpressionFailed(f"{kind(wrong[0])} cannot be added up")
    return number(sum(items, start))


def first(budget: Budget, value: Json) -> Json:
    """The first item; an empty list has none."""
    items = _sized(value)
    budget.spend(1)
    for item in items:
        return item
    return Missing("", f"{kind(value)} without items has no first one", None)


def last(budget: Budget, value: Json) -> Json:
    """The last item; an empty list has none."""
    items = items_of(budget, value) if isinstance(value, Mapping) else _sized(value)
    return items[-1] if items else Missing("", f"{kind(value)} without items has no last one", None)


def length(_: Budget, value: Json) -> int:
    """How many items, keys or characters."""
    return len(_sized(value))


def _sized(value: Json) -> Any:
    if not isinstance(value, list | str | Mapping):
        raise ExpressionFailed(f"{kind(value)} has no length and no items")
    return value


def reverse(budget: Budget, value: Json) -> Json:
    """The items, or the characters of a text, from the last to the first."""
    if isinstance(value, str):
        budget.text(len(value))
        return value[::-1]
    return items_of(budget, value)[::-1]


def batch(budget: Budget, value: Json, linecount: int, fill_with: Json = None) -> list[Json]:
    """Lists of so many items each, the last one filled up where `fill_with` is given."""
    if linecount < 1:
        raise ExpressionFailed("a batch has at least one item")
    items = items_of(budget, value)
    made = [items[place : place + linecount] for place in range(0, len(items), linecount)]
    if made and fill_with is not None:
        budget.spend(linecount)
        made[-1] = made[-1] + [fill_with] * (linecount - len(made[-1]))
    return made


def slices(budget: Budget, value: Json, slices: int, fill_with: Json = None) -> list[Json]:
    """So many lists of about the same length."""
    if slices < 1:
        raise ExpressionFailed("there is at least one slice")
    items = items_of(budget, value)
    budget.spend(slices)
    size, longer = divmod(len(items), slices)
    made = []
    for place in range(slices):
        start = place * size + min(place, longer)
        part = items[start : start + size + (place < longer)]
        made.append([*part, fill_with] if fill_with is not None and place >= longer else part)
    return made


def as_list(budget: Budget, value: Json) -> list[Json]:
    """A list of the items, keys or characters."""
    return list(items_of(budget, value))


def as_json(budget: Budget, value: Json, indent: int | None = None) -> str:
    """The value as JSON with sorted keys, on one line or indented."""
    weigh(value, budget)
    made = msgspec.json.encode(value, order="sorted")
    if indent is None:
        return made.decode()
    if not 0 <= indent <= 16:
        raise ExpressionFailed("the indent is at most 16")
    budget.spend(len(made) * (1 + indent) // 4)
    return msgspec.json.format(made, indent=indent).decode()


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "batch": batch,
    "count": length,
    "dictsort": dictsort,
    "first": first,
    "groupby": groupby,
    "items": pairs,
    "last": last,
    "length": length,
    "list": as_list,
    "max": largest,
    "min": smallest,
    "reverse": reverse,
    "slice": slices,
    "sort": sort,
    "sum": total,
    "tojson": as_json,
    "unique": unique,
}
