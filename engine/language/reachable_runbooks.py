"""Which runbooks a run can reach: they are pinned before it starts, and their text is approved."""

from collections.abc import Iterator, Mapping

import msgspec

from engine.errors import ExpressionFailed, RunRefused
from engine.expressions import evaluate, has_template, parse
from engine.language.catalog import Catalog
from engine.language.json_schema import with_defaults
from engine.language.runbook import Runbook
from engine.plan import Call, ChildStep, GateStep, Json, Plan, RunStep, Step, encode
from engine.suggestions import did_you_mean

Names = Mapping[str, Json] | None
"""What can be read before a run starts; None where the values depend on what steps will give."""


def pin_runbooks(
    plan: Plan, inputs: Mapping[str, Json], context: Mapping[str, Json], catalog: Catalog
) -> Plan:
    """The plan with every runbook that these inputs can reach; all of them where a name depends on
    a step. RunRefused where a name is known now and there is no such runbook."""
    found: dict[str, Runbook] = {}
    for name in _names(plan, plan, {"inputs": inputs, "context": context}, set()):
        for runbook in _all(catalog) if name is None else (_one(name, catalog),):
            found[runbook.name] = runbook
    if not found:
        return plan
    pinned = {name: found[name].pinned() for name in sorted(found)}
    return msgspec.structs.replace(plan, runbooks=pinned)


def pin_named_runbooks(plan: Plan, catalog: Catalog) -> Plan:
    """The plan with the runbooks that are known without inputs: those that it names as they are."""
    named = sorted(filter(None, set(_names(plan, plan, None, set()))))
    pinned = {name: _one(name, catalog).pinned() for name in named}
    return msgspec.structs.replace(plan, runbooks=pinned)


def _names(
    whole: Plan, plan: Plan, known: Names, seen: set[tuple[str, bytes]]
) -> Iterator[str | None]:
    """The runbooks' names within a plan and its children; None for one that is not known yet."""
    visit = plan.blueprint, encode(known)
    if visit in seen:
        return
    seen.add(visit)
    for _, step in plan.every_step():
        loop = isinstance(step, RunStep | ChildStep) and step.foreach is not None
        if isinstance(step, ChildStep):
            child = whole.children[step.blueprint]
            yield from _names(whole, child, _names_of_child(step, child, known, loop=loop), seen)
        for call in _calls(step):
            of = whole.capabilities[call.capability].runbook_input
            if of is not None and of in call.with_:
                yield from _name(call.with_[of], known, loop=loop)


def _name(value: Json, known: Names, *, loop: bool) -> Iterator[str | None]:
    try:
        found = _value(value, known, loop=loop)
    except ExpressionFailed:
        return  # the step will fail in the same way
    if found is None or isinstance(found, str):
        yield found


def _names_of_child(step: ChildStep, child: Plan, known: Names, *, loop: bool) -> Names:
    try:
        inputs = _value(step.with_, known, loop=loop)
    except ExpressionFailed:
        return None
    if known is None or not isinstance(inputs, dict):
        return None
    return {**known, "inputs": with_defaults(child.inputs, inputs)}


def _calls(step: Step) -> Iterator[Call]:
    if isinstance(step, RunStep):
        yield step.call
    if isinstance(step, RunStep | ChildStep) and step.undo is not None:
        yield step.undo
    if isinstance(step, GateStep) and step.notify is not None:
        yield step.notify


def _value(value: Json, known: Names, *, loop: bool) -> Json:
    """The value as the run will have it, or None where that is not known yet."""
    if not _templates(value):
        return value
    if known is None or loop or not _roots(value) <= {"inputs", "context"}:
        return None
    return evaluate(value, known)


def _templates(value: Json) -> list[str]:
    if isinstance(value, str):
        return [value] if has_template(value) else []
    if isinstance(value, list | dict):
        items = value.values() if isinstance(value, dict) else value
        return [text for item in items for text in _templates(item)]
    return []


def _roots(value: Json) -> set[str]:
    return {
        str(reference.path[0]) for text in _templates(value) for reference in parse(text).references
    }


def _one(name: str, catalog: Catalog) -> Runbook:
    runbook = catalog.runbook(name)
    if runbook is None:
        message = f"there is no runbook '{name[:100]}'{did_you_mean(name, catalog.runbooks())}"
        raise RunRefused(message, code="RUNBOOK_UNKNOWN")
    if not runbook.healthy:
        message = f"the runbook '{name}' has faults; run `harmony validate`"
        raise RunRefused(message, code="RUNBOOK_FAULTY")
    return runbook


def _all(catalog: Catalog) -> Iterator[Runbook]:
    for name in catalog.runbooks():
        runbook = catalog.runbook(name)
        if runbook is not None and runbook.healthy:
            yield runbook
