"""Approvals as rows: each round of each gate, as the events of its run tell it."""

from collections.abc import Sequence

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
    for event in events:
        if event.gate is not None:
            _follow(connection, event)


def listed(connection: Connection, incident_id: str) -> list[Approval]:
    """An incident's approvals, in the order in which they were asked for."""
    query = select(approval).where(approval.c.incident_id == incident_id)
    rows = connection.execute(query.order_by(approval.c.requested_at, approval.c.id))
    return [_approval(row) for row in rows]


def _follow(connection: Connection, event: Event) -> None:
    match event.type:
        case "gate.opened":
            _ask(connection, event, str(event.data.get("ask", event.description)))
        case "gate.escalated":
            ended = _end(connection, event, ["TimedOut", "Escalated"], _round(event) - 1)
            _ask(connection, event, event.description if ended is None else ended.action)
        case "gate.answered" if event.data.get("state") in _ANSWERS:
            _end(connection, event, [_ANSWERS[event.data["state"]]], _round(event))
        case "gate.closed" if event.data.get("state") == "timed_out":
            _end(connection, event, ["TimedOut", "Rejected"], _round(event), NO_ANSWER)
        case "gate.closed" if event.data.get("state") == "cancelled":
            _end(connection, event, ["Rejected"], _round(event), STOPPED)


def _ask(connection: Connection, event: Event, action: str) -> None:
    asked = event.data.get("approvers")
    connection.execute(
        insert(approval).values(
            id=_id(event, _round(event)),
            incident_id=event.incident_id,
            workflow_id=event.run or "",
            gate=event.gate,
            round=_round(event),
            action=action,
            approvers=asked if isinstance(asked, list) else [],
            status="Pending",
            requested_at=event.at,
            deadline=event.data.get("deadline"),
        )
    )


def _end(
    connection: Connection,
    event: Event,
    through: list[ApprovalStatus],
    number: int,
    reason: str | None = None,
) -> Approval | None:
    """Take a pending round to its end; None where there is none."""
    query = select(approval).where(approval.c.id == _id(event, number))
    row = connection.execute(query).first()
    if row is None or row.status != "Pending":
        return None
    answered = reason is None and event.type == "gate.answered"
    connection.execute(
        update(approval)
        .where(approval.c.id == row.id)
        .values(
            status=approval_moved(row.status, through),
            approver_id=event.actor if answered else None,
            reason=event.data.get("reason") if answered else reason,
            source=event.source if answered else None,
            decided_at=event.at,
        )
    )
    return _approval(row)


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
