"""Whether an answer is as a vendor's description says: OpenAPI 3.0, read as JSON Schema draft 4."""

import functools
import json
import re
from typing import Any

import jsonschema_rs

from tests.vendors.prism_server import description

Json = dict[str, Any]


def faults(vendor: str, method: str, path: str, status: int, body: Any) -> list[str]:
    """What is wrong with an answer to this request, `path` without the vendor's prefix; that the
    description has no such operation or status is a fault. CannotServe where there is none."""
    found = _operation(vendor, method, path)
    if found is None:
        return [f"{vendor} describes no {method} {path}"]
    responses = found["responses"]
    answer = responses.get(str(status), responses.get("default"))
    if answer is None:
        return [f"{vendor} describes no {status} for {method} {path}"]
    document = _document(vendor)
    if "$ref" in answer:
        answer = functools.reduce(
            lambda at, name: at[name], answer["$ref"].removeprefix("#/").split("/"), document
        )
    for content in (answer.get("content") or {}).values():
        schema = {**content.get("schema", {}), "components": document["components"]}
        return [
            f"{method} {path} {status}: {'/'.join(map(str, error.instance_path))}: {error.message}"
            for error in jsonschema_rs.Draft4Validator(schema).iter_errors(body)
        ]
    return []


def _operation(vendor: str, method: str, path: str) -> Json | None:
    """The one whose path has the most words of its own; Slack takes POST for what it has as GET."""
    methods = (method.lower(), "get") if vendor == "slack" else (method.lower(),)
    matching: list[tuple[int, Json]] = []
    for template, operations in _document(vendor)["paths"].items():
        pattern = re.sub(r"\\\{.*?\\\}", "[^/]+", re.escape(template))
        known = next((operations[name] for name in methods if name in operations), None)
        if known is not None and re.fullmatch(pattern, path):
            matching.append((template.count("{"), known))
    return min(matching, key=lambda each: each[0])[1] if matching else None


@functools.cache
def _document(vendor: str) -> Json:
    found: Json = _nullable(json.loads(description(vendor).read_text()))
    return found


def _nullable(value: Any) -> Any:
    """The same with `nullable` as JSON Schema says it."""
    if isinstance(value, list):
        return [_nullable(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {name: _nullable(each) for name, each in value.items()}
    if made.pop("nullable", False) is True:
        if isinstance(made.get("enum"), list):
            made["enum"] = [*made["enum"], None]
        if isinstance(made.get("type"), str):
            made["type"] = [made["type"], "null"]
        elif "type" not in made:
            return {"anyOf": [{"type": "null"}, made]}
    return made
