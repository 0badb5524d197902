"""Run by Alembic: migrations always use the transaction they are given."""

from alembic import context

from hitl_core.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
