"""An incident may have been opened with several keys: a group of alerts has one for each alert."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "opening_key",
        sa.Column("key", sa.String(400), primary_key=True),
        sa.Column("incident_id", sa.String(100), sa.ForeignKey("incident.id"), nullable=False),
    )
