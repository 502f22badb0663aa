"""Gates that wait less long than their blueprint says, where harmony.yaml has `gates: {atMost}`.

For rehearsals: time that runs out is never consent, so it may only be made shorter.
"""

import msgspec

from engine.language.catalog import Catalog
from engine.language.planner import compile_blueprint
from engine.plan import GateStep, Plan, Step


def plan_of(catalog: Catalog, blueprint: str, gates_at_most_ms: int | None) -> Plan:
    """The plan of a blueprint as this environment runs it; its digest tells the limit too.

    DefinitionError, or RunRefused for an id that is not there.
    """
    plan = compile_blueprint(catalog, blueprint)
    return plan if gates_at_most_ms is None else _limited(plan, gates_at_most_ms)


def _limited(plan: Plan, most: int) -> Plan:
    return msgspec.structs.replace(
        plan,
        steps=tuple(_step(step, most) for step in plan.steps),
        finally_=tuple(_step(step, most) for step in plan.finally_),
        children={name: _limited(child, most) for name, child in plan.children.items()},
    )


def _step(step: Step, most: int) -> Step:
    if not isinstance(step, GateStep):
        return step
    timeout = {severity: min(limit, most) for severity, limit in step.timeout.items()}
    return msgspec.structs.replace(step, timeout=timeout)
