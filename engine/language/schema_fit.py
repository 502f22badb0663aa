"""Whether what one side gives can be what the other side takes."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from engine.language.json_schema import violations
from engine.language.schema_fields import Schema, expanded, field, types
from engine.language.schema_references import resolve
from engine.plan import Json
from engine.suggestions import did_you_mean

Place: TypeAlias = tuple[str | int, ...]

_WORDS: Final = {
    "null": "null",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "an object",
}
_ORDER: Final = tuple(_WORDS)
_DEEPEST: Final = 8
_EACH: Final = "*"


def mismatch(producer: Schema | None, consumer: Json) -> str | None:
    """A sentence where what the producer gives may be of a type that the consumer refuses, or can
    never be what it takes; None where it fits as far as the schemas tell.

    A field that may be missing, a number that may not be whole and limits of size are left to the
    check of the value itself.
    """
    if producer is None:
        return None
    found = next(_faults(expanded(producer, producer), expanded(consumer, consumer), (), 0), None)
    if found is None:
        return None
    place, sentence = found
    return f"{_where(place)} {sentence}" if place else sentence


def in_words(kinds: Iterable[str]) -> str:
    """Types as a sentence names them: `text or null`."""
    words = [_WORDS[kind] for kind in sorted(kinds, key=_ORDER.index, reverse=True)]
    if not words:
        return "nothing"
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _where(place: Place) -> str:
    if place[-1] == _EACH:
        return f"each item of {_where(place[:-1])}" if len(place) > 1 else "each item"
    words = ["[…]" if key == _EACH else f"[{key}]" if isinstance(key, int) else f".{key}"
             for key in place]  # fmt: skip
    return f"'{''.join(words).removeprefix('.')}'"


def _faults(
    producer: Json, consumer: Json, place: Place, depth: int
) -> Iterator[tuple[Place, str]]:
    if consumer is False:
        yield place, "is not accepted"
    if not isinstance(producer, Mapping) or not isinstance(consumer, Mapping) or depth > _DEEPEST:
        return
    wrong = _type_fault(producer, consumer)
    if wrong:
        yield place, wrong
        return
    if "const" in producer or "enum" in producer:
        yield from _value_faults(producer, consumer, place)
        return
    yield from _combined(producer, consumer, place, depth)
    kinds = types(producer)
    if kinds == frozenset({"object"}):
        yield from _object_faults(producer, consumer, place, depth)
    elif kinds == frozenset({"array"}):
        yield from _list_faults(producer, consumer, place, depth)


def _combined(
    producer: Schema, consumer: Schema, place: Place, depth: int
) -> Iterator[tuple[Place, str]]:
    """What is one of several forms must fit in each of them; what takes several, all or one."""
    for word in ("anyOf", "oneOf"):
        for branch in producer.get(word, ()):
            yield from _faults(branch, consumer, place, depth + 1)
    for part in consumer.get("allOf", ()):
        yield from _faults(producer, part, place, depth + 1)
    for word in ("anyOf", "oneOf"):
        if word in consumer:
            yield from _branches(producer, consumer[word], place, depth)


def _type_fault(producer: Schema, consumer: Schema) -> str | None:
    given, taken = types(producer), types(consumer)
    if given is None or taken is None:
        return None
    wider = taken | ({"integer", "number"} if taken & {"integer", "number"} else frozenset())
    refused = given - wider
    if not refused:
        return None
    verb = "is" if refused == given else "may be"
    return f"{verb} {in_words(refused)}, where {in_words(taken)} is taken"


def _value_faults(producer: Schema, consumer: Schema, place: Place) -> Iterator[tuple[Place, str]]:
    """Values that are known are held against the schema itself; one that fits is enough."""
    values = [producer["const"]] if "const" in producer else producer["enum"]
    first = None
    for value in values:
        found = violations(consumer, value, limit=1)
        if not found:
            return
        first = first or found[0]
    if first:
        yield (*place, *first[0]), first[1]


def _branches(
    producer: Schema, branches: list[Json], place: Place, depth: int
) -> Iterator[tuple[Place, str]]:
    """One branch that fits is enough; the fault of the branch with the same type is told."""
    told = []
    for branch in branches:
        found = list(_faults(producer, branch, place, depth + 1))
        if not found:
            return
        if isinstance(branch, Mapping) and not _type_fault(producer, branch):
            told.append(found[0])
    yield told[0] if len(told) == 1 else (place, "fits none of the forms that are taken")


def _object_faults(
    producer: Schema, consumer: Schema, place: Place, depth: int
) -> Iterator[tuple[Place, str]]:
    properties: Mapping[str, Json] = producer.get("properties", {})
    for name in consumer.get("required", ()):
        if name not in properties and _closed(producer):
            yield place, f"lacks '{name}', which is required"
    known: Mapping[str, Json] = consumer.get("properties", {})
    others = consumer.get("additionalProperties", {})
    for name, schema in properties.items():
        if name in known:
            yield from _faults(schema, known[name], (*place, name), depth + 1)
        elif consumer.get("patternProperties"):
            continue
        elif isinstance(others, Mapping):
            yield from _faults(schema, others, (*place, name), depth + 1)
        elif others is False and name in producer.get("required", ()):
            yield place, f"has '{name}', which is not known there{did_you_mean(name, known)}"
    values = producer.get("additionalProperties")
    if isinstance(values, Mapping) and isinstance(others, Mapping):
        yield from _faults(values, others, (*place, _EACH), depth + 1)


def _closed(producer: Schema) -> bool:
    if {"allOf", "anyOf", "oneOf", "if", "patternProperties"} & set(producer):
        return False
    others = producer.get("additionalProperties")
    return others is False or (others is None and bool(producer.get("properties")))


def _list_faults(
    producer: Schema, consumer: Schema, place: Place, depth: int
) -> Iterator[tuple[Place, str]]:
    for index, schema in enumerate(producer.get("prefixItems", ())):
        taken = field(consumer, (index,))
        if isinstance(taken, Mapping):
            yield from _faults(schema, taken, (*place, index), depth + 1)
    given, taken = producer.get("items"), resolve(consumer, consumer).get("items")
    if isinstance(given, Mapping) and isinstance(taken, Mapping):
        yield from _faults(given, taken, (*place, _EACH), depth + 1)
