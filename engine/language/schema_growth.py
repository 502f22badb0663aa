"""How often a schema is held against one value, and what grows without bound is refused.

A schema that names itself twice for the same place in a value (`anyOf` of two alternatives with the
same recursive `items`) is held against it twice as often with each level. So is one whose parts
lead to the next by two ways. What a value costs is counted here, without a value.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from engine.language.schema_references import (
    IN_PLACE,
    IN_PLACE_LISTS,
    Path,
    parts_of,
    pointed,
)
from engine.plan import Json

MAX_EXPANSION: Final = 5_000
"""Schemas that one value is held against, references followed."""
MAX_GROWTH: Final = 100
"""The same for one that lies levels below, counted from the schema's beginning."""
_MAX_HOPS: Final = 200
"""From one schema in place to the next."""
_MAX_WORK: Final = 200_000
_LEVELS: Final = 100
"""No value that Harmony reads is nested deeper."""

_ENDLESS = "applies itself to one value without end, or thousands of times"
_GROWS = (
    "is held against the same part of a value more often with each level, hundreds of times in "
    "the end: let one `items` or property lead on, not one for each alternative"
)

_Targets: TypeAlias = Counter[int]
_Label: TypeAlias = str | int


@dataclass(slots=True)
class _Leads:
    """Which schemas come next, by the id of the part, for a place within the value."""

    named: dict[_Label, _Targets] = field(default_factory=dict)
    """For this property, or this item."""
    fields: _Targets = field(default_factory=Counter)
    """For any other property."""
    items: _Targets = field(default_factory=Counter)
    """For any other item."""

    def at(self, label: _Label) -> _Targets:
        found = self.named.get(label)
        if found is not None:
            return found
        return self.items if isinstance(label, int) else self.fields

    def groups(self) -> Iterator[_Targets]:
        yield from (*self.named.values(), self.fields, self.items)


def most_at_once(schema: Json) -> int:
    """How many schemas of this checked one are held against one value at most."""
    if not isinstance(schema, dict):
        return 1
    growth = _Growth(schema)
    return max(growth.weight(part) for _, part in parts_of(schema))


def growth_fault(schema: dict[str, Json]) -> tuple[Path, str] | None:
    """The first part that one value would be held against too often; None where none is.

    Its references must lead to schemas within it.
    """
    growth = _Growth(schema)
    for path, part in parts_of(schema):
        if growth.weight(part) > MAX_EXPANSION:
            return path, _ENDLESS
    grows = growth.find()
    if grows is None:
        return None
    return next((path for path, part in parts_of(schema) if id(part) == grows), ()), _GROWS


class _Growth:
    def __init__(self, schema: dict[str, Json]) -> None:
        self._root = schema
        self._weights: dict[int, int] = {}
        self._active: set[int] = set()
        self._leads: dict[int, _Leads] = {}
        self._work = 0

    def weight(self, part: Json, hops: int = 0) -> int:
        """How many schemas are held against the very value that this one is; bounded."""
        if not isinstance(part, dict):
            return 1
        known = self._weights.get(id(part))
        if known is not None:
            return known
        if id(part) in self._active or hops > _MAX_HOPS:
            return MAX_EXPANSION + 1
        self._active.add(id(part))
        total = 1 + sum(self.weight(inner, hops + 1) for inner in self._in_place(part))
        self._active.discard(id(part))
        self._weights[id(part)] = min(total, MAX_EXPANSION + 1)
        return self._weights[id(part)]

    def find(self) -> int | None:
        """The id of a part that is held more than MAX_GROWTH times against one value some
        levels down, or that is too intricate to be counted."""
        groups: dict[int, list[_Targets]] = {}
        for _, part in parts_of(self._root):
            groups[id(part)] = [found for found in self._of(part).groups() if found]
            if self._work > _MAX_WORK:
                return id(part)
        counts = dict.fromkeys(groups, 1)
        for _ in range(_LEVELS):
            following = {
                part: max(
                    counts[part],
                    *(sum(counts[to] * often for to, often in each.items()) for each in found),
                )
                for part, found in groups.items()
                if found
            }
            for place, count in following.items():
                if count > MAX_GROWTH:
                    return place
            if all(counts[place] == count for place, count in following.items()):
                return None
            counts |= following
        return None

    def _of(self, part: dict[str, Json]) -> _Leads:
        """What comes after this part and all that is held in place with it."""
        known = self._leads.get(id(part))
        if known is None:
            each = [_own(part)]
            each += [self._of(inner) for inner in self._in_place(part) if isinstance(inner, dict)]
            known = each[0] if len(each) == 1 else self._merged(each)
            self._leads[id(part)] = known
        return known

    def _merged(self, each: list[_Leads]) -> _Leads:
        labels = {label for leads in each for label in leads.named}
        self._work += (len(labels) + 1) * len(each)
        if self._work > _MAX_WORK:
            return _Leads()
        return _Leads(
            {label: _sum(leads.at(label) for leads in each) for label in labels},
            _sum(leads.fields for leads in each),
            _sum(leads.items for leads in each),
        )

    def _in_place(self, part: dict[str, Json]) -> Iterator[Json]:
        """The schemas that are held against the same value as this one."""
        for word in IN_PLACE_LISTS:
            yield from part.get(word, ())
        for word in IN_PLACE:
            if word in part:
                yield part[word]
        yield from part.get("dependentSchemas", {}).values()
        for word in ("$ref", "$dynamicRef"):
            if word in part:
                yield pointed(self._root, part[word])


def _sum(each: Iterator[_Targets]) -> _Targets:
    total: _Targets = Counter()
    for targets in each:
        total.update(targets)
    return total


def _own(part: dict[str, Json]) -> _Leads:
    """What comes after this part alone."""
    patterns = _ids(*part.get("patternProperties", {}).values())
    contains = _ids(part.get("contains"))
    named: dict[_Label, _Targets] = {
        name: patterns + _ids(inner) for name, inner in part.get("properties", {}).items()
    }
    for place, inner in enumerate(part.get("prefixItems", ())):
        named[place] = contains + _ids(inner)
    others = _ids(part.get("additionalProperties"), part.get("unevaluatedProperties"))
    return _Leads(
        named,
        patterns + others,
        contains + _ids(part.get("items"), part.get("unevaluatedItems")),
    )


def _ids(*schemas: Json) -> _Targets:
    return Counter(id(schema) for schema in schemas if isinstance(schema, dict))
