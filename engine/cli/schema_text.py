"""A JSON Schema of an object as lines that people read."""

from collections.abc import Iterator, Mapping

import msgspec

from engine.cli.output import clean
from engine.plan import Json

_DEEPEST = 4


def lines(schema: Mapping[str, Json], indent: str = "  ") -> list[str]:
    """One line a property: its name, type, whether it must be there, default, description."""
    found = list(_properties(schema, indent, _DEEPEST))
    return found or [f"{indent}(nothing)"]


def _properties(schema: Json, indent: str, depth: int) -> Iterator[str]:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not depth:
        return
    required = schema.get("required") or []
    width = max((len(name) for name in properties), default=0)
    for name, each in properties.items():
        words = [_type(each), *(["required"] if name in required else []), *_facts(each)]
        yield clean(f"{indent}{name.ljust(width)}  {', '.join(words)}")
        yield from _properties(_inner(each), indent + "    ", depth - 1)


def _inner(schema: Json) -> Json:
    """The schema of a list's items, else the schema itself."""
    items = schema.get("items") if isinstance(schema, dict) else None
    return items if isinstance(items, dict) else schema


def _type(schema: Json) -> str:
    if not isinstance(schema, dict):
        return "anything" if schema is not False else "nothing"
    if "enum" in schema or "const" in schema:
        return " | ".join(_json(value) for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "anything")
    named = " or ".join(kind) if isinstance(kind, list) else str(kind)
    items = schema.get("items")
    return f"{named} of {_type(items)}" if named == "array" and isinstance(items, dict) else named


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
