"""One reference of an expression: is it there, is it upstream, is it sure to have a value?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.language import schema_types
from engine.language.context import CONTEXT_SCHEMA
from engine.language.document import Path, render_path
from engine.language.producers import Producers, Read
from engine.language.readable_names import DECISION, FIELDS
from engine.language.reading import Reading
from engine.language.scopes import Scope
from engine.plan import Json, Outcome

if TYPE_CHECKING:
    from engine.expressions import Reference

_OF_STEPS = ("output", *FIELDS)
_FIELD_NEEDS: dict[str, frozenset[Outcome]] = {
    "output": frozenset(("succeeded",)),
    "decision": frozenset(("approved", "rejected", "timed_out")),
    "decisions": frozenset(("approved", "rejected")),
    "escalations": frozenset(("approved", "rejected")),
}
"""Fields that only some kinds of steps have, by the outcomes that come with them."""
_WHERE = {
    "item": "within a `foreach`",
    "index": "within a `foreach`",
    "gate": "in a gate's `notify`",
}


class ReferenceChecks:
    """Checks references of one blueprint, and reports where its producers do not have them."""

    def __init__(self, reading: Reading, producers: Producers) -> None:
        self._reading = reading
        self._producers = producers

    def check(self, reference: "Reference", path: Path, scope: Scope) -> None:
        """Report what is wrong with a reference, if anything."""
        root = reference.path[0]
        if reference.hyphenated is not None:
            self._hyphen(reference.hyphenated, path, scope)
        elif root not in scope.names:
            self._unknown_root(str(root), path, scope)
        elif root == "steps":
            self._of_step(reference, path, scope)
        elif self._has_field(reference.path, path, scope) and root in ("inputs", "context"):
            self._optional(reference, path)

    def _hyphen(self, name: str, path: Path, scope: Scope) -> None:
        hint = f"Write steps['{name}']."
        if scope.outcomes(name) is None:
            near = self._reading.meant(name, scope.known())
            hint = near or hint
        self._reading.fault("REFERENCE_HYPHEN", f"steps.{name} is a subtraction", path, hint=hint)

    def _unknown_root(self, root: str, path: Path, scope: Scope) -> None:
        if root in _WHERE:
            message = f"'{root}' can only be read {_WHERE[root]}"
            self._reading.fault("REFERENCE_UNKNOWN", message, path)
            return
        names = sorted(scope.names)
        hint = self._reading.meant(root, names) or f"Names here: {', '.join(names)}."
        self._reading.fault("REFERENCE_UNKNOWN", f"there is no name '{root[:60]}'", path, hint=hint)

    def _of_step(self, reference: "Reference", path: Path, scope: Scope) -> None:
        if len(reference.path) < 2 or not isinstance(reference.path[1], str):
            message = "a step is read by its id, written out"
            self._reading.fault("REFERENCE_UNKNOWN", message, path, hint="Write steps.<id>.output.")
            return
        name = reference.path[1]
        outcomes = scope.outcomes(name)
        if outcomes is None:
            self._reading.fault(
                "REFERENCE_UNKNOWN",
                f"there is no step '{name[:60]}'",
                path,
                hint=self._meant_step(name, scope),
            )
        elif not scope.has_ended(name):
            self._not_upstream(name, path, scope)
        elif len(reference.path) > 2:
            self._field_of_step(reference, name, outcomes, path, scope)

    def _meant_step(self, name: str, scope: Scope) -> str | None:
        hidden = self._producers.steps.get(name)
        if hidden is not None:
            return "It is in `finally`, which runs last."
        return self._reading.meant(name, scope.known())

    def _not_upstream(self, name: str, path: Path, scope: Scope) -> None:
        if scope.step is not None and name == scope.step.id:
            message, hint = f"the step '{name}' reads itself", None
        else:
            message = f"the step '{name}' has not ended by then"
            hint = f"Add '{name}' to `needs`."
        self._reading.fault("REFERENCE_UPSTREAM", message, path, hint=hint)

    def _field_of_step(
        self,
        reference: "Reference",
        name: str,
        outcomes: frozenset[Outcome],
        path: Path,
        scope: Scope,
    ) -> None:
        what = str(reference.path[2])
        if what not in _OF_STEPS:
            hint = self._reading.meant(what, _OF_STEPS) or f"A step has {', '.join(_OF_STEPS)}."
            message = f"a step has no '{what[:60]}'"
            near = self._producers.steps[name]
            output = self._producers.output(near)
            properties = output.get("properties") if output is not None else None
            if isinstance(properties, dict) and what in properties:
                hint = f"Did you mean steps.{name}.output.{what}?"
            self._reading.fault("REFERENCE_FIELD", message, path, hint=hint)
        elif what in _FIELD_NEEDS and not _FIELD_NEEDS[what] & outcomes:
            kind = self._producers.steps[name].kind
            tip = "A gate has `decision`." if kind == "gate" else None
            message = f"'{name}' has no {what}: it is a {kind}"
            self._reading.fault("REFERENCE_FIELD", message, path, hint=tip)
        elif self._has_field(reference.path, path, scope):
            if not reference.guarded and not reference.ran and not scope.is_sure(name, what):
                self._unsure(name, what, path)
            elif what == "decision":
                self._optional(reference, path)

    def _unsure(self, name: str, what: str, path: Path) -> None:
        if self._producers.steps[name].kind is None:
            return  # what it may have is not known before it is one thing
        hint = f"Write `| default(…)` behind it, or make sure of '{name}' in `needs`."
        message = f"'{name}' may have no {what} by then"
        self._reading.fault("REFERENCE_UNSURE", message, path, hint=hint)

    def _has_field(self, read: Read, path: Path, scope: Scope) -> bool:
        """Whether the producer's schema has the field, or may have it."""
        missing = self._producers.missing(read, scope.step)
        if missing is None:
            return True
        message = f"there is no {render_path(missing.path)}"
        if missing.types:
            message += (
                f": {render_path(missing.path[:-1])} is {schema_types.in_words(missing.types)}"
            )
        hint = f"Did you mean '{missing.suggestion}'?" if missing.suggestion else None
        self._reading.fault("REFERENCE_FIELD", message, path, hint=hint)
        return False

    def _optional(self, reference: "Reference", path: Path) -> None:
        if reference.guarded:
            return
        before, root, hint = 1, self._producers.inputs, "Write `| default(…)`, or require it."
        if reference.path[0] == "context":
            root = CONTEXT_SCHEMA
        elif reference.path[0] == "steps":
            before, root, hint = 3, DECISION, "Write `| default(…)`: nobody has to give one."
        at = _first_optional(root, reference.path[before:])
        if at is not None:
            shown = render_path(reference.path[: before + at + 1])
            message = f"{shown} is optional and read without `default`"
            self._reading.fault("OPTIONAL_READ", message, path, hint=hint)


def _first_optional(root: Mapping[str, Json], read: Read) -> int | None:
    """The position of the first field in the path that may be absent."""
    if not schema_types.may_be_absent(root, read):
        return None
    return next(at for at in range(len(read)) if schema_types.may_be_absent(root, read[: at + 1]))
