"""Whether a run may start, and for which incident: opened for it, or found by its id."""

import re
import time
from collections.abc import Mapping

import msgspec

from engine import instants
from engine.errors import HarmonyError, RunRefused
from engine.incidents import opening
from engine.incidents.desk import Desk
from engine.messages import CompiledRun, CompileRequest, Entry, RunEntries
from engine.plan import Json
from engine.project.folder import Project
from engine.steps.admission import admit

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


async def admit_for_incident(
    project: Project,
    request: CompileRequest,
    desk: Desk,
    *,
    allow_solo: bool = True,
    indexed: bool = False,
) -> CompiledRun:
    """As `admit`, with the context completed by what the store knows; never raises.

    An incident is opened only for who may start the run, once for each run of Temporal.
    """
    known = False
    try:
        named = _named(request.start.context)
        if named is not None and request.plan is None:
            incident = await desk.find(named)
            if incident is not None:
                known = True
                request = _with(request, opening.context_of(request.start.context, incident))
        compiled = admit(project, request, allow_solo=allow_solo, indexed=indexed)
        if compiled.error is None and opening.opens(request.blueprint, compiled.context):
            request = _with(request, await _opened(desk, request, compiled))
            compiled = admit(project, request, allow_solo=allow_solo, indexed=indexed)
    except HarmonyError as error:
        code = error.code if isinstance(error, RunRefused) else "STORE_AWAY"
        return CompiledRun(error_code=code, error=str(error))
    if compiled.error is not None and known:
        await _record_refusal(desk, request, compiled.error)
    return msgspec.structs.replace(compiled, record=bool(compiled.context.get("incident_id")))


def _named(context: Mapping[str, Json]) -> str | None:
    """The incident that the run is given."""
    named = context.get("incident_id")
    if named is None or named == "":
        return None
    if not isinstance(named, str) or not _ID.fullmatch(named):
        raise RunRefused("the context's incident_id is like INC-2026-0001", code="START_ARGUMENTS")
    return named


async def _opened(desk: Desk, request: CompileRequest, compiled: CompiledRun) -> dict[str, Json]:
    """The context with a new incident; with the one that the run's id names, where it does."""
    given = opening.opening(
        compiled.inputs,
        compiled.context,
        actor=compiled.initiator,
        key=f"run/{request.execution}",
    )
    named = opening.named_by(request.workflow_id)
    if named is None:
        incident, _ = await desk.open(given)
    else:
        incident = await desk.adopt(named, given)
    return opening.context_of(request.start.context, incident)


def _with(request: CompileRequest, context: dict[str, Json]) -> CompileRequest:
    start = msgspec.structs.replace(request.start, context=context)
    return msgspec.structs.replace(request, start=start)


async def _record_refusal(desk: Desk, request: CompileRequest, why: str) -> None:
    """Somebody tried: that is on the timeline too, before whatever the run itself may put there."""
    actor = request.start.actor
    entry = Entry(
        at=instants.render(time.time_ns() // 1_000_000),
        event="run.refused",
        text=f"{request.blueprint} was not started: {why}",
        who=None if actor is None else actor.name,
        source=None if actor is None else actor.source,
        user=None if actor is None else actor.user,
        host=None if actor is None else actor.host,
    )
    await desk.recorder.record(
        RunEntries(
            incident_id=str(request.start.context["incident_id"]),
            run=request.workflow_id,
            execution=request.execution,
            blueprint=request.blueprint,
            entries=(entry,),
            names=(entry.event,),
        )
    )
