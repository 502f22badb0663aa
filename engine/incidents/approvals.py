"""Approvals as rows: each round of each gate, as the events of its run tell it."""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from engine.incidents.incident import Approval, ApprovalStatus, Event
from engine.incidents.states import approval_moved
from engine.incidents.tables import approval
from engine.plan import Json

NO_ANSWER = "No answer in time"
STOPPED = "The run was cancelled"
_ANSWERS: dict[Json, ApprovalStatus] = {"approved": "Approved", "rejected": "Rejected"}


def follow(connection: Connection, events: Sequence[Event]) -> None:
    """Do to the approvals what these events, just written, say of gates."""
    named = {
        _id(event, number)
        for event in events
        if event.gate is not None
        for number in (_round(event) - 1, _round(event))
    }
    if not named:
        return
    rows = connection.execute(select(approval).where(approval.c.id.in_(named)))
    before = {row.id: _approval(row) for row in rows}
    for identity, after in _followed(before, events).items():
        values = msgspec.structs.asdict(after) | {"approvers": list(after.approvers)}
        if identity not in before:
            connection.execute(insert(approval).values(values))
        elif after != before[identity]:
            connection.execute(update(approval).where(approval.c.id == identity).values(values))


def told(events: Sequence[Event]) -> dict[str, Approval]:
    """By its id what each approval must be, by all events of an incident."""
    return _followed({}, events)


def listed(connection: Connection, incident_id: str) -> list[Approval]:
    """An incident's approvals, in the order in which they were asked for."""
    query = select(approval).where(approval.c.incident_id == incident_id)
    rows = connection.execute(query.order_by(approval.c.requested_at, approval.c.id))
    return [_approval(row) for row in rows]


def _followed(before: Mapping[str, Approval], events: Sequence[Event]) -> dict[str, Approval]:
    standing = dict(before)
    for event in events:
        if event.gate is not None:
            _follow(standing, event)
    return standing


def _follow(standing: dict[str, Approval], event: Event) -> None:
    match event.type:
        case "gate.opened":
            _ask(standing, event, str(event.data.get("ask", event.description)))
        case "gate.escalated":
            ended = _end(standing, event, ["TimedOut", "Escalated"], _round(event) - 1)
            _ask(standing, event, event.description if ended is None else ended.action)
        case "gate.answered" if event.data.get("state") in _ANSWERS:
            _end(standing, event, [_ANSWERS[event.data["state"]]], _round(event))
        case "gate.closed" if event.data.get("state") == "timed_out":
            _end(standing, event, ["TimedOut", "Rejected"], _round(event), NO_ANSWER)
        case "gate.closed" if event.data.get("state") == "cancelled":
            _end(standing, event, ["Rejected"], _round(event), STOPPED)


def _ask(standing: dict[str, Approval], event: Event, action: str) -> None:
    asked, deadline = event.data.get("approvers"), event.data.get("deadline")
    identity = _id(event, _round(event))
    standing.setdefault(
        identity,
        Approval(
            id=identity,
            incident_id=event.incident_id,
            workflow_id=event.run or "",
            gate=event.gate or "",
            round=_round(event),
            action=action,
            approvers=tuple(map(str, asked)) if isinstance(asked, list) else (),
            status="Pending",
            requested_at=event.at,
            deadline=deadline if isinstance(deadline, str) else None,
        ),
    )


def _end(
    standing: dict[str, Approval],
    event: Event,
    through: list[ApprovalStatus],
    number: int,
    reason: str | None = None,
) -> Approval | None:
    """Take a pending round to its end; None where there is none."""
    pending = standing.get(_id(event, number))
    if pending is None or pending.status != "Pending":
        return None
    answered = reason is None and event.type == "gate.answered"
    why = event.data.get("reason") if answered else reason
    standing[pending.id] = msgspec.structs.replace(
        pending,
        status=approval_moved(pending.status, through),
        approver_id=event.actor if answered else None,
        reason=None if why is None else str(why),
        source=event.source if answered else None,
        decided_at=event.at,
    )
    return pending


def _id(event: Event, number: int) -> str:
    """One for each round of a gate of one execution: a run may be started again by its id."""
    execution = event.key.rpartition("/")[0] or event.run
    return f"{event.incident_id}/{execution}/{event.gate}/{number}"


def _round(event: Event) -> int:
    number = event.data.get("round", 0)
    return number if isinstance(number, int) else 0


def _approval(row: Row[tuple[Json, ...]]) -> Approval:
    values = dict(row._mapping)  # noqa: SLF001
    values["approvers"] = tuple(values["approvers"])
    return Approval(**values)
