"""Faults as `harmony validate` shows them to programs: JSON, GitHub's commands, SARIF 2.1.0."""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from engine.faults import Fault
from engine.language.fault_codes import FAULT_CODES

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_json(faults: Iterable[Fault]) -> list[dict[str, str | int]]:
    """The entries of `{"faults": […]}`; `hint` only where there is one."""
    found = []
    for fault in faults:
        entry: dict[str, str | int] = {
            "code": fault.code,
            "severity": fault.severity,
            "message": fault.message,
            "file": fault.file,
            "line": fault.line,
            "column": fault.column,
            "path": fault.path,
        }
        found.append(entry if fault.hint is None else {**entry, "hint": fault.hint})
    return found


def as_github(faults: Iterable[Fault], prefix: str = "") -> str:
    """One workflow command a fault; `prefix` leads from the repository to the project."""
    return "\n".join(_command(fault, prefix) for fault in faults)


def as_sarif(faults: Sequence[Fault], version: str, prefix: str = "") -> dict[str, Any]:
    """One SARIF 2.1.0 log with one run; `version` is Harmony's."""
    codes = sorted({fault.code for fault in faults})
    rules = [
        {
            "id": code,
            "shortDescription": {"text": FAULT_CODES[code].meaning},
            "defaultConfiguration": {"level": FAULT_CODES[code].severity},
        }
        for code in codes
    ]
    driver = {"name": "harmony", "version": version, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(fault, codes.index(fault.code), prefix) for fault in faults],
    }
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def in_words(faults: Sequence[Fault]) -> str:
    """`2 errors, 1 warning`, or `no faults`."""
    errors = sum(fault.severity == "error" for fault in faults)
    counts = (_plural(errors, "error"), _plural(len(faults) - errors, "warning"))
    return ", ".join(filter(None, counts)) or "no faults"


def _plural(number: int, word: str) -> str:
    return "" if number == 0 else f"{number} {word}{'s' if number > 1 else ''}"


def _command(fault: Fault, prefix: str) -> str:
    place = f"file={_property(prefix + fault.file)},line={fault.line},col={fault.column}"
    text = " ".join(filter(None, (f"[{fault.code}]", _sentence(fault.message), fault.hint)))
    return f"::{fault.severity} {place}::{_escaped(text)}"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _result(fault: Fault, rule: int, prefix: str) -> dict[str, Any]:
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(prefix + fault.file)},
            "region": {"startLine": fault.line, "startColumn": fault.column},
        }
    }
    if fault.path:
        location["logicalLocations"] = [{"fullyQualifiedName": fault.path}]
    return {
        "ruleId": fault.code,
        "ruleIndex": rule,
        "level": fault.severity,
        "message": {"text": " ".join(filter(None, (_sentence(fault.message), fault.hint)))},
        "locations": [location],
    }
