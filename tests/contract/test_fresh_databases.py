"""The databases that every other contract test gets: of their own, current or empty as asked for."""

from __future__ import annotations

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
