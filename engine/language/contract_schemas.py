"""The section `schemas` of a contract, and the keys and runbooks that it declares."""

import re
from collections.abc import Mapping
from typing import Any

from engine.language.capability import RunbookInput, SecretKey
from engine.language.contract_service import read_service
from engine.language.document import Path
from engine.language.reading import Reading
from engine.language.schema_checks import check_object_schema, check_schema
from engine.plan import Json

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


def read_schemas(reading: Reading, part: dict[str, Json], path: Path, _: str) -> dict[str, Any]:
    """The fields of a Capability that come of its schemas."""
    fields: dict[str, Any] = {}
    for key in ("input", "output", "config", "secrets"):
        if key not in part:
            continue
        where = (*path, key)
        schema = reading.mapping(part[key], where)
        if schema is None:
            continue
        (check_schema if key == "output" else check_object_schema)(reading, schema, where)
        fields[key] = _secret_keys(reading, schema, where) if key == "secrets" else schema
    fields["service"] = read_service(reading, part, path)
    fields["runbook"] = _runbook_input(reading, fields.get("input", {}), (*path, "input"))
    return fields


def properties_of(schema: Mapping[str, Json]) -> dict[str, dict[str, Json]]:
    """The properties that are schemas with keywords."""
    found = schema.get("properties")
    if not isinstance(found, dict):
        return {}
    return {name: each for name, each in found.items() if isinstance(each, dict)}


def _secret_keys(reading: Reading, schema: dict[str, Json], path: Path) -> tuple[SecretKey, ...]:
    required = schema.get("required")
    found = []
    for name, each in properties_of(schema).items():
        where = (*path, "properties", name)
        for keyword in ("default", "const", "enum", "example", "examples"):
            if keyword in each:
                reading.fault("SECRET", "a contract holds no values of secrets", (*where, keyword))
        env = each.get("x-env")
        if env is not None and not (isinstance(env, str) and _VARIABLE.fullmatch(env)):
            reading.fault(
                "WRONG_VALUE",
                "'x-env' is the name of a variable, such as API_KEY",
                (*where, "x-env"),
            )
            env = None
        must = isinstance(required, list) and name in required
        found.append(SecretKey(name=name, required=must, env=env))
    return tuple(found)


def _runbook_input(reading: Reading, schema: Mapping[str, Json], path: Path) -> RunbookInput | None:
    properties = properties_of(schema)
    for name, each in properties.items():
        text = each.get("x-runbook")
        if text is None:
            continue
        if isinstance(text, str) and text in properties and text != name:
            return RunbookInput(name=name, text=text)
        reading.fault(
            "WRONG_VALUE",
            "'x-runbook' names the property that gets the runbook's text",
            (*path, "properties", name, "x-runbook"),
        )
    return None
