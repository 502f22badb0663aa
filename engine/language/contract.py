"""capability.yaml → Capability, with every fault of the contract."""

import re
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from engine.language.capability import Capability
from engine.language.contract_operations import read_operations, read_security
from engine.language.contract_schemas import properties_of, read_schemas
from engine.language.contract_service import check_reach
from engine.language.document import Document, Path
from engine.language.outbound import check_outbound
from engine.language.reading import Reading
from engine.plan import Json

TYPES = ("connector", "integration", "commander", "transformer", "guardian", "reasoner")
_ID = re.compile(r"golden\.([a-z][a-z0-9]*(?:-[a-z0-9]+)*)\.([a-z][a-z0-9]*(?:-[a-z0-9]+)*)")
_IMAGE_FOLDER = re.compile(r"[a-z0-9][a-z0-9._-]*")
_IMAGE_DIGEST = re.compile(r"\S+@sha256:[0-9a-f]{64}")

_SECTIONS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "metadata": (
        ("id", "version", "name", "maintainer", "description", "type", "domain", "tags"),
        (),
    ),
    "schemas": (("input", "output", "config", "secrets"), ()),
    "security": (
        ("requiredScopes", "dataClassification", "networkAccess"),
        ("oscalControlIds",),
    ),
    "operations": (
        ("isIdempotent", "effect", "retryPolicy", "errorMap", "timeoutSeconds", "costFactor"),
        (),
    ),
    "aiHints": (("exampleInput", "exampleOutput"), ("usageNotes",)),
    "runtime": (("image", "command"), ()),
}
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
                "FILE_NAME",
                f"the folder says '{expected}', the contract '{given}'",
                (*path, "id"),
                hint="The folder is capabilities/<domain>/<name>, the id golden.<domain>.<name>.",
            )
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
        reading.fault(
            "CONTRACT_IMAGE",
            f"'{image[:60]}' has no digest",
            (*path, "image"),
            hint="Write name@sha256:…, a folder of containers/, or `.`.",
        )
    command: tuple[str, ...] = ()
    if isinstance(part.get("command"), str):
        reading.wrong_type(
            part["command"],
            (*path, "command"),
            "a list",
            "Write [python3, main.py]: no shell reads it.",
        )
    elif "command" in part:
        command = reading.texts(part["command"], (*path, "command"), least=1, repeated=True)
    for index, word in enumerate(command):
        if has_template(word):
            reading.fault(
                "SCRIPT_TEMPLATE", "a command holds no template", (*path, "command", index)
            )
    return {"image": image, "command": command}


_READERS = {
    "metadata": _metadata,
    "schemas": read_schemas,
    "security": read_security,
    "operations": read_operations,
    "aiHints": _hints,
    "runtime": _runtime,
}


def _together(reading: Reading, fields: Mapping[str, Any]) -> None:
    """What needs more than one section."""
    from engine.language.schema_checks import check_value

    for key, schema in (("exampleInput", "input"), ("exampleOutput", "output")):
        hints = reading.document.value.get("aiHints")
        if schema in fields and isinstance(hints, dict) and key in hints:
            check_value(reading, fields[schema], hints[key], ("aiHints", key), "CONTRACT_EXAMPLE")
    config = properties_of(fields.get("config", {}))
    outbound: Path = ("security", "networkAccess", "allowOutbound")
    for index, entry in enumerate(fields.get("allow_outbound", ())):
        check_outbound(reading, entry, (*outbound, index), config)
    if "allow_outbound" in fields:
        check_reach(reading, fields.get("service"), fields["allow_outbound"], outbound)
    operations = properties_of(fields.get("input", {})).get("operation", {}).get("enum")
    if isinstance(operations, list):
        _each_operation(reading, operations)


def _each_operation(reading: Reading, operations: list[Json]) -> None:
    """What is said for each operation is said for all of them, and for no other."""
    for section, key in (("security", "requiredScopes"), ("operations", "effect")):
        part = reading.document.value.get(section)
        given = part.get(key) if isinstance(part, dict) else None
        if not isinstance(given, dict):
            continue
        path: Path = (section, key)
        for operation in given:
            if operation not in operations:
                message = f"the input has no operation '{operation[:60]}'"
                reading.fault("UNKNOWN_KEY", message, (*path, operation), key=True)
        for operation in operations:
            if operation not in given:
                reading.fault("MISSING_KEY", f"the operation '{operation}' is missing", path)
