"""A JSON Schema of an object as lines that people read."""

from collections.abc import Iterator, Mapping

import msgspec

from engine.cli.output import clean
from engine.plan import Json

_DEEPEST = 4


def lines(schema: Mapping[str, Json], indent: str = "  ") -> list[str]:
    """One line a property: its name, type, whether it must be there, default, description."""
    found = list(_properties(schema, schema, indent, _DEEPEST))
    return found or [f"{indent}(nothing)"]


def _properties(schema: Json, whole: Mapping[str, Json], indent: str, depth: int) -> Iterator[str]:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not depth:
        return
    required = schema.get("required") or []
    width = max((len(name) for name in properties), default=0)
    for name, given in properties.items():
        each = _meant(given, whole)
        words = [_type(each, whole), *(["required"] if name in required else []), *_facts(each)]
        yield clean(f"{indent}{name.ljust(width)}  {', '.join(words)}")
        yield from _properties(_inner(each, whole), whole, indent + "    ", depth - 1)


def _meant(schema: Json, whole: Mapping[str, Json]) -> Json:
    """The schema with what its `$ref` into the document leads to; its own words come first."""
    seen = set()
    while isinstance(schema, dict) and str(schema.get("$ref", "")).startswith("#/"):
        found: Json = whole
        if schema["$ref"] in seen:
            break
        seen.add(schema["$ref"])
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found.get(part) if isinstance(found, dict) else None
        own = {name: value for name, value in schema.items() if name != "$ref"}
        schema = {**found, **own} if isinstance(found, dict) else own
    return schema


def _inner(schema: Json, whole: Mapping[str, Json]) -> Json:
    """The schema of a list's items, else the schema itself."""
    items = schema.get("items") if isinstance(schema, dict) else None
    return _meant(items, whole) if isinstance(items, dict) else schema


def _type(schema: Json, whole: Mapping[str, Json], depth: int = _DEEPEST) -> str:
    if not isinstance(schema, dict) or not depth:
        return "anything" if schema is not False else "nothing"
    if "enum" in schema or "const" in schema:
        return " | ".join(_json(value) for value in schema.get("enum", [schema.get("const")]))
    if "type" not in schema and isinstance(schema.get("anyOf"), list):
        ways = (_type(_meant(each, whole), whole, depth - 1) for each in schema["anyOf"])
        return " or ".join(dict.fromkeys(ways))
    kind = schema.get("type", "anything")
    named = " or ".join(kind) if isinstance(kind, list) else str(kind)
    items = schema.get("items")
    if named != "array" or not isinstance(items, dict):
        return named
    return f"array of {_type(_meant(items, whole), whole, depth - 1)}"


def _facts(schema: Json) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    if "default" in schema:
        yield f"default {_json(schema['default'])}"
    if "x-env" in schema:
        yield f"usually from ${schema['x-env']}"
    if "x-service" in schema:
        yield "given by the worker"
    if "x-runbook" in schema:
        yield "names a runbook"
    if isinstance(schema.get("description"), str):
        yield "- " + " ".join(schema["description"].split())


def _json(value: Json) -> str:
    return msgspec.json.encode(value).decode()
