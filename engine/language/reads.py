"""Every expression of a blueprint: whether it parses, and whether what it reads will be there."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from engine.errors import ExpressionFailed, ExpressionSyntaxError
from engine.expressions import (
    Budget,
    Template,
    has_template,
    parse,
    parse_condition,
    value_of,
)
from engine.language import schema_types
from engine.language.blueprint import WrittenStep
from engine.language.document import Path
from engine.language.needs import Needs
from engine.language.producers import Producers
from engine.language.readable_names import Schema
from engine.language.reading import Reading
from engine.language.references import ReferenceChecks
from engine.language.scopes import LOOP, Scope, outputs_scope
from engine.plan import Json


class Reads:
    """Checks what the steps of one blueprint read."""

    def __init__(self, reading: Reading, producers: Producers, main: Needs, last: Needs) -> None:
        self.reading = reading
        self.producers = producers
        self.main = main
        self.last = last
        self.references = ReferenceChecks(reading, producers)
        self._constants = Budget()
        """For all that reads nothing: beyond, it is left to the run."""

    def scope(self, needs: Needs, number: int) -> Scope:
        """The place of a step's own expressions."""
        step = needs.steps[number]
        earlier = self.main if needs is self.last else None
        return Scope(needs=needs, certain=needs.certain(number), earlier=earlier, step=step)

    def step(self, needs: Needs, number: int) -> None:
        """Check everything in a step that is not the value of a call."""
        step, scope = needs.steps[number], self.scope(needs, number)
        if isinstance(step.when, str):
            self.condition(step.when, (*step.path, "when"), scope)
        if isinstance(step.foreach, str):
            self._foreach(step.foreach, (*step.path, "foreach"), scope)
        elif step.foreach is not None:
            self.value(step.foreach, (*step.path, "foreach"), scope)
        within = self.inside(scope)
        if step.gate is not None:
            self.value(step.gate.ask, (*step.path, "gate", "ask"), within)
        for name, value in step.values.items():
            self.value(value, (*step.path, "set", name), within)

    def outputs(self) -> None:
        """Check the blueprint's outputs."""
        scope = outputs_scope(self.main, self.last)
        for name, value in self.producers.blueprint.outputs.items():
            self.value(value, ("outputs", name), scope)

    def inside(self, scope: Scope) -> Scope:
        """The scope once the step goes on: `when` held, and within the loop."""
        step = scope.step
        if step is None:
            return scope
        names = scope.names | LOOP if step.foreach is not None else scope.names
        return replace(scope, names=names, proven=self._proven(step))

    def of_call(self, scope: Scope, step: WrittenStep, purpose: str) -> Scope:
        """The scope of a call's values: a step's own, its undo's or its gate's notice's."""
        within = self.inside(scope)
        if purpose == "undo" and step.id in scope.needs.index:
            return within.with_own(step)
        return replace(within, names=within.names | {"gate"}) if purpose == "notify" else within

    def value(self, value: Json, path: Path, scope: Scope) -> frozenset[Path]:
        """Check every template within a value; the paths of those that have faults."""
        return frozenset(
            where
            for where, text in templates(value, path)
            if self.text(text, where, scope, parse) is None
        )

    def condition(self, text: str, path: Path, scope: Scope) -> None:
        """Check a `when`: a bare expression that can be true or false."""
        template = self.text(text, path, scope, parse_condition)
        if template is None:
            return
        given = self.producers.infer(template, scope.step)
        if refuses(given, "boolean"):
            message = f"`when` is true or false, this is {shown(given)}"
            self.reading.fault("EXPRESSION_TYPE", message, path)

    def text(
        self, text: str, path: Path, scope: Scope, read: Callable[[str], Template]
    ) -> Template | None:
        """Check one template; None where it has a fault."""
        try:
            template = read(text)
        except ExpressionSyntaxError as error:
            self.reading.fault("EXPRESSION_SYNTAX", error.message, path, hint=_excerpt(text, error))
            return None
        before = len(self.reading.faults)
        split = {
            part
            for reference in template.references
            if reference.hyphenated
            for part in reference.hyphenated.split("-")
        }
        for reference in template.references:
            if reference.path[0] not in split:
                self.references.check(reference, path, scope)
        errors = self.reading.faults[before:]
        if any(fault.severity == "error" for fault in errors) or self._is_hopeless(template, path):
            return None
        return template

    def _is_hopeless(self, template: Template, path: Path) -> bool:
        """Whether it reads nothing and has no value, so that it would fail in every run."""
        if template.references or self._constants.left <= 0:
            return False
        budget = Budget()
        given = budget.left
        try:
            value_of(template, {}, budget)
        except ExpressionFailed as failed:
            self.reading.fault("EXPRESSION_FAILS", failed.message, path)
            return True
        finally:
            self._constants.left -= given - max(budget.left, 0)
        return False

    def _foreach(self, text: str, path: Path, scope: Scope) -> None:
        if not has_template(text):
            self.reading.wrong_type(text, path, "a whole {{ … }} or a list")
            return
        template = self.text(text, path, scope, parse)
        if template is None:
            return
        if not template.whole:
            self.reading.fault("EXPRESSION_TYPE", "'foreach' takes one whole {{ … }}", path)
            return
        given = self.producers.infer(template, scope.step)
        if refuses(given, "array"):
            self.reading.fault(
                "EXPRESSION_TYPE", f"'foreach' takes a list, this is {shown(given)}", path
            )

    def _proven(self, step: WrittenStep) -> frozenset[tuple[str | int, ...]]:
        """The paths that are there where the step's `when` held."""
        if not isinstance(step.when, str):
            return frozenset()
        from engine.expressions.proofs import proven_true

        try:
            tree = parse_condition(step.when).tree
        except ExpressionSyntaxError:
            return frozenset()
        return frozenset() if isinstance(tree, tuple) else frozenset(proven_true(tree))


def templates(value: Json, path: Path) -> Iterator[tuple[Path, str]]:
    """Each text with a template within a value, and its path."""
    if isinstance(value, str):
        if has_template(value):
            yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from templates(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from templates(item, (*path, index))


def refuses(given: Schema | None, kind: str) -> bool:
    """Whether data of a schema is known not to be of this type."""
    kinds = schema_types.types(given) if given is not None else None
    return bool(kinds) and kinds is not None and kind not in kinds


def shown(given: Schema | None) -> str:
    """The types of a schema, in words."""
    return schema_types.in_words(schema_types.types(given or {}) or ())


def _excerpt(text: str, error: ExpressionSyntaxError) -> str | None:
    """Where in a longer text the expression goes wrong."""
    if len(text) < 20 or not error.offset:
        return None
    near = text[max(0, error.offset - 15) : error.offset + 15].replace("\n", " ")
    return f"Near `{near.strip()}`."
