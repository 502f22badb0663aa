"""Text → Plan, or every fault: compile a blueprint, and bind its plan to the inputs of one run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.errors import DefinitionError, RunRefused
from engine.faults import has_error, in_order
from engine.language import json_schema
from engine.language.blueprint import Blueprint
from engine.language.blueprint_checks import check_blueprint
from engine.language.catalog import Catalog
from engine.language.lowering import lower
from engine.language.reachable_runbooks import pin_runbooks
from engine.plan import MAX_INPUTS_BYTES, Json, Plan, digest, encode
from engine.suggestions import did_you_mean

__all__ = ["BoundPlan", "bind", "compile_blueprint"]


@dataclass(frozen=True, slots=True)
class BoundPlan:
    """A plan with the inputs of one run."""

    plan: Plan
    """With the runbooks that these inputs can reach."""
    inputs: dict[str, Json]
    """With the schema's defaults."""
    context: dict[str, Json]
    digest: str
    """What an approver approves."""


def compile_blueprint(catalog: Catalog, name: str) -> Plan:
    """The plan of a blueprint, with all its children. DefinitionError where it, or anything it
    uses, has a fault that is an error; RunRefused where there is none of this id."""
    kept = catalog.plans.get(name)
    if kept is not None:
        return kept
    blueprint = catalog.blueprint(name)
    if blueprint is None:
        message = f"there is no blueprint '{name[:100]}'{did_you_mean(name, catalog.blueprints())}"
        raise RunRefused(message, code="BLUEPRINT_UNKNOWN")
    family = {each.id: each for each in _family(catalog, blueprint)}
    faults = [fault for each in family.values() for fault in check_blueprint(catalog, each)]
    if has_error(faults):
        raise DefinitionError(in_order(faults))
    plan = _closed(catalog, family, name)
    catalog.plans[name] = plan
    return plan


def _family(catalog: Catalog, root: Blueprint) -> Iterator[Blueprint]:
    """The blueprint and all that it comes to run, each once."""
    seen = {root.id}
    waiting = [root]
    while waiting:
        blueprint = waiting.pop()
        yield blueprint
        for step in (*blueprint.steps, *blueprint.finally_):
            child = catalog.blueprint(step.child) if step.child else None
            if child is not None and child.id not in seen:
                seen.add(child.id)
                waiting.append(child)


def _closed(catalog: Catalog, family: Mapping[str, Blueprint], name: str) -> Plan:
    import msgspec

    plans = {each: lower(blueprint, catalog) for each, blueprint in family.items()}
    capabilities = {
        key: pinned for plan in plans.values() for key, pinned in plan.capabilities.items()
    }
    children = {
        each: msgspec.structs.replace(plan, capabilities={})
        for each, plan in plans.items()
        if each != name
    }
    return msgspec.structs.replace(plans[name], capabilities=capabilities, children=children)


def bind(
    plan: Plan, inputs: Mapping[str, Json], context: Mapping[str, Json], catalog: Catalog
) -> BoundPlan:
    """The plan for one run: defaults filled in, inputs checked, runbooks pinned.

    RunRefused with code INPUTS, INPUTS_TOO_LARGE, CONTEXT or RUNBOOK_UNKNOWN.
    """
    given = _checked_inputs(plan, inputs)
    _check_context(context)
    bound = pin_runbooks(plan, given, context, catalog)
    return BoundPlan(plan=bound, inputs=given, context=dict(context), digest=digest(bound, given))


def _checked_inputs(plan: Plan, inputs: Mapping[str, Json]) -> dict[str, Json]:
    size = len(encode(inputs))
    if size > MAX_INPUTS_BYTES:
        message = f"the inputs are {size:,} bytes of JSON, and a run takes {MAX_INPUTS_BYTES:,}"
        raise RunRefused(message, code="INPUTS_TOO_LARGE")
    given: dict[str, Json] = json_schema.with_defaults(plan.inputs, dict(inputs))
    wrong = json_schema.violations(plan.inputs, given)
    if wrong:
        said = "; ".join(f"{_place('inputs', path)}: {message}" for path, message in wrong[:10])
        raise RunRefused(f"the inputs of {plan.blueprint} are wrong: {said}", code="INPUTS")
    return given


def _check_context(context: Mapping[str, Json]) -> None:
    from engine.language.context import CONTEXT_SCHEMA

    schema = {
        key: value
        for key, value in CONTEXT_SCHEMA.items()
        if key not in ("required", "additionalProperties")
    }
    wrong = json_schema.violations(schema, dict(context))
    if wrong:
        said = "; ".join(f"{_place('context', path)}: {message}" for path, message in wrong[:10])
        raise RunRefused(f"the context is wrong: {said}", code="CONTEXT")


def _place(root: str, path: tuple[str | int, ...]) -> str:
    from engine.language.document import render_path

    return render_path((root, *path))
