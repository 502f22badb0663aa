"""What the store holds, as plain data: an incident, its timeline, its approvals, what was made.

Times are ISO 8601 in UTC with Z and milliseconds; names are camelCase on the wire.
"""

from typing import Literal, TypeAlias

import msgspec

from engine.messages import Message, Source
from engine.plan import Json

Severity: TypeAlias = Literal["P1", "P2", "P3", "P4"]
Status: TypeAlias = Literal[
    "Created", "Investigating", "Escalated", "Resolved", "PostMortem", "Closed"
]
Phase: TypeAlias = Literal["Triaging", "Remediating", "Verifying", "Verified"]
ApprovalStatus: TypeAlias = Literal["Pending", "Approved", "Rejected", "TimedOut", "Escalated"]

HARMONY = "harmony"
"""The actor of what the engine did by itself."""


class StatuspageIncident(Message, frozen=True, kw_only=True):
    """The incident on the status page."""

    statuspage_id: str
    status: str


class SlackChannel(Message, frozen=True, kw_only=True, omit_defaults=False):
    """The incident's channel."""

    channel_id: str
    channel_name: str
    archived: bool = False


class ConfluencePage(Message, frozen=True, kw_only=True):
    """The incident's post-mortem."""

    page_id: str
    page_url: str
    space_key: str


Link: TypeAlias = StatuspageIncident | SlackChannel | ConfluencePage
LinkKind: TypeAlias = Literal["statuspage", "slack", "confluence"]
LINKS: dict[LinkKind, type[Link]] = {
    "statuspage": StatuspageIncident,
    "slack": SlackChannel,
    "confluence": ConfluencePage,
}


class Incident(Message, frozen=True, kw_only=True, omit_defaults=False):
    """One incident as it is now."""

    id: str
    title: str
    severity: Severity
    status: Status
    phase: Phase | None = None
    """Of an incident that is Investigating, or was when it was Escalated."""
    started_at: str
    acknowledged_at: str | None = None
    resolved_at: str | None = None
    closed_at: str | None = None
    impacted_services: tuple[str, ...] = ()
    pagerduty_incident_id: str | None = None
    events: int = 0
    """Events on its timeline."""
    head: str = ""
    """The hash of the last one."""
    statuspage: StatuspageIncident | None = None
    slack: SlackChannel | None = None
    confluence: ConfluencePage | None = None


class Opening(Message, frozen=True, kw_only=True):
    """What an incident is opened with."""

    title: str
    severity: Severity
    impacted_services: tuple[str, ...] = ()
    started_at: str | None = None
    """When it began; now, where it is not said."""
    actor: str = HARMONY
    pagerduty_incident_id: str | None = None
    key: str | None = None
    """The same for every try of the same opening: one incident comes of them."""
    also: tuple[str, ...] = ()
    """Other keys of the same trouble: while an incident of any of them is not over, it is that."""


class NewEvent(Message, frozen=True, kw_only=True):
    """What is put on a timeline."""

    type: str
    description: str
    key: str
    """Within the incident; an event whose key is there already is not written again."""
    actor: str = HARMONY
    at: str | None = None
    """When it happened; now, where it is not said."""
    source: Source | None = None
    run: str | None = None
    """The workflow's id."""
    blueprint: str | None = None
    step: str | None = None
    gate: str | None = None
    data: dict[str, Json] = msgspec.field(default_factory=dict)


class Event(Message, frozen=True, kw_only=True, omit_defaults=False):
    """One link of a timeline's chain."""

    id: str
    """`INC-2026-0001/17`."""
    incident_id: str
    sequence: int
    """From 1, without gaps."""
    type: str
    actor: str
    description: str
    at: str
    """When it happened."""
    recorded_at: str
    source: str | None
    run: str | None
    blueprint: str | None
    step: str | None
    gate: str | None
    data: dict[str, Json]
    key: str
    previous: str
    """The hash of the event before it; empty for the first."""
    hash: str


class Approval(Message, frozen=True, kw_only=True, omit_defaults=False):
    """One round of one gate."""

    id: str
    incident_id: str
    workflow_id: str
    gate: str
    round: int
    """0, and one more for each escalation."""
    action: str
    """The question."""
    approvers: tuple[str, ...]
    """The roles that are asked."""
    status: ApprovalStatus
    approver_id: str | None = None
    reason: str | None = None
    source: str | None = None
    requested_at: str
    decided_at: str | None = None
    deadline: str | None = None


class Problem(Message, frozen=True, kw_only=True, omit_defaults=False):
    """Something about a timeline that is not as it was written."""

    sequence: int | None
    """Of the event, where it is about one."""
    problem: str


class Verification(Message, frozen=True, kw_only=True, omit_defaults=False):
    """What `verify` found."""

    intact: bool
    events: int
    head: str
    problems: tuple[Problem, ...]


class Metrics(Message, frozen=True, kw_only=True, omit_defaults=False):
    """Means over incidents, in seconds; None where there is nothing to take one of."""

    incidents: int
    acknowledged: int
    resolved: int
    mtta_seconds: float | None
    mttr_seconds: float | None
