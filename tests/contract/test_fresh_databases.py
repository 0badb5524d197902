"""The databases that every other contract test gets: of their own, current or empty as asked for."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from hitl_core import SchemaError
from hitl_core.store import schema
from hitl_core.store.engine import Store


def test_each_test_gets_the_current_schema(database_url: str) -> None:
    store = Store.connect(database_url)
    assert schema.current(store) == schema.HEAD
    store.close()


def test_an_empty_database_becomes_current_once(empty_database_url: str) -> None:
    store = Store.connect(empty_database_url)
    assert schema.current(store) is None
    assert schema.upgrade(store) == (None, schema.HEAD)
    assert schema.upgrade(store) == (schema.HEAD, schema.HEAD)
    store.close()


def test_an_older_schema_says_what_to_run_and_an_unknown_one_is_left_alone(database_url: str) -> None:
    store = Store.connect(database_url)
    _write(store, "UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(SchemaError, match=r"has schema 0000, this version needs \d+; run: hitl db upgrade$"):
        schema.prepare(store)
    with pytest.raises(SchemaError, match="no migration leads"):
        schema.upgrade(store)
    _write(store, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaError, match="newer than this version"):
        schema.prepare(store)
    _write(store, "DELETE FROM alembic_version")
    with pytest.raises(SchemaError, match=r"has the table '\w+' but no schema version"):
        schema.prepare(store)
    store.close()


def _write(store: Store, statement: str) -> None:
    with store.write() as tx:
        tx.execute(sa.text(statement))
