"""Whether a run may start, and with what: the plan bound to its inputs, its initiator, its context.

The worker decides this, whatever a client has checked before.
"""

import uuid

from engine.errors import DefinitionError, RunRefused
from engine.language.planner import bind
from engine.messages import CompiledRun, CompileRequest, StartArguments
from engine.plan import Json, Plan
from engine.project.folder import Project
from engine.project.rehearsal import plan_of

NOBODY = "unknown"
"""The initiator of a run that says none: it has the roles of `anyone`."""
NO_COST_CENTER = "unassigned"
_LONGEST_NAME = 200


def admit(
    project: Project, request: CompileRequest, *, allow_solo: bool = True, indexed: bool = False
) -> CompiledRun:
    """What the run starts with, or in `error_code` and `error` why it may not; never raises."""
    try:
        return _admitted(project, request, allow_solo=allow_solo, indexed=indexed)
    except RunRefused as error:
        return _refused(error.code, str(error))
    except DefinitionError as error:
        return _refused("DEFINITION", _first_fault(request.blueprint, error))
    except Exception as error:
        return _refused("INTERNAL", f"Harmony itself failed: {type(error).__name__}: {error}")


def initiator_of(start: StartArguments) -> str:
    """Who started it: the client's actor, else the context's `initiator_id`, else `unknown`."""
    name: Json = start.context.get("initiator_id", NOBODY)
    if start.actor is not None:
        name = start.actor.name
    if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST_NAME:
        raise RunRefused(
            f"who starts a run has a name, of 1 to {_LONGEST_NAME} characters",
            code="START_ARGUMENTS",
        )
    return name


def _admitted(
    project: Project, request: CompileRequest, *, allow_solo: bool, indexed: bool
) -> CompiledRun:
    start = request.start
    if start.solo and not allow_solo:
        raise RunRefused(
            "this worker takes no solo runs; start it without --solo, and have someone else "
            "answer its gates",
            code="SOLO_REFUSED",
        )
    project.refresh()
    if request.plan is not None:
        return _bound_child(project, request, request.plan, indexed=indexed)
    initiator = initiator_of(start)
    try:
        plan = plan_of(project.catalog, request.blueprint, project.settings.gates_at_most_ms)
    except RunRefused as error:
        raise RunRefused(
            f"{error} (the worker that took the run serves {project.folder}; the worker of another "
            "project needs a namespace of its own, or another --state)",
            code=error.code,
        ) from None
    policy = project.policy
    if not policy.may_start(initiator, plan.roles):
        raise RunRefused(
            f"{initiator} may not start {plan.blueprint}: it takes one of the roles "
            f"{', '.join(plan.roles)}, and policy.yaml gives {initiator} none of them",
            code="NOT_ALLOWED",
        )
    bound = bind(plan, start.inputs, _context(start, plan, initiator), project.catalog)
    return CompiledRun(
        plan=bound.plan,
        inputs=bound.inputs,
        context=bound.context,
        initiator=initiator,
        digest=bound.digest,
        open_policy=policy.is_open,
        indexed=indexed,
    )


def _bound_child(
    project: Project, request: CompileRequest, plan: Plan, *, indexed: bool
) -> CompiledRun:
    """A child runs for whoever started the outermost run, with the plan its parent shares."""
    bound = bind(plan, request.start.inputs, request.start.context, project.catalog)
    return CompiledRun(
        plan=None if bound.plan == plan else bound.plan,
        inputs=bound.inputs,
        context=bound.context,
        initiator=request.initiator,
        digest=bound.digest,
        open_policy=project.policy.is_open,
        indexed=indexed,
    )


def _context(start: StartArguments, plan: Plan, initiator: str) -> dict[str, Json]:
    """GoldenContext with what is required; `initiator_id` is whoever the policy was asked about."""
    filled = {"trace_id": uuid.uuid4().hex, "cost_center": plan.cost_center or NO_COST_CENTER}
    return {**filled, **start.context, "initiator_id": initiator}


def _first_fault(blueprint: str, error: DefinitionError) -> str:
    first = next((fault for fault in error.faults if fault.severity == "error"), None)
    errors = sum(fault.severity == "error" for fault in error.faults)
    where = f"{first.file}:{first.line}:{first.column}: {first.message}" if first else ""
    more = f" (and {errors - 1} more)" if errors > 1 else ""
    return (
        f"{blueprint} cannot start, a definition has errors: {where}{more}; run `harmony validate`"
    )


def _refused(code: str, error: str) -> CompiledRun:
    return CompiledRun(error_code=code, error=error)
