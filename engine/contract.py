"""capability.yaml → Capability, with every fault of the contract."""

import re
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from engine.blueprint import CLASSIFICATIONS
from engine.capability import EFFECTS, Capability, RunbookInput, SecretKey
from engine.document import Document, Path
from engine.errors import Category
from engine.plan import Effect, Json, Retry
from engine.reading import Reading

TYPES = ("connector", "integration", "commander", "transformer", "guardian", "reasoner")
CATEGORIES: tuple[Category, ...] = ("RETRYABLE", "RATE_LIMIT", "AUTH_FAILURE", "FATAL")
COST_FACTORS = ("LOW", "MEDIUM", "HIGH")
_ID = re.compile(r"golden\.([a-z][a-z0-9]*(?:-[a-z0-9]+)*)\.([a-z][a-z0-9]*(?:-[a-z0-9]+)*)")
_SCOPE = re.compile(r"[a-z][a-z0-9-]*:[a-z][a-z0-9-]*")
_ERROR_CODE = re.compile(r"[A-Z][A-Z0-9_]*")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_OUTBOUND = re.compile(
    r"(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?:([0-9]{1,5})|\[[0-9a-fA-F:]+\]:([0-9]{1,5})"
)
_IMAGE_FOLDER = re.compile(r"[a-z0-9][a-z0-9._-]*")
_IMAGE_DIGEST = re.compile(r"\S+@sha256:[0-9a-f]{64}")

_SECTIONS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "metadata": (("id", "version", "name", "maintainer", "description", "type", "domain", "tags"), ()),
    "schemas": (("input", "output", "config", "secrets"), ()),
    "security": (
        ("requiredScopes", "dataClassification", "networkAccess"), ("oscalControlIds",),
    ),
    "operations": (
        ("isIdempotent", "effect", "retryPolicy", "errorMap", "timeoutSeconds", "costFactor"), (),
    ),
    "aiHints": (("exampleInput", "exampleOutput"), ("usageNotes",)),
    "runtime": (("image", "command"), ()),
}  # fmt: skip
"""The sections of a contract: keys that must be there, and keys that may."""


def read_contract(document: Document, folder: FilePath, digest: str) -> Capability:
    """The capability in `folder`, `capabilities/<domain>/<name>`."""
    reading = Reading(document)
    expected = f"golden.{folder.parent.name}.{folder.name}"
    fields: dict[str, Any] = {}
    if document.readable:
        reading.keys(document.value, (), _SECTIONS, _SECTIONS)
        for section, (required, optional) in _SECTIONS.items():
            if section not in document.value:
                continue
            part = reading.mapping(document.value[section], (section,))
            if part is not None:
                reading.keys(part, (section,), (*required, *optional), required)
                fields |= _READERS[section](reading, part, (section,), expected)
        _together(reading, fields)
    elif not document.faults:
        reading.fault("WRONG_TYPE", "a contract is a mapping that begins with `metadata:`", ())
    return Capability(
        id=expected, folder=folder, faults=tuple(reading.faults), digest=digest, **fields
    )


def _metadata(reading: Reading, part: dict[str, Json], path: Path, expected: str) -> dict[str, Any]:
    if "id" in part:
        given = reading.identifier(part["id"], (*path, "id"), _ID, "golden.connectors.statuspage")
        if given and given != expected:
            reading.fault(
                "FILE_NAME", f"the folder says '{expected}', the contract '{given}'", (*path, "id"),
                hint="The folder is capabilities/<domain>/<name>, the id golden.<domain>.<name>.",
            )  # fmt: skip
    fields: dict[str, Any] = {"version": reading.version(part, "version", path)}
    for key in ("name", "maintainer"):
        fields[key] = reading.text(part, key, path, line=True)
    fields["description"] = reading.text(part, "description", path)
    if "type" in part:
        fields["type"] = reading.choice(part["type"], (*path, "type"), TYPES) or "connector"
    domain = reading.text(part, "domain", path, line=True)
    if domain and domain != expected.split(".")[1]:
        message = f"the domain is '{domain}', the id says '{expected.split('.')[1]}'"
        reading.fault("WRONG_VALUE", message, (*path, "domain"))
    tags = reading.texts(part["tags"], (*path, "tags")) if "tags" in part else ()
    if domain and "tags" in part and domain not in tags:
        reading.fault("TAG_MISSING", f"the tags do not hold the domain '{domain}'", (*path, "tags"))
    return {**fields, "domain": domain, "tags": tags}


def _schemas(reading: Reading, part: dict[str, Json], path: Path, _: str) -> dict[str, Any]:
    from engine.schema_checks import check_object_schema, check_schema

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
    fields["runbook"] = _runbook_input(reading, fields.get("input", {}), (*path, "input"))
    return fields


def _properties(schema: Mapping[str, Json]) -> dict[str, dict[str, Json]]:
    """The properties that are schemas with keywords."""
    found = schema.get("properties")
    if not isinstance(found, dict):
        return {}
    return {name: each for name, each in found.items() if isinstance(each, dict)}


def _secret_keys(reading: Reading, schema: dict[str, Json], path: Path) -> tuple[SecretKey, ...]:
    required = schema.get("required")
    found = []
    for name, each in _properties(schema).items():
        where = (*path, "properties", name)
        for keyword in ("default", "const", "enum", "example", "examples"):
            if keyword in each:
                reading.fault("SECRET", "a contract holds no values of secrets", (*where, keyword))
        env = each.get("x-env")
        if env is not None and not (isinstance(env, str) and _VARIABLE.fullmatch(env)):
            reading.fault("WRONG_VALUE", "'x-env' is the name of a variable, such as API_KEY",
                          (*where, "x-env"))  # fmt: skip
            env = None
        must = isinstance(required, list) and name in required
        found.append(SecretKey(name=name, required=must, env=env))
    return tuple(found)


def _runbook_input(reading: Reading, schema: Mapping[str, Json], path: Path) -> RunbookInput | None:
    properties = _properties(schema)
    for name, each in properties.items():
        text = each.get("x-runbook")
        if text is None:
            continue
        if isinstance(text, str) and text in properties and text != name:
            return RunbookInput(name=name, text=text)
        reading.fault(
            "WRONG_VALUE", "'x-runbook' names the property that gets the runbook's text",
            (*path, "properties", name, "x-runbook"),
        )  # fmt: skip
    return None


def _security(reading: Reading, part: dict[str, Json], path: Path, _: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if "requiredScopes" in part:
        fields["scopes"] = _scopes(reading, part["requiredScopes"], (*path, "requiredScopes"))
    if "dataClassification" in part:
        where = (*path, "dataClassification")
        word = reading.choice(part["dataClassification"], where, CLASSIFICATIONS)
        fields["classification"] = word or "RESTRICTED"
    if "networkAccess" in part:
        where = (*path, "networkAccess")
        access = reading.mapping(part["networkAccess"], where)
        if access is not None:
            reading.keys(access, where, ("allowOutbound",), ("allowOutbound",))
            if "allowOutbound" in access:
                entries = reading.texts(access["allowOutbound"], (*where, "allowOutbound"))
                fields["allow_outbound"] = entries
    if "oscalControlIds" in part:
        fields["controls"] = reading.texts(part["oscalControlIds"], (*path, "oscalControlIds"))
    return fields


def _scopes(
    reading: Reading, value: Json, path: Path
) -> tuple[str, ...] | dict[str, tuple[str, ...]]:
    if isinstance(value, dict):
        return {operation: _scope_list(reading, each, (*path, operation))
                for operation, each in value.items()}  # fmt: skip
    return _scope_list(reading, value, path)


def _scope_list(reading: Reading, value: Json, path: Path) -> tuple[str, ...]:
    found = reading.texts(value, path)
    for index, scope in enumerate(found):
        if not _SCOPE.fullmatch(scope):
            reading.fault("ID", f"'{scope[:60]}' is not a scope", (*path, index),
                          hint="Write it like statuspage:write.")  # fmt: skip
    return found


def _operations(reading: Reading, part: dict[str, Json], path: Path, _: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"idempotent": reading.flag(part, "isIdempotent", path)}
    if "effect" in part:
        fields |= _effect(reading, part["effect"], (*path, "effect"))
    if "retryPolicy" in part:
        fields["retry"] = _retry(reading, part["retryPolicy"], (*path, "retryPolicy"))
    if "errorMap" in part:
        fields["error_map"] = _error_map(reading, part["errorMap"], (*path, "errorMap"))
    if "timeoutSeconds" in part:
        where = (*path, "timeoutSeconds")
        seconds = reading.number(part["timeoutSeconds"], where, 0.001, 604_800, whole=False)
        fields["timeout_ms"] = round((seconds or 60) * 1000)
    if "costFactor" in part:
        word = reading.choice(part["costFactor"], (*path, "costFactor"), COST_FACTORS)
        fields["cost_factor"] = word or "LOW"
    return fields


def _effect(reading: Reading, value: Json, path: Path) -> dict[str, Any]:
    """One effect, or one for each operation; the capability's own is then the worst of them."""
    if not isinstance(value, dict):
        return {"effect": reading.choice(value, path, EFFECTS) or "destructive"}
    effects: dict[str, Effect] = {}
    for operation, word in value.items():
        found = reading.choice(word, (*path, operation), EFFECTS)
        effects |= {operation: effect for effect in EFFECTS if effect == found}
    worst = max(effects.values(), key=EFFECTS.index, default="destructive")
    return {"effect": worst, "effects": effects}


def _retry(reading: Reading, value: Json, path: Path) -> Retry:
    policy = reading.mapping(value, path)
    if policy is None:
        return Retry()
    bounds = {
        "maxAttempts": (1, 1000, True),
        "initialIntervalSeconds": (0, 86_400, False),
        "backoffCoefficient": (1, 100, False),
    }
    reading.keys(policy, path, bounds, bounds)
    found = {
        key: reading.number(policy[key], (*path, key), least, most, whole=whole)
        for key, (least, most, whole) in bounds.items()
        if key in policy
    }
    return Retry(
        attempts=int(found.get("maxAttempts") or 1),
        first_ms=round((found.get("initialIntervalSeconds") or 0) * 1000),
        factor=found.get("backoffCoefficient") or 1.0,
    )


def _error_map(reading: Reading, value: Json, path: Path) -> dict[str, Category]:
    found: dict[str, Category] = {}
    for code, word in (reading.mapping(value, path) or {}).items():
        if not _ERROR_CODE.fullmatch(code) or len(code) > 100:
            reading.fault("ID", f"'{code[:60]}' is not an error code", (*path, code), key=True,
                          hint="Write it like RATE_LIMITED.")  # fmt: skip
        category = reading.choice(word, (*path, code), CATEGORIES)
        found |= {code: each for each in CATEGORIES if each == category}
    return found


def _hints(reading: Reading, part: dict[str, Json], path: Path, _: str) -> dict[str, Any]:
    return {
        "example_input": part.get("exampleInput"),
        "example_output": part.get("exampleOutput"),
        "usage_notes": reading.text(part, "usageNotes", path) or None,
    }


def _runtime(reading: Reading, part: dict[str, Json], path: Path, _: str) -> dict[str, Any]:
    from engine.expressions import has_template

    image = reading.text(part, "image", path, line=True)
    if image and not (
        image == "." or _IMAGE_FOLDER.fullmatch(image) or _IMAGE_DIGEST.fullmatch(image)
    ):
        reading.fault("CONTRACT_IMAGE", f"'{image[:60]}' has no digest", (*path, "image"),
                      hint="Write name@sha256:…, a folder of containers/, or `.`.")  # fmt: skip
    command: tuple[str, ...] = ()
    if isinstance(part.get("command"), str):
        reading.wrong_type(part["command"], (*path, "command"), "a list",
                           "Write [python3, main.py]: no shell reads it.")  # fmt: skip
    elif "command" in part:
        command = reading.texts(part["command"], (*path, "command"), least=1)
    for index, word in enumerate(command):
        if has_template(word):
            reading.fault(
                "SCRIPT_TEMPLATE", "a command holds no template", (*path, "command", index)
            )
    return {"image": image, "command": command}


_READERS = {
    "metadata": _metadata,
    "schemas": _schemas,
    "security": _security,
    "operations": _operations,
    "aiHints": _hints,
    "runtime": _runtime,
}


def _together(reading: Reading, fields: Mapping[str, Any]) -> None:
    """What needs more than one section."""
    from engine.schema_checks import check_value

    for key, schema in (("exampleInput", "input"), ("exampleOutput", "output")):
        hints = reading.document.value.get("aiHints")
        if schema in fields and isinstance(hints, dict) and key in hints:
            check_value(reading, fields[schema], hints[key], ("aiHints", key), "CONTRACT_EXAMPLE")
    config = _properties(fields.get("config", {}))
    for index, entry in enumerate(fields.get("allow_outbound", ())):
        _outbound(reading, entry, config, ("security", "networkAccess", "allowOutbound", index))
    operations = _properties(fields.get("input", {})).get("operation", {}).get("enum")
    if isinstance(operations, list):
        _each_operation(reading, fields, operations)


def _outbound(reading: Reading, entry: str, config: Mapping[str, Json], path: Path) -> None:
    kind, _, key = entry.partition(":")
    if kind == "config":
        if key not in config:
            reading.fault("CONTRACT_OUTBOUND", f"the configuration has no '{key[:60]}'", path)
        return
    match = _OUTBOUND.fullmatch(entry)
    if match is None or not 1 <= int(match[1] or match[2]) <= 65_535:
        reading.fault("CONTRACT_OUTBOUND", f"'{entry[:60]}' is not host:port", path,
                      hint="Write api.example.com:443, or config:<key> for a URL.")  # fmt: skip


def _each_operation(reading: Reading, fields: Mapping[str, Any], operations: list[Json]) -> None:
    """What is said for each operation is said for all of them, and for no other."""
    places: Mapping[str, Path] = {
        "scopes": ("security", "requiredScopes"), "effects": ("operations", "effect"),
    }  # fmt: skip
    for name, path in places.items():
        given = fields.get(name)
        if not isinstance(given, dict) or not given:
            continue
        for operation in given:
            if operation not in operations:
                message = f"the input has no operation '{operation[:60]}'"
                reading.fault("UNKNOWN_KEY", message, (*path, operation), key=True)
        for operation in operations:
            if operation not in given:
                reading.fault("MISSING_KEY", f"the operation '{operation}' is missing", path)
