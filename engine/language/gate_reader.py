"""The mapping under `gate` → WrittenGate."""

from typing import Any

from engine.language.blueprint import SEVERITIES, WrittenGate
from engine.language.call_reader import read_call
from engine.language.document import Path
from engine.language.reading import Reading
from engine.plan import Json

_KEYS = ("ask", "approvers", "count", "timeout", "escalate", "initiatorMayApprove", "notify")
_REQUIRED = ("ask", "approvers", "timeout")


def read_gate(reading: Reading, value: Json, path: Path) -> WrittenGate | None:
    """The gate, or None where `value` is no mapping."""
    gate = reading.mapping(value, path)
    if gate is None:
        return None
    reading.keys(gate, path, _KEYS, _REQUIRED)
    fields: dict[str, Any] = {
        "ask": reading.text(gate, "ask", path),
        "initiator_may_approve": reading.flag(gate, "initiatorMayApprove", path),
    }
    if "approvers" in gate:
        where = (*path, "approvers")
        fields["approvers"] = reading.texts(gate["approvers"], where, least=1, literal=True)
    if "count" in gate:
        fields["count"] = reading.number(gate["count"], (*path, "count"), 1, 100, whole=True) or 1
    if "timeout" in gate:
        fields["timeout"] = _timeout(reading, gate["timeout"], (*path, "timeout"))
    if "escalate" in gate:
        rounds, flag = _escalate(reading, gate["escalate"], (*path, "escalate"))
        fields["escalate"], fields["escalate_flag"] = rounds, flag
    if "notify" in gate:
        fields["notify"] = read_call(reading, gate["notify"], (*path, "notify"))
    return WrittenGate(**fields)


def _timeout(reading: Reading, value: Json, path: Path) -> dict[str, int]:
    if isinstance(value, str):
        limit = reading.duration(value, path)
        return {"default": limit} if limit else {}
    if not isinstance(value, dict):
        reading.wrong_type(value, path, "a duration, or one a severity with `default`")
        return {}
    reading.keys(value, path, (*SEVERITIES, "default"), ())
    if "default" not in value:
        reading.fault("MISSING_KEY", "'default' is missing: a run may have no severity", path)
    found = {
        key: reading.duration(value[key], (*path, key))
        for key in (*SEVERITIES, "default")
        if key in value
    }
    return {key: limit for key, limit in found.items() if limit}


def _escalate(
    reading: Reading, value: Json, path: Path
) -> tuple[dict[str, tuple[tuple[str, ...], ...]], str | dict[str, str] | None]:
    escalate = reading.mapping(value, path)
    if escalate is None:
        return {}, None
    reading.keys(escalate, path, (*SEVERITIES, "flag"), ())
    if not any(severity in escalate for severity in SEVERITIES):
        reading.fault("ESCALATION", "names no severity: nobody would be asked", path)
    flag = _flag(reading, escalate, path)
    rounds = {
        key: _rounds(reading, escalate[key], (*path, key)) for key in SEVERITIES if key in escalate
    }
    return {key: lists for key, lists in rounds.items() if lists}, flag


def _flag(reading: Reading, escalate: dict[str, Json], path: Path) -> str | dict[str, str] | None:
    """One for all severities, or one for each that is named."""
    given = escalate.get("flag")
    if not isinstance(given, dict):
        return reading.literal(escalate, "flag", path) or None
    where = (*path, "flag")
    reading.keys(given, where, tuple(key for key in SEVERITIES if key in escalate), ())
    return {key: flag for key in given if (flag := reading.literal(given, key, where))}


def _rounds(reading: Reading, value: Json, path: Path) -> tuple[tuple[str, ...], ...]:
    """`[a, b]` is one round that asks both, `[[a], [b]]` is two."""
    items = reading.items(value, path)
    if isinstance(value, list) and not items:
        reading.fault("ESCALATION", "names no role to ask", path)
    nested = [isinstance(item, list) for item in items]
    if any(nested) and not all(nested):
        reading.fault(
            "ESCALATION",
            "mixes roles and rounds",
            path,
            hint="Write [a, b] for one round, or [[a], [b]] for two.",
        )
        return ()
    if not any(nested):
        roles = reading.texts(items, path, literal=True)
        return (roles,) if roles else ()
    return tuple(
        reading.texts(item, (*path, index), least=1, literal=True)
        for index, item in enumerate(items)
    )
