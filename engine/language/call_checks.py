"""Calls of capabilities and children: what they are given, against what they take."""

from collections.abc import Mapping

from engine.faults import has_error
from engine.language import json_schema, schema_types
from engine.language.blueprint import CLASSIFICATIONS, WrittenCall, WrittenStep
from engine.language.capability import Capability
from engine.language.document import Path
from engine.language.needs import Needs
from engine.language.producers import Producers, closed_inputs
from engine.language.readable_names import Schema
from engine.language.reading import Reading
from engine.language.reads import Reads, templates
from engine.language.schema_checks import named
from engine.language.scopes import Scope
from engine.plan import Effect, Json

_OF_THE_WHOLE = ("form", "twice", "lacks an item", "must be one of")
"""In sentences about a whole object or list, which a template within it may yet make right."""


class CallChecks:
    """Checks every call within the steps of one blueprint."""

    def __init__(self, reading: Reading, producers: Producers, reads: Reads) -> None:
        self._reading = reading
        self._producers = producers
        self._reads = reads

    def step(self, needs: Needs, number: int) -> None:
        """Check the calls of a step, and the inputs of its child."""
        step, scope = needs.steps[number], self._reads.scope(needs, number)
        for purpose, call in step.calls():
            self._call(call, step, purpose, self._reads.of_call(scope, step, purpose), needs)
        if step.child:
            self._inputs_of_child(step, self._reads.inside(scope))

    def _call(
        self, call: WrittenCall, step: WrittenStep, purpose: str, scope: Scope, needs: Needs
    ) -> None:
        wrong = self._reads.value(call.with_, (*call.path, "with"), scope)
        wrong |= self._reads.value(call.config, (*call.path, "config"), scope)
        capability = self._capability(call)
        if capability is None:
            return
        self._classified(call, capability)
        effect = self._runbook(call, capability) or capability.effect_of(call.with_)
        self._gated(call, effect, step, purpose, needs)
        if has_error(capability.faults):
            message = f"the capability '{capability.id}' has faults of its own"
            self._reading.fault("CAPABILITY_FAULTY", message, (*call.path, "run"))
            return
        self._secrets(call, capability)
        self._scripts(call, capability)
        given = call.with_
        if capability.runbook is not None:
            given = {capability.runbook.text: "", **given}
        self._values(capability.input, given, (*call.path, "with"), scope, wrong)
        if call.config:
            config = _all_optional(capability.config)
            self._values(config, call.config, (*call.path, "config"), scope, wrong)

    def _capability(self, call: WrittenCall) -> Capability | None:
        path, catalog = (*call.path, "run"), self._producers.catalog
        capability = catalog.capability(call.capability)
        if capability is None:
            hint = self._reading.meant(call.capability, self._producers.capability_names)
            self._reading.fault(
                "CAPABILITY_UNKNOWN", f"there is no capability '{call.capability}'", path, hint=hint
            )
            return None
        if self._producers.capability(call) is None:
            message = (
                f"'{call.capability}' is here in version {capability.version}, not @{call.range}"
            )
            self._reading.fault("CAPABILITY_VERSION", message, path)
            return None
        return capability

    def _classified(self, call: WrittenCall, capability: Capability) -> None:
        blueprint, rank = self._producers.blueprint, CLASSIFICATIONS.index
        if rank(capability.classification) > rank(blueprint.classification):
            needed = capability.classification
            own = blueprint.classification
            message = f"'{capability.id}' handles {needed} data, the blueprint is {own}"
            self._reading.fault(
                "CLASSIFICATION",
                message,
                (*call.path, "run"),
                hint=f"Write `classification: {needed}`.",
            )

    def _runbook(self, call: WrittenCall, capability: Capability) -> Effect | None:
        """The effect of the runbook, where it is known which one it is; of one that is not there,
        none that needs a gate."""
        if capability.runbook is None:
            return None
        name = call.with_.get(capability.runbook.name)
        if not isinstance(name, str) or list(templates(name, ())):
            return None
        path, catalog = (*call.path, "with", capability.runbook.name), self._producers.catalog
        runbook = catalog.runbook(name)
        if runbook is None:
            self._reading.fault(
                "RUNBOOK_UNKNOWN",
                f"there is no runbook '{name[:60]}'",
                path,
                hint=self._reading.meant(name, self._producers.runbook_names),
            )
            return "read"
        if has_error(runbook.faults):
            message = f"the runbook '{name}' has faults of its own"
            self._reading.fault("RUNBOOK_FAULTY", message, path)
        operation = capability.effects.get(capability.operation(call.with_) or "")
        return "read" if operation == "read" else runbook.effect

    def _gated(
        self, call: WrittenCall, effect: Effect, step: WrittenStep, purpose: str, needs: Needs
    ) -> None:
        """A destructive call runs only behind a gate that was approved (or left out by its own
        `when`)."""
        if effect != "destructive" or step.id not in needs.index:
            return
        if needs.certain(needs.index[step.id]).passed:
            return
        what = {"step": "", "undo": "its undo ", "notify": "its notice "}[purpose]
        self._reading.fault(
            "DESTRUCTIVE",
            f"{what}destroys, and no gate before it must be approved",
            (*call.path, "run"),
            hint="Add a gate above, and `needs: {<gate>: approved}`.",
        )

    def _secrets(self, call: WrittenCall, capability: Capability) -> None:
        known = [key.name for key in capability.secrets]
        for key in call.secrets:
            if key not in known:
                hint = self._reading.meant(key, known) or f"Keys: {', '.join(known) or 'none'}."
                self._reading.fault(
                    "SECRET",
                    f"'{capability.id}' has no secret '{key[:60]}'",
                    (*call.path, "secrets", key),
                    key=True,
                    hint=hint,
                )

    def _scripts(self, call: WrittenCall, capability: Capability) -> None:
        """Text that is run as a program holds no template; the runbook's text is not given."""
        for path, text in templates(call.with_, (*call.path, "with")):
            if is_script(capability.input, path[len(call.path) + 1 :]):
                message = f"'{path[-1]}' is run as a program, and {text[:40]!r} is a template"
                self._reading.fault(
                    "SCRIPT_TEMPLATE",
                    message,
                    path,
                    hint="Give the value through the environment or another input.",
                )
        if capability.runbook is not None and capability.runbook.text in call.with_:
            path = (*call.path, "with", capability.runbook.text)
            message = f"'{path[-1]}' is filled in by the engine, with the text that is approved"
            self._reading.fault("INPUT", message, path, key=True)

    def _inputs_of_child(self, step: WrittenStep, scope: Scope) -> None:
        path: Path = (*step.path, "with")
        wrong = self._reads.value(step.with_, path, scope)
        child = self._producers.child(step)
        if child is not None and not json_schema.check_schema(child.inputs):
            self._values(closed_inputs(child.inputs), step.with_, path, scope, wrong)

    def _values(
        self, schema: Schema, value: Json, path: Path, scope: Scope, wrong: frozenset[Path]
    ) -> None:
        """Literals against the schema, and the types of templates against their places in it;
        `wrong` are the templates that have faults already."""
        holes = list(templates(value, ()))
        given = json_schema.with_defaults(dict(schema), value)
        code = "CONFIG" if path[-1] == "config" else "INPUT"
        for where, message in json_schema.violations(dict(schema), given):
            if not _within_a_hole(where, message, holes):
                place = (*path, *where)
                self._reading.fault(code, named(place, message), place)
        for where, text in holes:
            if (*path, *where) not in wrong:
                self._type(schema, text, where, (*path, *where), scope)

    def _type(self, schema: Schema, text: str, where: Path, path: Path, scope: Scope) -> None:
        wanted = self._producers.field(schema, where)
        if not isinstance(wanted, Mapping):
            return
        wrong = schema_types.mismatch(self._producers.infer(text, scope.step), wanted)
        if wrong is not None:
            self._reading.fault("REFERENCE_TYPE", wrong, path)


def is_script(schema: Schema, path: Path) -> bool:
    """Whether a place of the input, or one around it, is marked `x-script`."""
    for length in range(1, len(path) + 1):
        found = schema_types.field(schema, path[:length])
        if isinstance(found, Mapping) and found.get("x-script") is True:
            return True
    return False


def _all_optional(schema: Schema) -> Schema:
    """A configuration's schema for a part of it: the rest comes from harmony.yaml."""
    return {key: value for key, value in schema.items() if key != "required"}


def _within_a_hole(where: Path, message: str, holes: list[tuple[Path, str]]) -> bool:
    """Whether a violation only says that a template's text is no value of the type wanted."""
    for hole, _ in holes:
        if where[: len(hole)] == hole:
            return True
        if hole[: len(where)] == where and any(word in message for word in _OF_THE_WHOLE):
            return True
    return False
