"""Events are found by their type, and SQLite's own row numbers replace none."""

from alembic import op

revision = "0002"
down_revision = "0001"

# Whoever names the number of a row that is there has REPLACE delete that row without a word to
# the trigger that refuses to delete. Where none is named, the number is -1, which no row has.
REPLACED = """
    CREATE TRIGGER timeline_event_no_row_replace BEFORE INSERT ON timeline_event
    WHEN EXISTS (SELECT 1 FROM timeline_event WHERE rowid = NEW.rowid)
    BEGIN SELECT RAISE(ABORT, 'the timeline is append-only'); END
    """


def upgrade() -> None:
    """Add the index, and the trigger where there are such numbers."""
    columns = ["incident_id", "event_type", "sequence"]
    op.create_index("timeline_event_type", "timeline_event", columns)
    if op.get_bind().dialect.name == "sqlite":
        op.execute(REPLACED)
