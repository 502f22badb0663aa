"""The sections of a post-mortem: each sentence says what the data says, or that it says nothing."""

from datetime import datetime
from typing import Any

from escaping import one_line, text
from failure import Failed
from tables import MISSING, cell, counted, is_routine, of_approvals, of_events

Data = dict[str, Any]
NO_END = ("step.started", "step.retry", "step.skipped", "step.unreached")


def sections(given: Data) -> dict[str, str]:
    """Place → Markdown, of the capability's input."""
    incident = given["incident"]
    events = sorted(given["events"], key=_order)
    left_out = given.get("leftOut", {})
    other_events = left_out.get("events", {})
    return {
        "summary": summary(incident),
        "impact": impact(incident),
        "timeline": timeline(events, other_events),
        "metrics": metrics(incident),
        "decisions": decisions(given["approvals"], left_out.get("approvals", 0)),
        "runs": runs(events, other_events),
        "actions": actions(given.get("actionItems", [])),
    }


def title(incident: Data) -> str:
    """As plain text, at most 255 characters, which is what Confluence takes."""
    whole = one_line(f"Post-mortem {incident['id']}: {incident['title']}")
    return whole if len(whole) <= 255 else f"{whole[:254]}…"


def summary(incident: Data) -> str:
    """Which incident it was, and how far it came."""
    return "\n".join(
        [
            f"- Incident: {cell(incident, 'id')}",
            f"- Title: {cell(incident, 'title')}",
            f"- Severity: {cell(incident, 'severity')}",
            f"- Status: {cell(incident, 'status')}",
            f"- Started: {cell(incident, 'startedAt')}",
            f"- Acknowledged: {cell(incident, 'acknowledgedAt')}",
            f"- Resolved: {cell(incident, 'resolvedAt')}",
            f"- Closed: {cell(incident, 'closedAt')}",
        ]
    )


def impact(incident: Data) -> str:
    """The services, one an item."""
    services = incident.get("impactedServices") or []
    if not services:
        return "No impacted services are recorded."
    return "\n".join(f"- {text(name) or MISSING}" for name in services)


def timeline(events: list[Data], left_out: dict[str, int]) -> str:
    """What happened, in the order of the chain; steps only where they failed."""
    if not events and not left_out:
        return "No events are recorded."
    columns = {"Time (UTC)": "at", "Event": "type", "By": "actor", "What": "description"}
    told = [event for event in events if not is_routine(event["type"])]
    others = {kind: number for kind, number in left_out.items() if not is_routine(kind)}
    routine = len(events) - len(told) + sum(left_out.values()) - sum(others.values())
    whole = of_events(columns, told, others, "Nothing but steps of runs is recorded.")
    if not routine:
        return whole
    return f"{whole}\n\nLeft out: {counted(routine, 'event')} of steps that did not fail."


def metrics(incident: Data) -> str:
    """MTTA and MTTR, from the times of the incident."""
    return "\n".join(
        [
            f"- MTTA (started to acknowledged): {_between(incident, 'acknowledgedAt')}",
            f"- MTTR (started to resolved): {_between(incident, 'resolvedAt')}",
        ]
    )


def decisions(approvals: list[Data], left_out: int) -> str:
    """Every approval that was asked for: who answered, from where, when and why."""
    columns = {
        "Gate": "gate",
        "Decision": "status",
        "By": "approverId",
        "From": "source",
        "When (UTC)": "decidedAt",
        "Why": "reason",
        "Asked (UTC)": "requestedAt",
        "Run": "workflowId",
    }
    asked = sorted(approvals, key=lambda each: (each.get("requestedAt") or "", each["gate"]))
    return of_approvals(columns, asked, left_out, "No approvals are recorded.")


def runs(events: list[Data], left_out: dict[str, int]) -> str:
    """Every end of a step or of a run, and what a runbook's blocks gave."""
    columns = {
        "Time (UTC)": "at",
        "Run": "run",
        "Step": "step",
        "Result": "type",
        "What": "description",
    }
    ran = [event for event in events if _is_result(event["type"])]
    others = {kind: number for kind, number in left_out.items() if _is_result(kind)}
    return of_events(columns, ran, others, "No results of steps are recorded.")


def actions(items: list[Data]) -> str:
    """One an item, with who does it."""
    if not items:
        return "No action items are recorded."
    return "\n".join(f"- {cell(item, 'text')} (owner: {cell(item, 'owner')})" for item in items)


def _is_result(kind: str) -> bool:
    return kind in ("run.ended", "runbook.ran") or (kind.startswith("step.") and kind not in NO_END)


def _order(event: Data) -> tuple[bool, int]:
    number = event.get("sequence")
    return (number is None, number or 0)


def _between(incident: Data, end: str) -> str:
    """As 1 h 02 min 03 s; milliseconds are cut."""
    if not incident.get("startedAt") or not incident.get(end):
        return MISSING
    begun, ended = _time(incident, "startedAt"), _time(incident, end)
    seconds = int((ended - begun).total_seconds())
    if ended < begun:
        return "cannot be told, since the recorded end is before the recorded start"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes:02} min {seconds:02} s" if hours else f"{minutes} min {seconds:02} s"
    )


def _time(incident: Data, name: str) -> datetime:
    try:
        return datetime.fromisoformat(incident[name])
    except ValueError:
        message = f"{name} of the incident is {incident[name]}, which no calendar has; correct it"
        raise Failed("BAD_TIME", message) from None
