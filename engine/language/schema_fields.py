"""What a path reads out of data of a JSON Schema, and which types such data has."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from engine.language.schema_references import resolve
from engine.plan import Json
from engine.suggestions import suggest

Key: TypeAlias = str | int
Schema: TypeAlias = Mapping[str, Json]

TYPES: Final = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_DEEPEST: Final = 8


@dataclass(frozen=True, slots=True)
class Unknown:
    """The schema leaves open what is there."""


@dataclass(frozen=True, slots=True)
class Missing:
    """The schema says that there is no such field."""

    path: tuple[Key, ...]
    """As far as the first field that is not there."""
    suggestion: str | None = None
    """The name that may have been meant."""
    types: frozenset[str] = frozenset()
    """What is there instead, where it has no fields at all."""


UNKNOWN: Final = Unknown()
_Found: TypeAlias = Json


def field(schema: Json, path: Iterable[Key]) -> Schema | Unknown | Missing:
    """The schema of what a path reads; it stands alone, its references put in.

    A schema that lists properties and says nothing of others has those alone: a field that it does
    not list is taken for a slip.
    """
    here: Json = schema
    walked: tuple[Key, ...] = ()
    for key in path:
        walked = (*walked, key)
        here = _step(schema, here, key, 0)
        if isinstance(here, Unknown):
            return UNKNOWN
        if isinstance(here, Missing):
            return Missing(walked, here.suggestion, here.types)
    here = expanded(schema, here)
    return here if isinstance(here, Mapping) else UNKNOWN


def may_be_absent(schema: Json, path: Iterable[Key]) -> bool:
    """Whether data of the schema may lack a property on the path: one that is not required and
    has no default."""
    here: Json = schema
    for key in path:
        if isinstance(key, str) and not _sure(schema, here, key, 0):
            return True
        here = _step(schema, here, key, 0)
        if isinstance(here, Unknown | Missing):
            return False
    return False


def types(schema: Json, root: Json = None, depth: int = 0) -> frozenset[str] | None:
    """The JSON types that data of the schema may have; None where it may have any."""
    root = schema if root is None else root
    if schema is False:
        return frozenset()
    here = resolve(root, schema)
    if not isinstance(here, Mapping) or depth > _DEEPEST:
        return None
    found: list[frozenset[str] | None] = []
    if "type" in here:
        named = here["type"]
        found.append(frozenset([named] if isinstance(named, str) else named))
    if "const" in here:
        found.append(frozenset([type_of(here["const"])]))
    if isinstance(here.get("enum"), list):
        found.append(frozenset(map(type_of, here["enum"])))
    found += [types(part, root, depth + 1) for part in here.get("allOf", ())]
    for word in ("anyOf", "oneOf"):
        if word in here:
            found.append(_union(types(part, root, depth + 1) for part in here[word]))
    known = [one for one in found if one is not None]
    made: frozenset[str] | None = known[0] if known else None
    for one in known[1:]:
        made = _both(made or frozenset(), one)
    return made


def type_of(value: Json) -> str:
    """The JSON type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


def expanded(root: Json, schema: Json, depth: int = 0) -> Json:
    """The schema with its references put in; what refers to itself is left open further down."""
    if isinstance(schema, list):
        return [expanded(root, part, depth) for part in schema]
    if not isinstance(schema, dict):
        return {} if schema is True else schema
    if schema is root and depth == 0 and not _refers(schema):
        return schema
    if "$ref" in schema:
        if depth >= _DEEPEST:
            return {}
        return expanded(root, resolve(root, schema), depth + 1)
    if not _refers(schema):
        return schema
    return {
        word: part if word in {"const", "enum", "default", "examples"} else _each(root, part, depth)
        for word, part in schema.items()
        if word not in {"$defs", "definitions"}
    }


def _each(root: Json, part: Json, depth: int) -> Json:
    return expanded(root, part, depth) if isinstance(part, dict | list) else part


def _refers(schema: Json) -> bool:
    if isinstance(schema, dict):
        return "$ref" in schema or any(
            _refers(part) for part in schema.values() if isinstance(part, dict | list)
        )
    return isinstance(schema, list) and any(map(_refers, schema))


def _union(sets: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    made: frozenset[str] = frozenset()
    for one in sets:
        if one is None:
            return None
        made |= one
    return made


def _both(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    made = one & other
    if "integer" in one | other and "number" in one | other:
        made |= {"integer"}
    return made


def _step(root: Json, schema: Json, key: Key, depth: int) -> _Found:
    """The schema of one field or item, Unknown, or Missing."""
    here = resolve(root, schema)
    if here is False:
        return Missing((key,))
    if not isinstance(here, Mapping) or depth > _DEEPEST:
        return UNKNOWN
    kinds = types(here, root)
    if kinds is not None and not kinds & (
        {"object"} if isinstance(key, str) else {"array", "string"}
    ):
        return Missing((key,), types=kinds)
    found = [_own(here, key)]
    found += [_step(root, part, key, depth + 1) for part in here.get("allOf", ())]
    for word in ("anyOf", "oneOf"):
        if word in here:
            found.append(_any(_step(root, part, key, depth + 1) for part in here[word]))
    opinions = [one for one in found if one is not None]
    schemas = [one for one in opinions if not isinstance(one, Unknown | Missing)]
    if schemas:
        return schemas[0] if len(schemas) == 1 else {"allOf": schemas}
    missing = [one for one in opinions if isinstance(one, Missing)]
    if missing and "if" not in here and not any(isinstance(one, Unknown) for one in opinions):
        return next((one for one in missing if one.suggestion), missing[0])
    return UNKNOWN


def _any(found: Iterable[_Found]) -> _Found:
    branches = list(found)
    schemas = [one for one in branches if not isinstance(one, Unknown | Missing)]
    if any(isinstance(one, Unknown) for one in branches):
        return UNKNOWN
    if schemas:
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return next((one for one in branches if one.suggestion), branches[0]) if branches else None


def _own(here: Schema, key: Key) -> _Found | None:
    """What the schema itself says of a field; None where it says nothing."""
    if isinstance(key, int):
        return _item(here, key)
    properties = here.get("properties", {})
    if key in properties:
        return Missing((key,)) if properties[key] is False else properties[key]
    if here.get("patternProperties"):
        return UNKNOWN
    others = here.get("additionalProperties", here.get("unevaluatedProperties"))
    if others is True or others == {}:
        return UNKNOWN
    if isinstance(others, Mapping):
        return others
    if others is False or properties:
        return Missing((key,), suggest(key, properties))
    return UNKNOWN if here.get("type") == "object" else None


def _item(here: Schema, key: int) -> _Found | None:
    first = here.get("prefixItems", [])
    if 0 <= key < len(first):
        return first[key]
    if "items" in here:
        return Missing((key,)) if here["items"] is False else here["items"]
    return {"type": "string"} if "string" in here.get("type", ()) else None


def _sure(root: Json, schema: Json, key: str, depth: int) -> bool:
    """Whether data of the schema always has the property."""
    here = resolve(root, schema)
    if not isinstance(here, Mapping) or depth > _DEEPEST:
        return False
    properties = here.get("properties", {})
    if key in here.get("required", ()) or (
        isinstance(properties.get(key), Mapping) and "default" in resolve(root, properties[key])
    ):
        return True
    if any(_sure(root, part, key, depth + 1) for part in here.get("allOf", ())):
        return True
    return any(
        all(_sure(root, part, key, depth + 1) for part in here[word])
        for word in ("anyOf", "oneOf")
        if here.get(word)
    )
