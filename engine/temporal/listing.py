"""Runs as a list shows them: which are wanted, asked of the server and looked at here."""

from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio.client import WorkflowExecution, WorkflowExecutionStatus

from engine import instants
from engine.interpreter import ending
from engine.plan import Json


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs to list; None takes every value."""

    blueprint: str | None = None
    incident: str | None = None
    severity: str | None = None
    status: str | None = None
    """`running`, or how it ended."""


@dataclass(frozen=True, slots=True)
class ListedRun:
    """One run in a list."""

    run: str
    blueprint: str
    status: str
    incident: str | None
    severity: str | None
    started_at: datetime
    closed_at: datetime | None


_COMPLETED = "'Completed'"
_EXECUTION = {
    "running": "'Running'",
    "cancelled": "'Canceled'",
    # Also those that could not say it themselves: refused, terminated, timed out by the server.
    "failed": "'Failed', 'Terminated', 'TimedOut'",
}
"""Temporal's own words for how a run stands; of the rest it knows only that they completed."""
_TOLD = ("rejected", "timed_out")


def query(wanted: RunFilter, *, indexed: bool) -> str | None:
    """What the server is asked for; all but the severity, incident and status it does not index."""
    clauses = [] if wanted.blueprint is None else [f"WorkflowType = {_quoted(wanted.blueprint)}"]
    if wanted.status is not None:
        clauses.append(f"ExecutionStatus IN ({_EXECUTION.get(wanted.status, _COMPLETED)})")
    if indexed:
        for name, value in (
            ("HarmonyIncident", wanted.incident),
            ("HarmonySeverity", wanted.severity),
            ("HarmonyStatus", wanted.status if wanted.status in _TOLD else None),
        ):
            if value is not None:
                clauses.append(f"{name} = {_quoted(value)}")
    return " AND ".join(clauses) or None


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


async def listed(execution: WorkflowExecution) -> ListedRun:
    """A run as the server lists it."""
    memo = await execution.memo()
    known = execution.typed_search_attributes

    def read(key: ending.Key) -> str | None:
        value: Json = known.get(key) or memo.get(key.name)
        return value if isinstance(value, str) else None

    return ListedRun(
        run=execution.id,
        blueprint=execution.workflow_type,
        status=_status(execution.status, read(ending.STATUS)),
        incident=read(ending.INCIDENT),
        severity=read(ending.SEVERITY),
        started_at=_began(memo.get(ending.STARTED)) or execution.start_time,
        closed_at=execution.close_time,
    )


def _began(said: Json) -> datetime | None:
    """When the first history of a run began, where this is a later one."""
    if not isinstance(said, str):
        return None
    try:
        return datetime.fromtimestamp(instants.parse(said) / 1000, UTC)
    except (ValueError, OverflowError):  # whatever another client put there
        return None


def _status(status: WorkflowExecutionStatus | None, said: str | None) -> str:
    match status:
        case WorkflowExecutionStatus.RUNNING | None:
            return "running"
        case WorkflowExecutionStatus.CANCELED:
            return "cancelled"
        case WorkflowExecutionStatus.COMPLETED if said and said != "running":
            return said
        case WorkflowExecutionStatus.COMPLETED:
            return "succeeded"
        case WorkflowExecutionStatus.CONTINUED_AS_NEW:
            return "continued"
        case _:
            return "failed"


def fits(listed: ListedRun, wanted: RunFilter) -> bool:
    """The server has filtered by what it indexes; the memo is looked at here."""
    return listed.status != "continued" and all(
        value is None or value == found
        for value, found in (
            (wanted.incident, listed.incident),
            (wanted.severity, listed.severity),
            (wanted.status, listed.status),
        )
    )
