"""One entry of `steps` → WrittenStep."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from engine.language.blueprint import SEVERITIES, Kind, WrittenNeed, WrittenStep, WrittenWait
from engine.language.call_reader import read_call, read_call_of
from engine.language.document import Path
from engine.language.gate_reader import read_gate
from engine.language.reading import DOTTED_ID, STEP_ID, Reading, fits
from engine.plan import APPROVAL_SIGNAL, OWN_SIGNALS, Json, Outcome
from engine.suggestions import suggest

KINDS: tuple[Kind, ...] = get_args(Kind)
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

_COMMON = ("id", "title", "needs", "when", "severity", "tolerate")
_KEYS: Mapping[Kind, tuple[str, ...]] = {
    "run": ("with", "config", "secrets", "timeout", "retry", "undo", "foreach", "concurrency"),
    "blueprint": ("with", "timeout", "undo", "foreach", "concurrency"),
    "gate": (),
    "wait": (),
    "set": (),
}
_MISPLACED = {
    ("gate", "timeout"): "A gate's timeout stands inside `gate:`.",
    ("wait", "timeout"): "Write `wait: {signal: NAME, timeout: 10m}`.",
    ("blueprint", "retry"): "The steps of the child have their own `retry`.",
}
_RESERVED = {
    OWN_SIGNALS: "belongs to the engine, as all that begin with " + OWN_SIGNALS,
    "__temporal": "belongs to Temporal, as all that begin with __temporal",
}
_RETRY = ("attempts", "first", "factor", "max")


def read_step(reading: Reading, value: Json, path: Path) -> WrittenStep | None:
    """The step, or None where it is no step at all (its faults are added)."""
    step = reading.mapping(value, path)
    if step is None:
        return None
    kinds = [kind for kind in KINDS if kind in step]
    if "id" not in step:
        reading.fault("MISSING_KEY", "'id' is missing", path)
    fields = _common(reading, step, path)
    others, kind = (step, kinds[0]) if kinds else _without_kind(reading, step, path)
    if len(kinds) > 1:
        both = " and ".join(f"`{each}`" for each in kinds)
        reading.fault("STEP_KIND", f"a step is one thing; this one has {both}", path)
        kind = None
    _unknown_keys(reading, others, kinds or KINDS, path)
    for each in kinds:
        fields.update(_READERS[each](reading, step, path))
    return WrittenStep(path=path, kind=kind, **fields)


def _without_kind(
    reading: Reading, step: dict[str, Json], path: Path
) -> tuple[dict[str, Json], Kind | None]:
    """The fault; the step without the key that was meant for a kind, and that kind."""
    message = "a step has one of run, gate, blueprint, wait, set"
    for slip in step:
        near = None if slip in _COMMON else suggest(slip, KINDS)
        if near is not None:
            reading.fault("STEP_KIND", message, path, hint=f"Did you mean '{near}'?")
            return {key: value for key, value in step.items() if key != slip}, near
    reading.fault("STEP_KIND", message, path)
    return step, None


def _unknown_keys(
    reading: Reading, step: Mapping[str, Json], kinds: Sequence[Kind], path: Path
) -> None:
    known = (*_COMMON, *dict.fromkeys(key for kind in kinds for key in (kind, *_KEYS[kind])))
    elsewhere = {key for keys in _KEYS.values() for key in keys}
    for key in step:
        if key in known:
            continue
        if key in elsewhere:
            hint = _MISPLACED.get((kinds[0], key))
            message = f"a step with {' and '.join(f'`{kind}`' for kind in kinds)} has no '{key}'"
        else:
            hint = reading.meant(key, known) or f"Keys here: {', '.join(known)}."
            message = f"unknown key '{key[:60]}'"
        reading.fault("UNKNOWN_KEY", message, (*path, key), key=True, hint=hint)


def _common(reading: Reading, step: Mapping[str, Json], path: Path) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "id": reading.identifier(step["id"], (*path, "id"), STEP_ID, "look-again")
        if "id" in step
        else "",
        "title": reading.literal(step, "title", path) or None,
        "tolerate": reading.flag(step, "tolerate", path),
    }
    if "needs" in step:
        fields["needs"] = _needs(reading, step["needs"], (*path, "needs"))
    if "when" in step:
        fields["when"] = _when(reading, step["when"], (*path, "when"))
    if "severity" in step:
        fields["severity"] = _severities(reading, step["severity"], (*path, "severity"))
    return fields


def _when(reading: Reading, value: Json, path: Path) -> str | bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if not value.strip():
            reading.fault("WRONG_VALUE", "'when' is empty", path)
        return value.strip() or None
    reading.wrong_type(value, path, "an expression, true or false")
    return None


def _severities(reading: Reading, value: Json, path: Path) -> tuple[str, ...]:
    items = reading.items(value, path)
    reading.once_each(items, path)
    found = tuple(
        reading.choice(item, (*path, index), SEVERITIES) for index, item in enumerate(items)
    )
    if value == []:
        reading.fault(
            "WRONG_VALUE",
            "an empty list lets no severity through",
            path,
            hint="Leave `severity` away, or name one of P1 to P4.",
        )
    return tuple(item for item in found if item)


def _needs(reading: Reading, value: Json, path: Path) -> tuple[WrittenNeed, ...]:
    if isinstance(value, list):
        return _well(reading, value, path)
    if not isinstance(value, dict):
        hint = f"Write it as [{value[:60]}]." if isinstance(value, str) else None
        reading.wrong_type(value, path, "a list of steps, or a mapping of steps to outcomes", hint)
        return ()
    return tuple(
        WrittenNeed((*path, step), step, _outcomes(reading, wanted, (*path, step)))
        for step, wanted in value.items()
    )


def _well(reading: Reading, value: list[Json], path: Path) -> tuple[WrittenNeed, ...]:
    reading.once_each(value, path)
    found: dict[str, WrittenNeed] = {}
    for index, item in enumerate(value):
        if isinstance(item, str):
            found.setdefault(item, WrittenNeed((*path, index), item))
        else:
            reading.wrong_type(item, (*path, index), "the id of a step")
    return tuple(found.values())


def _outcomes(reading: Reading, value: Json, path: Path) -> tuple[Outcome, ...] | None:
    if value == "any" or value == ["any"]:
        return OUTCOMES
    if isinstance(value, str):
        listed: list[tuple[Json, Path]] = [(value, path)]
    elif isinstance(value, list):
        reading.once_each(value, path)
        listed = [(item, (*path, index)) for index, item in enumerate(value)]
    else:
        reading.wrong_type(value, path, "an outcome, or a list of outcomes")
        return None
    if value == []:
        reading.fault("WRONG_VALUE", "names no outcome: the step would never run", path)
    found: list[Outcome] = []
    for item, where in listed:
        if item == "any":
            return OUTCOMES
        word = reading.choice(item, where, OUTCOMES)
        if word is not None:
            found.append(word)
    return tuple(found) or None


def _retry(reading: Reading, value: Json, path: Path) -> dict[str, int | float] | None:
    retry = reading.mapping(value, path)
    if retry is None:
        return None
    reading.keys(retry, path, _RETRY, ())
    found: dict[str, int | float | None] = {}
    if "attempts" in retry:
        found["attempts"] = reading.number(
            retry["attempts"], (*path, "attempts"), 1, 1000, whole=True
        )
    if "factor" in retry:
        found["factor"] = reading.number(retry["factor"], (*path, "factor"), 1, 100, whole=False)
    for key in ("first", "max"):
        if key in retry:
            found[f"{key}_ms"] = reading.duration(retry[key], (*path, key))
    if (found.get("first_ms") or 0) > (found.get("max_ms") or math.inf):
        reading.fault("WRONG_VALUE", "'max' is shorter than 'first'", (*path, "max"))
    return {key: number for key, number in found.items() if number is not None}


def _loop(reading: Reading, step: Mapping[str, Json], path: Path) -> dict[str, Any]:
    """What `run` and `blueprint` have in common."""
    fields: dict[str, Any] = {}
    if "timeout" in step:
        fields["timeout_ms"] = reading.duration(step["timeout"], (*path, "timeout"))
    if "undo" in step:
        fields["undo"] = read_call(reading, step["undo"], (*path, "undo"))
    if "foreach" in step:
        if isinstance(step["foreach"], str | list):
            fields["foreach"] = step["foreach"]
        else:
            reading.wrong_type(step["foreach"], (*path, "foreach"), "a whole {{ … }} or a list")
    if "concurrency" in step:
        where = (*path, "concurrency")
        if "foreach" not in step:
            reading.fault("UNKNOWN_KEY", "'concurrency' goes with `foreach`", where, key=True)
        fields["concurrency"] = reading.number(step["concurrency"], where, 1, 500, whole=True) or 10
    return fields


def _run(reading: Reading, step: Mapping[str, Json], path: Path) -> dict[str, Any]:
    fields = _loop(reading, step, path)
    fields["call"] = read_call_of(reading, step, path)
    if "retry" in step:
        fields["retry"] = _retry(reading, step["retry"], (*path, "retry"))
    return fields


def _blueprint(reading: Reading, step: Mapping[str, Json], path: Path) -> dict[str, Any]:
    fields = _loop(reading, step, path)
    fields["child"] = _child(reading, step["blueprint"], (*path, "blueprint"))
    if "with" in step:
        fields["with_"] = reading.mapping(step["with"], (*path, "with")) or {}
    return fields


def _child(reading: Reading, value: Json, path: Path) -> str:
    name, at, _ = value.partition("@") if isinstance(value, str) else ("", "", "")
    if at and fits(name, DOTTED_ID):
        message = "a child has no version here: there is one of each blueprint"
        reading.fault("ID", message, path, hint=f"Write {name}.")
        return name
    return reading.identifier(value, path, DOTTED_ID, "incident.close-out")


def _gate(reading: Reading, step: Mapping[str, Json], path: Path) -> dict[str, Any]:
    return {"gate": read_gate(reading, step["gate"], (*path, "gate"))}


def _wait(reading: Reading, step: Mapping[str, Json], path: Path) -> dict[str, Any]:
    value, path = step["wait"], (*path, "wait")
    if isinstance(value, str):
        return {"wait": WrittenWait(duration_ms=reading.duration(value, path, zero=True))}
    if not isinstance(value, dict):
        reading.wrong_type(value, path, "a duration, or {signal: NAME, timeout: 10m}")
        return {}
    reading.keys(value, path, ("signal", "timeout"), ("signal",))
    limit = reading.duration(value["timeout"], (*path, "timeout")) if "timeout" in value else None
    name = reading.literal(value, "signal", path)
    reserved = next((text for start, text in _RESERVED.items() if name.startswith(start)), None)
    if name == APPROVAL_SIGNAL:
        reserved = "answers gates"
    if reserved:
        message = f"the signal '{name[:60]}' {reserved}: no step can wait for it"
        reading.fault("WRONG_VALUE", message, (*path, "signal"), hint="Take another name.")
    return {"wait": WrittenWait(signal=name, timeout_ms=limit)}


def _set(reading: Reading, step: Mapping[str, Json], path: Path) -> dict[str, Any]:
    return {"values": reading.mapping(step["set"], (*path, "set")) or {}}


_READERS: Mapping[Kind, Callable[[Reading, Mapping[str, Json], Path], dict[str, Any]]] = {
    "run": _run,
    "blueprint": _blueprint,
    "gate": _gate,
    "wait": _wait,
    "set": _set,
}
