"""The sections of a post-mortem: each sentence says what the data says, or that it says nothing."""

from datetime import datetime
from typing import Any

from escaping import one_line, table, text
from failure import Failed

Data = dict[str, Any]
MISSING = "not recorded"
NO_END = ("step.started", "step.retry", "step.skipped", "step.unreached")


def sections(given: Data) -> dict[str, str]:
    """Place → Markdown, of the capability's input."""
    incident = given["incident"]
    events = sorted(given["events"], key=_order)
    return {
        "summary": summary(incident),
        "impact": impact(incident),
        "timeline": timeline(events),
        "metrics": metrics(incident),
        "decisions": decisions(given["approvals"]),
        "runs": runs(events),
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
            f"- Incident: {_cell(incident, 'id')}",
            f"- Title: {_cell(incident, 'title')}",
            f"- Severity: {_cell(incident, 'severity')}",
            f"- Status: {_cell(incident, 'status')}",
            f"- Started: {_cell(incident, 'startedAt')}",
            f"- Acknowledged: {_cell(incident, 'acknowledgedAt')}",
            f"- Resolved: {_cell(incident, 'resolvedAt')}",
            f"- Closed: {_cell(incident, 'closedAt')}",
        ]
    )


def impact(incident: Data) -> str:
    """The services, one an item."""
    services = incident.get("impactedServices") or []
    if not services:
        return "No impacted services are recorded."
    return "\n".join(f"- {_shown(name)}" for name in services)


def timeline(events: list[Data]) -> str:
    """What happened, in the order of the chain; steps only where they failed."""
    if not events:
        return "No events are recorded."
    heads, fields = ["Time (UTC)", "Event", "By", "What"], ["at", "type", "actor", "description"]
    told = [each for each in events if not _is_routine(each["type"])]
    rows = [[_cell(event, field) for field in fields] for event in told]
    whole = table(heads, rows) if rows else "Nothing but steps of runs is recorded."
    left = len(events) - len(told)
    return f"{whole}\n\nLeft out: {left} events of steps that did not fail." if left else whole


def metrics(incident: Data) -> str:
    """MTTA and MTTR, from the times of the incident."""
    return "\n".join(
        [
            f"- MTTA (started to acknowledged): {_between(incident, 'acknowledgedAt')}",
            f"- MTTR (started to resolved): {_between(incident, 'resolvedAt')}",
        ]
    )


def decisions(approvals: list[Data]) -> str:
    """Every approval that was asked for: who answered, from where, when and why."""
    if not approvals:
        return "No approvals are recorded."
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
    return table(
        list(columns), [[_cell(each, name) for name in columns.values()] for each in asked]
    )


def runs(events: list[Data]) -> str:
    """Every end of a step or of a run, and what a runbook's blocks gave."""
    ran = [each for each in events if _is_result(each["type"])]
    if not ran:
        return "No results of steps are recorded."
    columns = {
        "Time (UTC)": "at",
        "Run": "run",
        "Step": "step",
        "Result": "type",
        "What": "description",
    }
    return table(list(columns), [[_cell(each, name) for name in columns.values()] for each in ran])


def actions(items: list[Data]) -> str:
    """One an item, with who does it."""
    if not items:
        return "No action items are recorded."
    return "\n".join(f"- {_cell(item, 'text')} (owner: {_cell(item, 'owner')})" for item in items)


def _is_result(kind: str) -> bool:
    return kind in ("run.ended", "runbook.ran") or (kind.startswith("step.") and kind not in NO_END)


def _is_routine(kind: str) -> bool:
    return kind.startswith(("step.", "item.")) and kind != "step.failed"


def _order(event: Data) -> tuple[bool, int]:
    number = event.get("sequence")
    return (number is None, number or 0)


def _cell(given: Data, name: str) -> str:
    return _shown(given.get(name))


def _shown(value: str | None) -> str:
    return text(value or "") or MISSING


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
