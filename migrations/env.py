"""Runs migrations on the connection that `app.migrate` hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from migrations.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    transactional_ddl=False,  # the caller holds the transaction, and the lock
)
context.run_migrations()
