"""The store's tables, as the migrations make them."""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from engine import instants


class Instant(TypeDecorator[str]):
    """ISO 8601 with Z and milliseconds outside, the database's own time inside, in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> datetime | None:
        """SQLite keeps no zone."""
        if value is None:
            return None
        moment = datetime.fromtimestamp(instants.parse(value) / 1000, UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Whatever zone the session has, the text is in UTC."""
        if value is None:
            return None
        aware = value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value
        return instants.render(round(aware.timestamp() * 1000))


metadata = MetaData()

incident_number = Table(
    "incident_number",
    metadata,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("last", Integer, nullable=False),
)

incident = Table(
    "incident",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("title", Text, nullable=False),
    Column("severity", String(2), nullable=False),
    Column("status", String(20), nullable=False, index=True),
    Column("phase", String(20)),
    Column("started_at", Instant, nullable=False, index=True),
    Column("acknowledged_at", Instant),
    Column("resolved_at", Instant),
    Column("closed_at", Instant),
    Column("impacted_services", JSON, nullable=False),
    Column("pagerduty_incident_id", String(200), index=True),
    Column("key", String(400), unique=True),
    Column("events", Integer, nullable=False),
    Column("head", String(64), nullable=False),
)

opening_key = Table(
    "opening_key",
    metadata,
    Column("key", String(400), primary_key=True),
    Column("incident_id", ForeignKey("incident.id"), nullable=False),
)
"""What incidents were opened with; older ones have one in their own row."""

timeline_event = Table(
    "timeline_event",
    metadata,
    Column("id", String(120), primary_key=True),
    Column("incident_id", ForeignKey("incident.id"), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("event_type", String(100), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("description", Text, nullable=False),
    Column("timestamp", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("source", String(20)),
    Column("workflow_id", Text),
    Column("blueprint", String(100)),
    Column("step", Text),
    Column("gate", Text),
    Column("data", JSON, nullable=False),
    Column("key", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("incident_id", "sequence", name="timeline_event_sequence"),
    UniqueConstraint("incident_id", "key", name="timeline_event_key"),
    Index("timeline_event_type", "incident_id", "event_type", "sequence"),
)

approval = Table(
    "approval",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident_id", ForeignKey("incident.id"), nullable=False, index=True),
    Column("workflow_id", Text, nullable=False),
    Column("gate", Text, nullable=False),
    Column("round", Integer, nullable=False),
    Column("action", Text, nullable=False),
    Column("approvers", JSON, nullable=False),
    Column("status", String(20), nullable=False, index=True),
    Column("approver_id", String(200)),
    Column("reason", Text),
    Column("source", String(20)),
    Column("requested_at", Instant, nullable=False),
    Column("decided_at", Instant),
    Column("deadline", Instant),
)

statuspage_incident = Table(
    "statuspage_incident",
    metadata,
    Column("id", String(120), primary_key=True),
    Column("incident_id", ForeignKey("incident.id"), nullable=False, unique=True),
    Column("statuspage_id", Text, nullable=False),
    Column("status", Text, nullable=False),
)

slack_channel = Table(
    "slack_channel",
    metadata,
    Column("id", String(120), primary_key=True),
    Column("incident_id", ForeignKey("incident.id"), nullable=False, unique=True),
    Column("channel_id", Text, nullable=False),
    Column("channel_name", Text, nullable=False),
    Column("archived", Boolean, nullable=False),
)

confluence_page = Table(
    "confluence_page",
    metadata,
    Column("id", String(120), primary_key=True),
    Column("incident_id", ForeignKey("incident.id"), nullable=False, unique=True),
    Column("page_id", Text, nullable=False),
    Column("page_url", Text, nullable=False),
    Column("space_key", Text, nullable=False),
)
