"""The sections `security` and `operations` of a contract."""

import re
from typing import Any

from engine.errors import Category
from engine.language.blueprint import CLASSIFICATIONS
from engine.language.capability import EFFECTS
from engine.language.document import Path
from engine.language.reading import Reading
from engine.plan import Effect, Json, Retry

CATEGORIES: tuple[Category, ...] = ("RETRYABLE", "RATE_LIMIT", "AUTH_FAILURE", "FATAL")
COST_FACTORS = ("LOW", "MEDIUM", "HIGH")
SCOPE = re.compile(r"[a-z][a-z0-9-]*:[a-z][a-z0-9-]*")
_ERROR_CODE = re.compile(r"[A-Z][A-Z0-9_]*")


def read_security(reading: Reading, part: dict[str, Json], path: Path, _: str) -> dict[str, Any]:
    """The fields of a Capability that come of its security."""
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
        return {
            operation: _scope_list(reading, each, (*path, operation))
            for operation, each in value.items()
        }
    return _scope_list(reading, value, path)


def _scope_list(reading: Reading, value: Json, path: Path) -> tuple[str, ...]:
    found = reading.texts(value, path)
    for index, scope in enumerate(found):
        if scope and not SCOPE.fullmatch(scope):
            reading.fault(
                "ID",
                f"'{scope[:60]}' is not a scope",
                (*path, index),
                hint="Write it like statuspage:write.",
            )
    return found


def read_operations(reading: Reading, part: dict[str, Json], path: Path, _: str) -> dict[str, Any]:
    """The fields of a Capability that come of its operations."""
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
        effect = reading.choice(word, (*path, operation), EFFECTS)
        if effect is not None:
            effects[operation] = effect
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
            reading.fault(
                "ID",
                f"'{code[:60]}' is not an error code",
                (*path, code),
                key=True,
                hint="Write it like RATE_LIMITED.",
            )
        category = reading.choice(word, (*path, code), CATEGORIES)
        if category is not None:
            found[code] = category
    return found
