"""How a run ends in Temporal: its result, its size, and what lists of runs show of it."""

import zlib
from typing import TypeAlias

import msgspec
from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from engine.messages import RunView, StepView
from engine.plan import Json, Plan, encode

RESULT_LIMIT = 1_500_000
"""Bytes of JSON. The server refuses results above 2 MB, and would be tried again for ever."""
LEFT_OUT = "left out of the result: the run's outputs are too large together"

BLUEPRINT = SearchAttributeKey.for_keyword("HarmonyBlueprint")
INCIDENT = SearchAttributeKey.for_keyword("HarmonyIncident")
SEVERITY = SearchAttributeKey.for_keyword("HarmonySeverity")
STATUS = SearchAttributeKey.for_keyword("HarmonyStatus")
STARTED = "HarmonyStarted"
"""In the memo of a run that went on in a new history: when its first one began."""
ATTRIBUTES = (BLUEPRINT, INCIDENT, SEVERITY, STATUS)
Key: TypeAlias = SearchAttributeKey[str]


def attributes(
    blueprint: str, context: dict[str, Json], status: str
) -> list[SearchAttributePair[str]]:
    """What lists of runs are filtered by."""
    pairs = [SearchAttributePair(BLUEPRINT, blueprint), SearchAttributePair(STATUS, status)]
    for key, name in ((INCIDENT, "incident_id"), (SEVERITY, "incident_severity")):
        value = context.get(name)
        if isinstance(value, str) and value:
            pairs.append(SearchAttributePair(key, value))
    return pairs


def publish(plan: Plan, context: dict[str, Json], status: str, *, indexed: bool) -> None:
    """Write down, in one event, what lists of runs show: attributes, else the memo."""
    pairs = attributes(plan.blueprint, context, status)
    if not indexed:
        workflow.upsert_memo({pair.key.name: pair.value for pair in pairs})
        return
    known: TypedSearchAttributes = workflow.info().typed_search_attributes
    changed = [pair for pair in pairs if known.get(pair.key) != pair.value]
    workflow.upsert_search_attributes([pair.key.value_set(pair.value) for pair in changed])


def fits(value: object) -> bool:
    """Whether the server takes this as what a new history begins with."""
    return len(zlib.compress(encode(value), 1)) <= RESULT_LIMIT


def fitting(view: RunView) -> RunView:
    """The view within `RESULT_LIMIT`: the largest outputs of steps are left out first."""
    if len(encode(view)) <= RESULT_LIMIT:
        return view
    sizes = {key: len(encode(step.output)) for key, step in view.steps.items() if _has(step)}
    excess = len(encode(view)) - RESULT_LIMIT
    steps = dict(view.steps)
    for key in sorted(sizes, key=lambda key: (-sizes[key], key)):
        if excess <= 0:
            break
        steps[key] = msgspec.structs.replace(steps[key], output={"omitted": LEFT_OUT})
        excess -= sizes[key] - 2 * len(LEFT_OUT)
    return _shortened(msgspec.structs.replace(view, steps=steps))


def is_whole(view: RunView) -> bool:
    """Whether `fitting` left nothing out of it."""
    return not any(text.endswith(LEFT_OUT) for text in view.warnings) and not any(
        step.output == {"omitted": LEFT_OUT} for step in view.steps.values()
    )


def for_parent(view: RunView) -> RunView:
    """What a parent needs of its child's result: all but the steps' outputs."""
    steps = {
        key: msgspec.structs.replace(step, output=msgspec.UNSET) for key, step in view.steps.items()
    }
    return fitting(msgspec.structs.replace(view, steps=steps))


def _shortened(view: RunView) -> RunView:
    """Where outputs of steps were not the reason: without the steps, then without outputs."""
    for part in ("steps", "gates", "outputs"):
        if len(encode(view)) <= RESULT_LIMIT:
            break
        view = msgspec.structs.replace(
            view, warnings=(*view.warnings, f"{part} {LEFT_OUT}"), **{part: {}}
        )
    return view


def _has(step: StepView) -> bool:
    return step.output is not msgspec.UNSET
