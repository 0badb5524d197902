"""What happened, in order: every write appends here, in its own transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from hitl_core.store.tables import events

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
