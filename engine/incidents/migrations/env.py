"""Alembic's way in: the connection that is to be brought up to date is given by the caller."""

from alembic import context

from engine.incidents.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
