"""What each step gives, as a JSON Schema: the types behind `steps.<id>.…`."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from engine.errors import ExpressionSyntaxError
from engine.language import schema_types
from engine.language.blueprint import Blueprint, WrittenCall, WrittenStep
from engine.language.capability import Capability
from engine.language.catalog import Catalog
from engine.language.context import CONTEXT_SCHEMA
from engine.language.readable_names import FIELDS, GATE, INDEX, RUN, Schema
from engine.plan import Json

Field = Schema | schema_types.Unknown | schema_types.Missing
Read = tuple[str | int, ...]
"""What a reference reads: a root's name, then keys."""

MAX_PARTS = 1_000
MAX_DEPTH = 40
MAX_FORMS = 20
"""Of an inferred schema; beyond, nothing is said of the type."""

_ROOTS: Mapping[str | int, Schema] = {
    "context": CONTEXT_SCHEMA,
    "run": RUN,
    "gate": GATE,
    "index": INDEX,
}


class Producers:
    """The output schemas of one blueprint's steps; None where nothing is known of one."""

    def __init__(self, blueprint: Blueprint, catalog: Catalog) -> None:
        self.blueprint = blueprint
        self.catalog = catalog
        self.steps = {step.id: step for step in (*blueprint.finally_, *blueprint.steps)}
        self._outputs: dict[str, Schema | None] = {}
        self._items: dict[str, Schema | None] = {}
        self._fields: dict[tuple[int, Read], tuple[Schema, Field]] = {}
        """By the `id()` of a schema, which is kept with what was found in it."""

    @cached_property
    def capability_names(self) -> tuple[str, ...]:
        """The ids of all capabilities."""
        return self.catalog.capabilities()

    @cached_property
    def runbook_names(self) -> tuple[str, ...]:
        """The names of all runbooks."""
        return self.catalog.runbooks()

    def capability(self, call: WrittenCall | None) -> Capability | None:
        """The capability of a call, where it is there and of the right version."""
        return self.catalog.capability(call.capability, call.range) if call is not None else None

    def child(self, step: WrittenStep) -> Blueprint | None:
        """The blueprint that a step runs."""
        return self.catalog.blueprint(step.child) if step.child else None

    def output(self, step: WrittenStep) -> Schema | None:
        """The schema of `steps.<id>.output`."""
        if step.id not in self._outputs:
            self._outputs[step.id] = None
            self._outputs[step.id] = self._loop(step, self._output(step))
        return self._outputs[step.id]

    def item(self, step: WrittenStep) -> Schema | None:
        """The schema of `item` within the step's loop."""
        if step.id not in self._items:
            self._items[step.id] = None
            self._items[step.id] = self._item(step)
        return self._items[step.id]

    def of(self, path: Read, step: WrittenStep | None) -> Schema | None:
        """The schema of what a path reads, as seen from a step."""
        if not path:
            return None
        root, rest = self._root(path, step)
        if root is None or not rest:
            return root
        found = self.field(root, rest)
        return found if isinstance(found, Mapping) else None

    def field(self, root: Schema, path: Read) -> Field:
        """What a path leads to in a schema; remembered, for the same few are asked for often."""
        kept = self._fields.get((id(root), path))
        if kept is None:
            kept = root, schema_types.field(root, path)
            self._fields[id(root), path] = kept
        return kept[1]

    def missing(self, path: Read, step: WrittenStep | None) -> schema_types.Missing | None:
        """The first field on a path that is not there, counted from the path's beginning; None
        where all of it is there, or may be."""
        root, rest = self._root(path, step)
        found = self.field(root, rest) if root is not None else None
        if not isinstance(found, schema_types.Missing):
            return None
        return replace(found, path=path[: len(path) - len(rest) + len(found.path)])

    def _root(self, path: Read, step: WrittenStep | None) -> tuple[Schema | None, Read]:
        name, rest = path[0], path[1:]
        if name == "item" and step is not None:
            return self.item(step), rest
        if name == "steps" and len(rest) >= 2:
            other = self.steps.get(str(rest[0]))
            if other is None:
                return None, ()
            if rest[1] == "output":
                return self.output(other), rest[2:]
            return FIELDS.get(str(rest[1])), rest[2:]
        return self.inputs if name == "inputs" else _ROOTS.get(name), rest

    @cached_property
    def inputs(self) -> Schema:
        """The schema of `inputs`: names that it does not list are not there."""
        return closed_inputs(self.blueprint.inputs)

    def _output(self, step: WrittenStep) -> Schema | None:
        if step.call is not None:
            capability = self.capability(step.call)
            return capability.output if capability is not None and capability.healthy else None
        if step.kind == "blueprint":
            return self._child_outputs(step)
        if step.kind == "set":
            return self.object_of(step.values, step)
        if step.wait is not None and step.wait.signal is None:
            return {"type": "null"}
        return None

    def _child_outputs(self, step: WrittenStep) -> Schema | None:
        child = self.child(step)
        if child is None:
            return None
        kept = self.catalog.outputs
        if child.id not in kept:
            kept[child.id] = None  # for a blueprint that runs itself, which is reported elsewhere
            kept[child.id] = Producers(child, self.catalog).object_of(child.outputs, None)
        return kept[child.id]

    def object_of(self, values: Mapping[str, Json], step: WrittenStep | None) -> Schema:
        """The schema of an object whose values may hold templates."""
        properties = {name: self.infer(value, step) or {} for name, value in values.items()}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    def infer(self, value: Any, step: WrittenStep | None) -> Schema | None:
        """The type of a value that may hold templates, or of a parsed one, seen from a step."""
        from engine.language import schema_types

        def known(reference: Any) -> Schema | None:
            return self.of(reference.path, step)

        try:
            return _bounded(schema_types.infer(value, known))
        except ExpressionSyntaxError:
            return None

    def _loop(self, step: WrittenStep, one: Schema | None) -> Schema | None:
        if step.foreach is None:
            return one
        return {"type": "array", "items": one} if one is not None else {"type": "array"}

    def _item(self, step: WrittenStep) -> Schema | None:
        if isinstance(step.foreach, list):
            kinds: list[Schema] = []
            for value in step.foreach:
                kind = self.infer(value, step)
                if kind is None or len(kinds) > MAX_FORMS:
                    return None
                if kind not in kinds:
                    kinds.append(kind)
            return kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else None
        whole = self.infer(step.foreach, step)
        items = whole.get("items") if whole is not None else None
        return items if isinstance(items, Mapping) else None


def closed_inputs(schema: Mapping[str, Json]) -> Schema:
    """The inputs' schema as it counts: an object, closed unless it says otherwise."""
    whole = {"type": "object", **schema}
    open_keywords = (
        "additionalProperties",
        "unevaluatedProperties",
        "$ref",
        "allOf",
        "anyOf",
        "oneOf",
    )
    if not any(keyword in schema for keyword in open_keywords):
        whole["additionalProperties"] = False
    return whole


def _bounded(schema: Schema | None) -> Schema | None:
    """The schema, or None where it has grown large: types of types of types of steps."""
    level: list[Json] = [schema]
    parts = 0
    for _ in range(MAX_DEPTH):
        parts += len(level)
        if not level or parts > MAX_PARTS:
            break
        level = [
            inner
            for part in level
            if isinstance(part, Mapping | list)
            for inner in (part.values() if isinstance(part, Mapping) else part)
        ]
    return None if level else schema
