"""JSON Schema 2020-12, bounded: nothing is fetched, patterns take linear time, sizes have limits.

Validation is jsonschema-rs; the sentences are our own.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from engine.language.schema_references import (
    IN_PLACE,
    IN_PLACE_LISTS,
    Path,
    parts_of,
    pointed,
    resolve,
)
from engine.language.schema_violations import sentences
from engine.plan import Json

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

Violation: TypeAlias = tuple[Path, str]

MAX_DEPTH: Final = 64
MAX_PARTS: Final = 20_000
"""Values in one schema."""
MAX_EXPANSION: Final = 5_000
"""Schemas that one value is held against, references followed."""

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_PATTERN_BYTES: Final = 1_048_576


def check_schema(schema: Json) -> list[Violation]:
    """What is wrong with a schema, as places in it and sentences; empty where nothing is.

    It must be valid 2020-12, of a bounded size, refer only to its own parts (`#…`), and its
    patterns must run in linear time.
    """
    if not isinstance(schema, dict | bool):
        return [((), "a schema is an object")]
    too_large = _size_fault(schema)
    if too_large:
        return [((), too_large)]
    faults = sentences(schema, _meta().iter_errors(schema), limit=20, quote_values=True)
    if faults or isinstance(schema, bool):
        return faults
    faults = list(_own_faults(schema))
    if faults:
        return faults
    try:
        _compile(_key(schema))
    except ValueError as error:
        return [((), f"the schema cannot be used: {str(error).splitlines()[0][:200]}")]
    return faults


def violations(
    schema: Json, value: Json, *, limit: int = 20, quote_values: bool = True
) -> list[Violation]:
    """Where and how a value does not match a checked schema, at most `limit`, sorted.

    Without `quote_values` no sentence holds anything of the value but the names of properties.
    """
    if schema is True or schema == {}:
        return []
    try:
        validator = _compile(_key(schema))
        if validator.is_valid(value):
            return []
        return sentences(
            schema, validator.iter_errors(value), limit=limit, quote_values=quote_values
        )
    except (ValueError, TypeError, RecursionError, OverflowError):
        return [((), "cannot be held against the schema: it is no JSON, or nested too deeply")]


def with_defaults(schema: Json, value: Json) -> Json:
    """A copy of the value with the schema's defaults filled in where properties are missing.

    Goes through properties, items, allOf and references within the schema.
    """
    return _filled(schema, schema, value, ())


def _filled(root: Json, schema: Json, value: Json, filling: tuple[int, ...]) -> Json:
    if len(filling) > MAX_DEPTH or not isinstance(schema, dict):
        return value
    schema = resolve(root, schema)
    if not isinstance(schema, dict):
        return value
    for part in schema.get("allOf", ()):
        value = _filled(root, part, value, (*filling, 0))
    if isinstance(value, list) and "items" in schema:
        return [_filled(root, schema["items"], item, (*filling, 0)) for item in value]
    if not isinstance(value, dict):
        return value
    made = dict(value)
    for name, part in schema.get("properties", {}).items():
        inner = filling
        if name not in made:
            default = _default(root, part)
            if default is None or id(part) in filling:
                continue
            made[name] = default[0]
            inner = (*filling, id(part))
        made[name] = _filled(root, part, made[name], (*inner, 0))
    return made


def _default(root: Json, schema: Json) -> tuple[Json] | None:
    """The default of a property, alone in a tuple (it may be null), or None."""
    found = schema if isinstance(schema, dict) and "default" in schema else resolve(root, schema)
    if isinstance(found, dict) and "default" in found:
        return (msgspec.json.decode(msgspec.json.encode(found["default"])),)
    return None


def _own_faults(schema: dict[str, Json]) -> Iterator[Violation]:
    """References that leave the schema, lead nowhere or round in a ring; patterns that explode."""
    if schema.get("$schema", _DRAFT).rstrip("#") != _DRAFT:
        yield ("$schema",), f"only {_DRAFT} is read"
    parts = list(parts_of(schema))
    astray = list(_astray(schema, parts))
    yield from astray
    for path, part in parts:
        yield from _pattern_faults(path, part)
    if not astray and (fault := _expansion_fault(schema)):
        yield fault


def _astray(
    schema: dict[str, Json], parts: list[tuple[Path, dict[str, Json]]]
) -> Iterator[Violation]:
    """References that do not lead to a schema within this one."""
    known = {id(part) for _, part in parts}
    for path, part in parts:
        if "$id" in part and path:
            yield (*path, "$id"), "only the whole schema has an $id"
        for word in ("$ref", "$dynamicRef"):
            if word not in part:
                continue
            target = pointed(schema, part[word])
            if not part[word].startswith("#"):
                yield (*path, word), "refers to another document; only '#…' is followed"
            elif not isinstance(target, bool) and id(target) not in known:
                yield (*path, word), f"leads nowhere: the schema has no schema '{part[word]}'"


def _pattern_faults(path: Path, part: dict[str, Json]) -> Iterator[Violation]:
    patterns = [((*path, "pattern"), part["pattern"])] if "pattern" in part else []
    named = part.get("patternProperties", {})
    patterns += [((*path, "patternProperties", pattern), pattern) for pattern in named]
    for where, pattern in patterns:
        try:
            _compile(_key({"pattern": pattern}))
        except ValueError:
            yield (
                where,
                (
                    "is no pattern that runs in linear time: it is malformed, too large, or has "
                    "look-around or back references"
                ),
            )


def _expansion_fault(schema: dict[str, Json]) -> Violation | None:
    """A schema that one value would be held against without end, or thousands of times."""
    weights: dict[int, int] = {}
    active: set[int] = set()

    def weight(part: Json) -> int:
        if not isinstance(part, dict):
            return 1
        if id(part) in weights:
            return weights[id(part)]
        if id(part) in active:
            return MAX_EXPANSION + 1
        active.add(id(part))
        total = 1 + sum(weight(inner) for inner in _in_place(schema, part))
        active.discard(id(part))
        weights[id(part)] = min(total, MAX_EXPANSION + 1)
        return weights[id(part)]

    for path, part in parts_of(schema):
        if weight(part) > MAX_EXPANSION:
            return path, "applies itself to one value without end, or thousands of times"
    return None


def _in_place(root: Json, part: dict[str, Json]) -> Iterator[Json]:
    """The schemas that are held against the same value as this one."""
    for word in IN_PLACE_LISTS:
        yield from part.get(word, ())
    for word in IN_PLACE:
        if word in part:
            yield part[word]
    yield from part.get("dependentSchemas", {}).values()
    for word in ("$ref", "$dynamicRef"):
        if word in part:
            yield pointed(root, part[word])


def _size_fault(schema: Json) -> str | None:
    parts = 0
    level = [schema]
    for _ in range(MAX_DEPTH):
        parts += len(level)
        if parts > MAX_PARTS:
            return f"a schema has at most {MAX_PARTS:,} parts"
        level = [
            inner
            for part in level
            if isinstance(part, dict | list)
            for inner in (part.values() if isinstance(part, dict) else part)
        ]
        if not level:
            return None
    return f"a schema is at most {MAX_DEPTH} deep"


def _key(schema: Json) -> bytes:
    return msgspec.json.encode(schema)


@lru_cache(maxsize=512)
def _compile(schema: bytes) -> "Draft202012Validator":
    """The validator of a schema; ValueError where it cannot be used."""
    from jsonschema_rs import Draft202012Validator, RegexOptions

    return Draft202012Validator(
        schema.decode(),
        validate_formats=True,
        offline=True,
        pattern_options=RegexOptions(size_limit=_PATTERN_BYTES),
    )


@lru_cache(maxsize=1)
def _meta() -> "Draft202012Validator":
    from jsonschema_rs import Draft202012Validator

    return Draft202012Validator({"$ref": _DRAFT})


def text_of(path: Path) -> str:
    """A path as people write it: `steps[2].with.text`; empty for the whole."""
    words = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return words.removeprefix(".")
