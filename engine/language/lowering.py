"""Blueprint → Plan: the same thing closed, with every reference to a definition pinned."""

from engine.language.blueprint import (
    Blueprint,
    WrittenCall,
    WrittenGate,
    WrittenStep,
    WrittenWait,
    retry_over,
)
from engine.language.capability import Capability
from engine.language.catalog import Catalog
from engine.language.needs import Needs
from engine.language.producers import closed_inputs
from engine.plan import (
    Call,
    ChildStep,
    Edge,
    GateStep,
    PinnedCapability,
    Plan,
    RunStep,
    SetStep,
    Step,
    WaitStep,
)


def lower(blueprint: Blueprint, catalog: Catalog) -> Plan:
    """The plan of a blueprint that has no faults, without its children."""
    return Plan(
        blueprint=blueprint.id,
        version=blueprint.version,
        title=blueprint.title,
        owner=blueprint.owner,
        description=blueprint.description,
        cost_center=blueprint.cost_center,
        roles=blueprint.roles,
        classification=blueprint.classification,
        max_duration_ms=blueprint.max_duration_ms,
        inputs=dict(closed_inputs(blueprint.inputs)),
        steps=_steps(blueprint.steps, catalog),
        finally_=_steps(blueprint.finally_, catalog),
        outputs=blueprint.outputs,
        capabilities=_capabilities(blueprint, catalog),
    )


def _steps(steps: tuple[WrittenStep, ...], catalog: Catalog) -> tuple[Step, ...]:
    needs = Needs(steps)
    return tuple(_step(step, needs.edges(number), catalog) for number, step in enumerate(steps))


def _step(step: WrittenStep, edges: tuple[Edge, ...], catalog: Catalog) -> Step:
    if step.call is not None:
        return _run(step, step.call, edges, catalog)
    if step.gate is not None:
        return _gate(step, step.gate, edges, catalog)
    if step.wait is not None:
        return _wait(step, step.wait, edges)
    if step.child is not None:
        return ChildStep(
            id=step.id,
            title=step.title,
            needs=edges,
            when=step.when,
            severity=step.severity,
            tolerate=step.tolerate,
            blueprint=step.child,
            with_=step.with_,
            timeout_ms=step.timeout_ms,
            undo=_call(step.undo, catalog),
            foreach=step.foreach,
            concurrency=step.concurrency,
        )
    return SetStep(
        id=step.id,
        title=step.title,
        needs=edges,
        when=step.when,
        severity=step.severity,
        tolerate=step.tolerate,
        values=step.values,
    )


def _run(
    step: WrittenStep, call: WrittenCall, edges: tuple[Edge, ...], catalog: Catalog
) -> RunStep:
    capability = _found(call, catalog)
    return RunStep(
        id=step.id,
        title=step.title,
        needs=edges,
        when=step.when,
        severity=step.severity,
        tolerate=step.tolerate,
        call=_pinned_call(call, capability),
        timeout_ms=step.timeout_ms or capability.timeout_ms,
        retry=retry_over(capability.retry, step.retry),
        undo=_call(step.undo, catalog),
        foreach=step.foreach,
        concurrency=step.concurrency,
    )


def _gate(
    step: WrittenStep, gate: WrittenGate, edges: tuple[Edge, ...], catalog: Catalog
) -> GateStep:
    return GateStep(
        id=step.id,
        title=step.title,
        needs=edges,
        when=step.when,
        severity=step.severity,
        tolerate=step.tolerate,
        ask=gate.ask,
        approvers=gate.approvers,
        timeout=gate.timeout,
        count=gate.count,
        escalate=gate.escalate,
        escalate_flag=gate.escalate_flag,
        initiator_may_approve=gate.initiator_may_approve,
        notify=_call(gate.notify, catalog),
    )


def _wait(step: WrittenStep, wait: WrittenWait, edges: tuple[Edge, ...]) -> WaitStep:
    return WaitStep(
        id=step.id,
        title=step.title,
        needs=edges,
        when=step.when,
        severity=step.severity,
        tolerate=step.tolerate,
        duration_ms=wait.duration_ms,
        signal=wait.signal,
        timeout_ms=wait.timeout_ms,
    )


def _call(call: WrittenCall | None, catalog: Catalog) -> Call | None:
    return None if call is None else _pinned_call(call, _found(call, catalog))


def _pinned_call(call: WrittenCall, capability: Capability) -> Call:
    effect = capability.effect_of(call.with_)
    return Call(
        capability=capability.key,
        with_=call.with_,
        config=call.config,
        secrets=call.secrets,
        effect=effect if effect != capability.effect else None,
    )


def _found(call: WrittenCall, catalog: Catalog) -> Capability:
    capability = catalog.capability(call.capability, call.range)
    if capability is None:
        raise LookupError(call.capability)
    return capability


def _capabilities(blueprint: Blueprint, catalog: Catalog) -> dict[str, PinnedCapability]:
    found = {}
    for step in (*blueprint.steps, *blueprint.finally_):
        for _, call in step.calls():
            capability = _found(call, catalog)
            found[capability.key] = pin(capability)
    return found


def pin(capability: Capability) -> PinnedCapability:
    """What a plan keeps of a contract."""
    return PinnedCapability(
        id=capability.id,
        version=capability.version,
        digest=capability.digest,
        effect=capability.effect,
        idempotent=capability.idempotent,
        timeout_ms=capability.timeout_ms,
        retry=capability.retry,
        scopes=capability.scopes
        if isinstance(capability.scopes, tuple)
        else dict(capability.scopes),
        allow_outbound=capability.allow_outbound,
        secret_keys=tuple(key.name for key in capability.secrets),
        runbook_input=capability.runbook.name if capability.runbook is not None else None,
    )
