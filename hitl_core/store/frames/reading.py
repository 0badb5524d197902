"""Reading facts from the database into a frame, by the fastest way there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from hitl_core.store.engine import Store
from hitl_core.store.frames.facts import Fact, packed, read_types

if TYPE_CHECKING:
    import polars as pl

BATCH = 50_000


def read_facts(store: Store, fact: Fact, *, since_ms: int | None = None, whole: bool = False) -> pl.DataFrame:
    """Return the facts written at or after a time, in the order they were written.

    Args:
        store: the database.
        fact: which frame.
        since_ms: milliseconds since the epoch by the keys' own time; None means from the beginning.
        whole: whether a large part of the table is wanted, so that a faster reader is worth its start-up.
    """
    import polars as pl

    query = fact.query.order_by(fact.key)
    if since_ms is not None:
        query = query.where(fact.key >= key_from(since_ms))
    if whole and (address := _address(store)) is not None:
        text = str(query.compile(store.engine, compile_kwargs={"literal_binds": True}))
        rows = pl.read_database_uri(text.replace("%%", "%"), address, engine="connectorx")
        return packed(rows.cast(read_types(fact)))  # type: ignore[arg-type]
    types = read_types(fact)
    with store.read() as tx:
        batches = tx.execute(query).partitions(BATCH)
        parts = [packed(pl.DataFrame(list(map(tuple, part)), schema=types, orient="row")) for part in batches]
    return pl.concat(parts) if parts else packed(pl.DataFrame(schema=types))


def key_from(milliseconds: int) -> str:
    """Return the lowest UUIDv7 hex of a time, given in milliseconds since the epoch."""
    return f"{max(0, milliseconds):012x}".ljust(32, "0")


def _address(store: Store) -> str | None:
    """Return the database's address as the fast reader takes it, None for SQLite.

    The fast reader brings an SQLite library of its own. Two of them on one file in one process undo each other's locks
    (https://www.sqlite.org/howtocorrupt.html, section 2.2.1), and a connection that was open reads wrong pages.
    """
    url = store.engine.url
    if store.is_sqlite:
        return None
    plain = sa.URL.create("postgresql", url.username, url.password, url.host, url.port, url.database)
    return plain.render_as_string(hide_password=False)
