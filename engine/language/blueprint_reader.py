"""Document → Blueprint: the shape of the file, key by key. What the parts mean to each other is
checked later, by the planner."""

from collections.abc import Mapping
from typing import Any

from engine.language.blueprint import CLASSIFICATIONS, Blueprint, WrittenStep
from engine.language.document import Document, Path
from engine.language.reading import DOTTED_ID, Reading
from engine.language.step_reader import read_step
from engine.plan import MAX_STEPS, Json

_KEYS = (
    "blueprint",
    "version",
    "title",
    "owner",
    "description",
    "costCenter",
    "roles",
    "classification",
    "maxDuration",
    "inputs",
    "steps",
    "finally",
    "outputs",
)
_STEPS = ("steps", "finally")
_REQUIRED = ("blueprint", "version", "title", "owner", "steps")


def read_blueprint(document: Document, name: str) -> Blueprint:
    """The blueprint in `document`; `name` is what its file is called, without `.yaml`."""
    reading = Reading(document)
    if not document.readable:
        if not document.faults:
            reading.fault(
                "WRONG_TYPE", "a blueprint is a mapping that begins with `blueprint:`", ()
            )
        return Blueprint(id=name, document=document, faults=tuple(reading.faults))
    root: dict[str, Json] = document.value
    reading.keys(root, (), _KEYS, _REQUIRED)
    fields = _head(reading, root, name)
    complete = _few_enough(reading, root)
    steps = _steps(reading, root, "steps", least=1) if complete else ()
    last = _steps(reading, root, "finally", least=0) if complete else ()
    _duplicates(reading, (*steps, *last))
    for step in last:
        if step.undo is not None:
            message = "a step of `finally` is never undone"
            reading.fault("UNKNOWN_KEY", message, (*step.path, "undo"), key=True)
    return Blueprint(
        id=name,
        document=document,
        complete=complete,
        steps=steps,
        finally_=last,
        faults=tuple(reading.faults),
        **fields,
    )


def _head(reading: Reading, root: Mapping[str, Json], name: str) -> dict[str, Any]:
    """Everything but the steps."""
    if "blueprint" in root:
        given = reading.identifier(
            root["blueprint"], ("blueprint",), DOTTED_ID, "incident.remediate"
        )
        if given and given != name:
            reading.fault(
                "FILE_NAME",
                f"the blueprint '{given}' is in a file named '{name}.yaml'",
                ("blueprint",),
                hint=f"Name the file {given}.yaml.",
            )
    fields: dict[str, Any] = {
        "version": reading.version(root, "version", ()),
        "title": reading.literal(root, "title", ()),
        "owner": reading.literal(root, "owner", ()),
        "description": reading.text(root, "description", ()) or None,
        "cost_center": reading.literal(root, "costCenter", ()) or None,
    }
    if "roles" in root:
        fields["roles"] = reading.texts(root["roles"], ("roles",), literal=True)
    if "classification" in root:
        word = reading.choice(root["classification"], ("classification",), CLASSIFICATIONS)
        fields["classification"] = word or "INTERNAL"
    if "maxDuration" in root:
        duration = reading.duration(root["maxDuration"], ("maxDuration",))
        fields["max_duration_ms"] = duration or 86_400_000
    for key in ("inputs", "outputs"):
        if key in root:
            fields[key] = reading.mapping(root[key], (key,)) or {}
    return fields


def _few_enough(reading: Reading, root: Mapping[str, Json]) -> bool:
    """Whether there are as many steps as a blueprint may have; more are not looked at."""
    lengths = {key: len(each) for key in _STEPS if isinstance(each := root.get(key), list)}
    count = sum(lengths.values())
    if count > MAX_STEPS:
        message = f"{count:,} steps; a blueprint has at most {MAX_STEPS:,}"
        reading.fault("TOO_MANY_STEPS", message, (next(iter(lengths)),), key=True)
    return count <= MAX_STEPS


def _steps(
    reading: Reading, root: Mapping[str, Json], key: str, *, least: int
) -> tuple[WrittenStep, ...]:
    if key not in root:
        return ()
    items = reading.items(root[key], (key,))
    if isinstance(root[key], list) and len(items) < least:
        reading.fault("WRONG_VALUE", "a blueprint has at least one step", (key,))
    found = (read_step(reading, item, (key, index)) for index, item in enumerate(items))
    return tuple(step for step in found if step is not None)


def _duplicates(reading: Reading, steps: tuple[WrittenStep, ...]) -> None:
    """Ids are unique among the steps and those of `finally`: both are read as `steps.<id>`."""
    first: dict[str, Path] = {}
    for step in steps:
        if step.id in first:
            line = reading.document.place(first[step.id])[0]
            message = f"another step is called '{step.id}', in line {line}"
            reading.fault("STEP_DUPLICATE", message, (*step.path, "id"))
        elif step.id:
            first[step.id] = step.path
