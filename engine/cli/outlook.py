"""What `harmony plan` finds out: the preview of the steps, and all that they would touch."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from engine.errors import ExpressionFailed
from engine.expressions import evaluate
from engine.language.planner import BoundPlan
from engine.plan import (
    Call,
    ChildStep,
    Effect,
    GateStep,
    Json,
    PinnedCapability,
    Plan,
    RunStep,
    Step,
)
from engine.project.folder import Project
from engine.project.policy import Policy
from engine.simulation.preview import GatePreview, StepPreview, preview
from engine.steps.step_execution import hosts


class _Shown(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The base: camelCase in the document, like everything else on the wire."""


class Gate(_Shown, frozen=True, kw_only=True):
    """Who must answer, and how long they have."""

    ask: str
    approvers: tuple[str, ...]
    count: int
    timeout_ms: int | None
    escalates_to: tuple[tuple[str, ...], ...] = ()
    initiator_may_approve: bool = False


class ForecastStep(_Shown, frozen=True, kw_only=True):
    """One step, of the blueprint or of a child."""

    key: str
    kind: str
    verdict: str
    title: str | None = None
    reason: str | None = None
    runs: str | None = None
    """The capability or blueprint."""
    runbook: str | None = None
    effect: Effect | None = None
    items: int | None = None
    gate: Gate | None = None
    undo: str | None = None
    steps: tuple["ForecastStep", ...] = ()
    """Of a child."""


class Secret(_Shown, frozen=True, kw_only=True):
    """One secret that a step would be given; never its value."""

    capability: str
    key: str
    source: str
    """`env:NAME`, `file:PATH`, or `not bound`."""


class Outlook(_Shown, frozen=True, kw_only=True, omit_defaults=False):
    """What would happen."""

    blueprint: str
    version: str
    title: str
    digest: str
    inputs: Mapping[str, Json]
    context: Mapping[str, Json]
    initiator: str
    may_start: bool
    open_policy: bool
    max_duration_ms: int
    steps: tuple[ForecastStep, ...]
    secrets: tuple[Secret, ...]
    hosts: tuple[str, ...]
    not_undoable: tuple[str, ...]
    """Steps that change something and have no `undo`."""
    lacking_scopes: Mapping[str, tuple[str, ...]]
    """By step, the scopes that the initiator does not have: it would be refused."""
    runbooks: Mapping[str, str]
    """Those that may run, with the digest of their text."""


def look_ahead(bound: BoundPlan, project: Project, initiator: str) -> Outlook:
    """All of it, for a plan that is bound to its inputs."""
    plan, policy = bound.plan, project.policy
    found = preview(plan, bound.inputs, bound.context)
    names: _Names = {"inputs": bound.inputs, "context": bound.context}
    live = tuple(_live(found, names))
    calls = [(each.key, call) for each in live for call in _calls(each.step)]
    return Outlook(
        blueprint=plan.blueprint,
        version=plan.version,
        title=plan.title,
        digest=bound.digest,
        inputs=bound.inputs,
        context=bound.context,
        initiator=initiator,
        may_start=policy.may_start(initiator, plan.roles),
        open_policy=policy.is_open,
        max_duration_ms=plan.max_duration_ms,
        steps=tuple(_step(each, plan, names) for each in found),
        secrets=tuple(dict.fromkeys(_secrets((call for _, call in calls), plan, project))),
        hosts=tuple(_hosts(live, plan, project)),
        not_undoable=tuple(each.key for each in live if _lasting(each, plan)),
        lacking_scopes=_lacking(calls, plan, policy, initiator),
        runbooks={name: runbook.digest for name, runbook in plan.runbooks.items()},
    )


_Names: TypeAlias = Mapping[str, Json] | None
"""What expressions may read; None within a child, whose inputs are its own."""

SERVICE = "the worker's incident service"


@dataclass(frozen=True, slots=True)
class _Live:
    """A step that runs or may run, also within a child."""

    key: str
    step: Step
    names: _Names


def _live(found: Iterable[StepPreview], names: _Names, prefix: str = "") -> Iterator[_Live]:
    for each in found:
        if each.verdict in ("runs", "depends"):
            key = prefix + each.key
            yield _Live(key, each.step, names)
            yield from _live(each.child, None, f"{key}/")


def _calls(step: Step) -> Iterator[Call]:
    if isinstance(step, RunStep):
        yield step.call
    if isinstance(step, RunStep | ChildStep) and step.undo is not None:
        yield step.undo
    if isinstance(step, GateStep) and step.notify is not None:
        yield step.notify


def _step(each: StepPreview, plan: Plan, names: _Names) -> ForecastStep:
    step = each.step
    call = step.call if isinstance(step, RunStep) else None
    undo = step.undo if isinstance(step, RunStep | ChildStep) else None
    gate = None if each.gate is None or not isinstance(step, GateStep) else _gate(each.gate, step)
    return ForecastStep(
        key=each.key,
        kind=str(type(step).__struct_config__.tag),
        verdict=each.verdict,
        title=step.title,
        reason=each.reason,
        runs=call.capability if call else step.blueprint if isinstance(step, ChildStep) else None,
        runbook=None if call is None else _runbook(call, plan, names),
        effect=None if call is None else _effect(call, plan, names),
        items=each.items,
        gate=gate,
        undo=None if undo is None else undo.capability,
        steps=tuple(_step(inner, plan, None) for inner in each.child),
    )


def _gate(gate: GatePreview, step: GateStep) -> Gate:
    return Gate(
        ask=gate.ask,
        approvers=gate.approvers,
        count=gate.count,
        timeout_ms=gate.timeout_ms,
        escalates_to=gate.rounds,
        initiator_may_approve=step.initiator_may_approve,
    )


def _runbook(call: Call, plan: Plan, names: _Names) -> str | None:
    """The runbook that the call names, as text with its template where that is not known yet."""
    named = plan.runbook_named(call)
    if not isinstance(named, str):
        return None
    if names is None:
        return named
    try:
        return str(evaluate(named, names))
    except ExpressionFailed:
        return named


def _effect(call: Call, plan: Plan, names: _Names) -> Effect:
    return plan.effect(call, _runbook(call, plan, names))


def _lasting(each: _Live, plan: Plan) -> bool:
    step = each.step
    if not isinstance(step, RunStep) or step.undo is not None:
        return False
    return _effect(step.call, plan, each.names) != "read"


def _secrets(calls: Iterable[Call], plan: Plan, project: Project) -> Iterator[Secret]:
    bound = project.settings.secrets
    for call in calls:
        pinned = plan.capabilities[call.capability]
        capability = project.catalog.capability(pinned.id)
        usual = {key.name: key.env for key in capability.secrets} if capability else {}
        for key in pinned.secret_keys:
            source = bound.get(call.secrets.get(key, pinned.id), {}).get(key)
            env = usual.get(key)
            written = f"{source.kind}:{source.name}" if source else f"env:{env}" if env else None
            if capability and capability.service and key == capability.service.token:
                written = written or SERVICE
            yield Secret(capability=pinned.id, key=key, source=written or "not bound")


def _hosts(live: Iterable[_Live], plan: Plan, project: Project) -> Iterator[str]:
    seen: dict[str, None] = {}
    for each in live:
        for call in _calls(each.step):
            pinned = plan.capabilities[call.capability]
            runbook = plan.runbooks.get(_runbook(call, plan, each.names) or "")
            declared = (*pinned.allow_outbound, *(runbook.allow_outbound if runbook else ()))
            config = {**project.settings.config.get(pinned.id, {}), **call.config}
            capability = project.catalog.capability(pinned.id)
            own = capability.service if capability else None
            for entry in declared:
                found = hosts((entry,), config) or (entry,)
                if own and entry == f"config:{own.url}" and own.url not in config:
                    found = (SERVICE,)
                seen.update(dict.fromkeys(found))
    yield from seen


def _lacking(
    calls: Iterable[tuple[str, Call]], plan: Plan, policy: Policy, initiator: str
) -> dict[str, tuple[str, ...]]:
    held = policy.scopes(initiator)
    if held is None:
        return {}
    found = {}
    for key, call in calls:
        lacking = sorted(_needed(plan.capabilities[call.capability], call) - held)
        if lacking:
            found[key] = tuple(lacking)
    return found


def _needed(pinned: PinnedCapability, call: Call) -> frozenset[str]:
    if isinstance(pinned.scopes, tuple):
        return frozenset(pinned.scopes)
    operation = call.with_.get("operation") if isinstance(call.with_, dict) else None
    return frozenset(pinned.scopes.get(operation or "", ()))
