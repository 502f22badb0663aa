"""JSON Schemas inside definitions: whether they are valid, and whether values match them."""

from collections.abc import Mapping
from itertools import islice

from engine.language import json_schema
from engine.language.document import Path, render_path
from engine.language.reading import Reading
from engine.language.schema_keywords import unknown_keywords
from engine.plan import Json

MOST = 50
"""Faults of one schema or value; beyond, the rest says nothing new."""


def check_schema(reading: Reading, schema: Mapping[str, Json], path: Path) -> bool:
    """Report what is wrong with a schema, and words that nothing looks at; whether it is sound."""
    return _report(reading, schema, path, json_schema.check_schema(schema))


def check_object_schema(reading: Reading, schema: Mapping[str, Json], path: Path) -> bool:
    """The same for a schema that must describe an object."""
    wrong = json_schema.check_schema(schema)
    if not schema or schema.get("type") == "object" or "$ref" in schema:
        return _report(reading, schema, path, wrong)
    message = f"'{path[-1]}' describes an object; say `type: object`"
    reading.fault("SCHEMA", message, (*path, "type"), key=True)
    _report(reading, schema, path, [each for each in wrong if each[0][:1] != ("type",)])
    return False


def _report(
    reading: Reading,
    schema: Mapping[str, Json],
    path: Path,
    wrong: list[json_schema.Violation],
) -> bool:
    for where, message in wrong[:MOST]:
        reading.fault("SCHEMA", message, (*path, *where))
    for where, hint in islice(unknown_keywords(schema, reading.meant), MOST):
        message = f"'{str(where[-1])[:60]}' is no word of JSON Schema: nothing looks at it"
        reading.fault("SCHEMA_KEYWORD", message, (*path, *where), key=True, hint=hint)
    return not wrong


def check_value(
    reading: Reading, schema: Mapping[str, Json], value: Json, path: Path, code: str
) -> None:
    """Report where a literal value does not match its schema."""
    if json_schema.check_schema(schema):
        return
    for where, message in json_schema.violations(schema, value)[:MOST]:
        place = (*path, *where)
        reading.fault(code, named(place, message), place)


def named(path: Path, message: str) -> str:
    """A sentence about a value, with the value's name in front where it has none."""
    last = next((at for at in reversed(range(len(path))) if isinstance(path[at], str)), None)
    if last is None or message.startswith("'"):
        return message
    name = render_path(path[last:]) if path[last + 1 :] else path[last]
    return f"'{name}' {message}"
