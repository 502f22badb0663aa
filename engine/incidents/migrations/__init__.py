"""The schema, step by step; Alembic reads it."""
