"""Incidents, their timelines, approvals, and what was made for them elsewhere."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NOW = sa.DateTime(timezone=True)

SQLITE = (
    """
    CREATE TRIGGER timeline_event_no_update BEFORE UPDATE ON timeline_event
    BEGIN SELECT RAISE(ABORT, 'the timeline is append-only'); END
    """,
    """
    CREATE TRIGGER timeline_event_no_delete BEFORE DELETE ON timeline_event
    BEGIN SELECT RAISE(ABORT, 'the timeline is append-only'); END
    """,
    # INSERT OR REPLACE deletes without a word to the trigger above.
    """
    CREATE TRIGGER timeline_event_no_replace BEFORE INSERT ON timeline_event
    WHEN EXISTS (
        SELECT 1 FROM timeline_event
        WHERE id = NEW.id OR (incident_id = NEW.incident_id
            AND (sequence = NEW.sequence OR key = NEW.key))
    )
    BEGIN SELECT RAISE(ABORT, 'the timeline is append-only'); END
    """,
)
POSTGRESQL = (
    """
    CREATE FUNCTION timeline_event_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the timeline is append-only'; END $$
    """,
    """
    CREATE TRIGGER timeline_event_no_change BEFORE UPDATE OR DELETE ON timeline_event
    FOR EACH ROW EXECUTE FUNCTION timeline_event_refuse()
    """,
    """
    CREATE TRIGGER timeline_event_no_truncate BEFORE TRUNCATE ON timeline_event
    FOR EACH STATEMENT EXECUTE FUNCTION timeline_event_refuse()
    """,
)


def upgrade() -> None:
    """Make the tables, and the triggers that keep a timeline from being changed."""
    _incidents()
    _timeline()
    _approvals()
    _links()
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE if sqlite else POSTGRESQL:
        op.execute(statement)


def _incidents() -> None:
    op.create_table(
        "incident_number",
        sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("last", sa.Integer, nullable=False),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.String(100), primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("severity", sa.String(2), nullable=False),
        sa.Column("status", sa.String(20), nullable=False, index=True),
        sa.Column("phase", sa.String(20)),
        sa.Column("started_at", NOW, nullable=False, index=True),
        sa.Column("acknowledged_at", NOW),
        sa.Column("resolved_at", NOW),
        sa.Column("closed_at", NOW),
        sa.Column("impacted_services", sa.JSON, nullable=False),
        sa.Column("pagerduty_incident_id", sa.String(200), index=True),
        sa.Column("key", sa.String(400), unique=True),
        sa.Column("events", sa.Integer, nullable=False),
        sa.Column("head", sa.String(64), nullable=False),
    )


def _timeline() -> None:
    op.create_table(
        "timeline_event",
        sa.Column("id", sa.String(120), primary_key=True),
        sa.Column("incident_id", sa.String(100), sa.ForeignKey("incident.id"), nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("event_type", sa.String(100), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("timestamp", NOW, nullable=False),
        sa.Column("recorded_at", NOW, nullable=False),
        sa.Column("source", sa.String(20)),
        sa.Column("workflow_id", sa.Text),
        sa.Column("blueprint", sa.String(100)),
        sa.Column("step", sa.Text),
        sa.Column("gate", sa.Text),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.UniqueConstraint("incident_id", "sequence", name="timeline_event_sequence"),
        sa.UniqueConstraint("incident_id", "key", name="timeline_event_key"),
    )


def _approvals() -> None:
    op.create_table(
        "approval",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column(
            "incident_id", sa.String(100), sa.ForeignKey("incident.id"), nullable=False, index=True
        ),
        sa.Column("workflow_id", sa.Text, nullable=False),
        sa.Column("gate", sa.Text, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("approvers", sa.JSON, nullable=False),
        sa.Column("status", sa.String(20), nullable=False, index=True),
        sa.Column("approver_id", sa.String(200)),
        sa.Column("reason", sa.Text),
        sa.Column("source", sa.String(20)),
        sa.Column("requested_at", NOW, nullable=False),
        sa.Column("decided_at", NOW),
        sa.Column("deadline", NOW),
    )


def _links() -> None:
    """What was made elsewhere: one of each for an incident."""
    tables = {
        "statuspage_incident": ("statuspage_id", "status"),
        "slack_channel": ("channel_id", "channel_name"),
        "confluence_page": ("page_id", "page_url", "space_key"),
    }
    for name, texts in tables.items():
        columns: list[sa.Column[Any]] = [sa.Column(text, sa.Text, nullable=False) for text in texts]
        if name == "slack_channel":
            columns.append(sa.Column("archived", sa.Boolean, nullable=False))
        op.create_table(
            name,
            sa.Column("id", sa.String(120), primary_key=True),
            sa.Column(
                "incident_id",
                sa.String(100),
                sa.ForeignKey("incident.id"),
                nullable=False,
                unique=True,
            ),
            *columns,
        )
