"""What happened, in order: every write appends here, in its own transaction; and telling those who wait.

Outcomes are announced by NOTIFY on PostgreSQL; on SQLite a waiting process takes a cheap look.
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from hitl_core.domain.errors import StoreUnavailableError
from hitl_core.store.engine import Store
from hitl_core.store.tables import decisions, events, reviews

CHANNEL = "hitl_outcome"
_INSERT = sa.insert(events)


def append(
    tx: sa.Connection,
    kind: str,
    *,
    at: datetime,
    actor: str,
    project: str | None = None,
    item_key: str | None = None,
    task_key: str | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Append one event: who did what to which row, when."""
    tx.execute(
        _INSERT,
        {
            "created_at": at,
            "actor": actor,
            "kind": kind,
            "project": project,
            "item_key": item_key,
            "task_key": task_key,
            "data": orjson.dumps(data or {}).decode(),
        },
    )


def latest(tx: sa.Connection, *, item_key: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """Return the newest events first, of one item or of all."""
    query = sa.select(events).order_by(events.c.seq.desc()).limit(limit)
    if item_key is not None:
        query = query.where(events.c.item_key == item_key)
    return [dict(row._mapping) | {"data": orjson.loads(row.data)} for row in tx.execute(query)]


def reasons_of(tx: sa.Connection, item_key: str, kind: str) -> list[str]:
    """Return the reasons given with an item's events of one kind, oldest first; those without a reason are left out."""
    query = sa.select(events.c.data).where(events.c.item_key == item_key, events.c.kind == kind).order_by(events.c.seq)
    given = [orjson.loads(data).get("reason") for data in tx.execute(query).scalars()]
    return [str(reason) for reason in given if reason]


def announce_outcome(tx: sa.Connection, item_key: str) -> None:
    """Announce at commit that the outcome of an item may have changed."""
    if tx.dialect.name == "postgresql":
        tx.execute(sa.text("SELECT pg_notify(:channel, :key)"), {"channel": CHANNEL, "key": item_key})


def reviewed(store: Store, item_keys: Collection[str]) -> set[str]:
    """Return which of the items have reviews, or were let go by judges; two indexed queries for all that wait."""
    keys = list(item_keys)
    found: set[str] = set()
    with store.read() as tx:
        for start in range(0, len(keys), 500):
            chunk = keys[start : start + 500]
            found |= set(tx.execute(sa.select(reviews.c.item_key).where(reviews.c.item_key.in_(chunk))).scalars())
            let_go = sa.and_(decisions.c.item_key.in_(chunk), decisions.c.seq > 1, decisions.c.route == "auto_approve")
            found |= set(tx.execute(sa.select(decisions.c.item_key).where(let_go)).scalars())
    return found


def listen(store: Store, *, quiet_seconds: float) -> Generator[str | None, None, None]:
    """Yield item keys as they are announced on PostgreSQL, and None after every `quiet_seconds` without any.

    Holds one connection of its own until the generator is closed; being quiet costs the server nothing.

    Raises:
        StoreUnavailableError: the connection was lost.
    """
    import psycopg

    with store.translating():
        connection = store.engine.raw_connection()
    try:
        driver = connection.driver_connection
        driver.autocommit = True  # type: ignore[union-attr]
        driver.execute(f"LISTEN {CHANNEL}")  # type: ignore[union-attr]
        yield None
        while True:
            heard = False
            for note in driver.notifies(timeout=quiet_seconds, stop_after=1):  # type: ignore[union-attr]
                heard = True
                yield note.payload
            if not heard:
                yield None
    except psycopg.Error as error:
        raise StoreUnavailableError(f"the connection to {store.address} was lost: {error}") from error
    finally:
        connection.invalidate()
        connection.close()
