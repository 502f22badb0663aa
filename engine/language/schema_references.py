"""Where schemas are within a schema, and where its references lead."""

from collections.abc import Iterator
from typing import Final, TypeAlias
from urllib.parse import unquote

from engine.plan import Json

Path: TypeAlias = tuple[str | int, ...]

_MOST_HOPS: Final = 64
IN_PLACE_LISTS: Final = ("allOf", "anyOf", "oneOf")
IN_PLACE: Final = ("not", "if", "then", "else")
_SCHEMAS: Final = frozenset({
    *IN_PLACE, "additionalProperties", "contains", "contentSchema", "items", "propertyNames",
    "unevaluatedItems", "unevaluatedProperties",
})  # fmt: skip
_SCHEMA_LISTS: Final = frozenset({*IN_PLACE_LISTS, "prefixItems"})
_SCHEMA_MAPS: Final = frozenset({
    "properties", "patternProperties", "$defs", "definitions", "dependentSchemas",
})  # fmt: skip


def resolve(root: Json, schema: Json) -> Json:
    """The schema that `$ref` leads to, with what stands beside it; {} where it leads nowhere."""
    hops = 0
    while isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
        target = pointed(root, schema["$ref"])
        beside = {key: part for key, part in schema.items() if key != "$ref"}
        hops += 1
        if target is None or hops > _MOST_HOPS:
            return beside
        if not isinstance(target, dict):
            return beside if target is True else target
        schema = {"allOf": [target], **beside} if set(beside) & set(target) else target | beside
    return schema


def pointed(root: Json, reference: str) -> Json:
    """The part of a schema that `#…` names, or None."""
    if reference == "#":
        return root
    if not reference.startswith("#/"):
        return _anchors(root).get(reference[1:]) if reference.startswith("#") else None
    here = root
    for part in unquote(reference[2:]).split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(here, dict) and key in here:
            here = here[key]
        elif isinstance(here, list) and key.isdecimal() and int(key) < len(here):
            here = here[int(key)]
        else:
            return None
    return here


def parts_of(schema: Json, path: Path = ()) -> Iterator[tuple[Path, dict[str, Json]]]:
    """Every schema within a schema, with its place; what should hold schemas and does not is passed
    by."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for word, part in schema.items():
        if word in _SCHEMAS:
            yield from parts_of(part, (*path, word))
        elif word in _SCHEMA_LISTS and isinstance(part, list):
            for place, inner in enumerate(part):
                yield from parts_of(inner, (*path, word, place))
        elif word in _SCHEMA_MAPS and isinstance(part, dict):
            for name, inner in part.items():
                yield from parts_of(inner, (*path, word, name))


def _anchors(root: Json) -> dict[str, Json]:
    return {
        part[word]: part
        for _, part in parts_of(root)
        for word in ("$anchor", "$dynamicAnchor")
        if isinstance(part.get(word), str)
    }
