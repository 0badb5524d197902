"""The migrations lead to the tables that the code writes to."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from hitl_core.store import schema
from hitl_core.store.engine import Store
from hitl_core.store.tables import metadata


def test_the_migrations_lead_to_the_tables(empty_database_url: str) -> None:
    store = Store.connect(empty_database_url)
    schema.upgrade(store)
    with store.read() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": False})
        differences = compare_metadata(context, metadata)
    store.close()
    assert differences == []
