"""JSON Schema 2020-12, bounded: nothing is fetched, patterns take linear time, sizes have limits.

Validation is jsonschema-rs; the sentences are our own.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from engine.language.schema_growth import growth_fault, most_at_once
from engine.language.schema_references import Path, parts_of, pointed, resolve
from engine.language.schema_violations import sentences
from engine.plan import Json

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

Violation: TypeAlias = tuple[Path, str]

MAX_DEPTH: Final = 64
MAX_PARTS: Final = 20_000
"""Values in one schema."""
MAX_SAID: Final = 20_000
"""Violations that are gathered at most, to say some of them."""
MAX_PATTERNS: Final = 100
MAX_DEFAULTS_OF_ONE: Final = 10_000
MAX_DEFAULTS: Final = 100_000
"""Schemas that are looked at to fill in the defaults of one part, and of each part once."""

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
    if isinstance(schema, bool):
        return []
    faults = sentences(schema, _meta().iter_errors(schema), limit=20, quote_values=True)
    parts = list(parts_of(schema))
    patterns = _patterns(parts)
    if len(patterns) > MAX_PATTERNS:
        return [*faults, ((), f"a schema has at most {MAX_PATTERNS} different patterns")]
    faults += _own_faults(schema, parts, sound=not faults)
    if faults:
        return faults + list(_pattern_faults(patterns))
    try:
        _compile(_key(schema))
    except ValueError as error:
        unusable = f"the schema cannot be used: {str(error).splitlines()[0][:200]}"
        return list(_pattern_faults(patterns)) or [((), unusable)]
    return []


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
        if _is_larger(value, MAX_SAID // most_at_once(schema)):
            return [_first(schema, validator, value, quote_values=quote_values)]
        return sentences(
            schema, validator.iter_errors(value), limit=limit, quote_values=quote_values
        )
    except (ValueError, TypeError, RecursionError, OverflowError):
        return [((), "cannot be held against the schema: it is no JSON, or nested too deeply")]


def _first(
    schema: Json, validator: "Draft202012Validator", value: Json, *, quote_values: bool
) -> Violation:
    """One violation of a large value: the validator gathers all before it gives any away, and for
    alternatives all of each of them."""
    if any(word in part for _, part in parts_of(schema) for word in ("anyOf", "oneOf")):
        return (), "does not match its schema, and is too large to say where"
    from jsonschema_rs import ValidationError

    try:
        validator.validate(value)
    except ValidationError as error:
        return sentences(schema, [error], limit=1, quote_values=quote_values)[0]
    return (), "does not match its schema"


def _is_larger(value: Json, most: int) -> bool:
    """Whether it holds more values than that."""
    level, count = [value], 0
    while level and count <= most:
        count += len(level)
        level = [
            inner
            for part in level
            if isinstance(part, dict | list)
            for inner in (part.values() if isinstance(part, dict) else part)
        ]
    return count > most


def with_defaults(schema: Json, value: Json) -> Json:
    """A copy of the value with the schema's defaults filled in where properties are missing.

    Goes through properties, items, allOf and references within the schema.
    """
    return _Filling(schema).fill(schema, value, ())


class _Filling:
    """Defaults on their way into one value; ValueError beyond `most` schemas, where it is given."""

    def __init__(self, root: Json, most: int | None = None) -> None:
        self.root = root
        self.most = most
        self.taken = 0

    def fill(self, schema: Json, value: Json, within: tuple[int, ...]) -> Json:
        """The value with this schema's defaults; `within` are the properties that led here."""
        self.taken += 1
        if self.most is not None and self.taken > self.most:
            raise ValueError("too many defaults")
        if len(within) > MAX_DEPTH or not isinstance(schema, dict):
            return value
        schema = resolve(self.root, schema)
        if not isinstance(schema, dict):
            return value
        for part in schema.get("allOf", ()):
            value = self.fill(part, value, (*within, 0))
        if isinstance(value, list) and "items" in schema:
            return [self.fill(schema["items"], item, (*within, 0)) for item in value]
        if not isinstance(value, dict):
            return value
        made = dict(value)
        for name, part in schema.get("properties", {}).items():
            inner = within
            if name not in made:
                default = _default(self.root, part)
                if default is None or id(part) in within:
                    continue
                made[name] = default[0]
                inner = (*within, id(part))
            made[name] = self.fill(part, made[name], (*inner, 0))
        return made


def _default(root: Json, schema: Json) -> tuple[Json] | None:
    """The default of a property, alone in a tuple (it may be null), or None."""
    found = schema if isinstance(schema, dict) and "default" in schema else resolve(root, schema)
    if isinstance(found, dict) and "default" in found:
        return (msgspec.json.decode(msgspec.json.encode(found["default"])),)
    return None


def _own_faults(
    schema: dict[str, Json], parts: list[tuple[Path, dict[str, Json]]], *, sound: bool
) -> Iterator[Violation]:
    """References that leave the schema, lead nowhere or round in a ring; what grows. `sound`: the
    schema is valid 2020-12."""
    draft = schema.get("$schema", _DRAFT)
    if isinstance(draft, str) and draft.rstrip("#") != _DRAFT:
        yield ("$schema",), f"only {_DRAFT} is read"
    astray = list(_astray(schema, parts, sound=sound))
    yield from astray
    fault = growth_fault(schema) or _defaults_fault(schema, parts) if sound and not astray else None
    if fault:
        yield fault


def _astray(
    schema: dict[str, Json], parts: list[tuple[Path, dict[str, Json]]], *, sound: bool
) -> Iterator[Violation]:
    """References that do not lead to a schema within this one. Where it is not sound, one may lead
    to what should be a schema and has its fault."""
    known = {id(part) for _, part in parts}
    for path, part in parts:
        if "$id" in part and path:
            yield (*path, "$id"), "only the whole schema has an $id"
        for word in ("$ref", "$dynamicRef"):
            to = part.get(word)
            if not isinstance(to, str):
                continue
            target = pointed(schema, to)
            if not to.startswith("#"):
                yield (*path, word), "refers to another document; only '#…' is followed"
            elif target is None or (
                sound and not isinstance(target, bool) and id(target) not in known
            ):
                yield (*path, word), f"leads nowhere: the schema has no schema '{to}'"


def _patterns(parts: Iterable[tuple[Path, dict[str, Json]]]) -> dict[str, Path]:
    """Each pattern, with the first place where it stands."""
    found: dict[str, Path] = {}
    for path, part in parts:
        if isinstance(part.get("pattern"), str):
            found.setdefault(part["pattern"], (*path, "pattern"))
        by_name = part.get("patternProperties")
        for pattern in by_name if isinstance(by_name, dict) else ():
            found.setdefault(pattern, (*path, "patternProperties", pattern))
    return found


def _pattern_faults(patterns: dict[str, Path]) -> Iterator[Violation]:
    for pattern, where in patterns.items():
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


def _defaults_fault(
    schema: dict[str, Json], parts: list[tuple[Path, dict[str, Json]]]
) -> Violation | None:
    """A part whose defaults bring so many others that filling them in would not end soon."""
    left = MAX_DEFAULTS
    for path, part in parts:
        if "properties" not in part and "allOf" not in part:
            continue
        filling = _Filling(schema, min(left, MAX_DEFAULTS_OF_ONE))
        try:
            filling.fill(part, {}, ())
        except ValueError:
            return path, "has defaults that bring thousands of others"
        left -= filling.taken
    return None


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
