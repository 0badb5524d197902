"""Tasks of stage `judge`: which waited too long, taking one by name, and how often judging one failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hitl_core.store.tables import events, items, tasks

FAILED = "judging.failed"
FAILURES = ("task.expired", FAILED)
"""Kinds of events that count as an attempt without a result."""
_PENDING = sa.text("tasks.status = 'pending' AND tasks.pool = 'judges'")


def overdue(tx: sa.Connection, until: datetime, *, limit: int) -> Sequence[Any]:
    """Return (and lock) task rows that no judge holds and that were opened at `until` or before, oldest first."""
    query = sa.select(tasks).where(_PENDING, tasks.c.created_at <= until)
    return tx.execute(query.order_by(tasks.c.created_at).limit(limit).with_for_update(skip_locked=True)).all()


def take(tx: sa.Connection, item_key: str, *, holder: str, token: str, now: datetime, until: datetime) -> str | None:
    """Hand the judge task of one item to a holder under a lease; return its key, None where nobody can take it."""
    open_one = (
        sa.select(tasks.c.key).where(_PENDING, tasks.c.item_key == item_key).limit(1).with_for_update(skip_locked=True)
    )
    values = {"status": "claimed", "token": token, "claimed_by": holder, "claimed_at": now, "lease_expires_at": until}
    taken = sa.update(tasks).where(tasks.c.key.in_(open_one)).values(version=tasks.c.version + 1, **values)
    return tx.execute(taken.returning(tasks.c.key)).scalar()


def failed_attempts(tx: sa.Connection, item_key: str, task_key: str) -> int:
    """Return how often a judge task was given up: its lease ran out, or judging broke."""
    mine = sa.and_(events.c.item_key == item_key, events.c.task_key == task_key, events.c.kind.in_(FAILURES))
    return int(tx.execute(sa.select(sa.func.count()).select_from(events).where(mine)).scalar_one())


def waiting(tx: sa.Connection, *, project: str | None = None, limit: int = 1000) -> list[tuple[str, str]]:
    """Return (project, item id) of what waits for a judge, oldest first."""
    query = sa.select(items.c.project, items.c.id).join_from(tasks, items, tasks.c.item_key == items.c.key)
    query = query.where(_PENDING).order_by(tasks.c.created_at).limit(limit)
    if project is not None:
        query = query.where(tasks.c.project == project)
    return [(row.project, row.id) for row in tx.execute(query)]


def is_open(tx: sa.Connection, item_key: str) -> bool:
    """Whether an item is with the judges: waiting for one, or held by one."""
    mine = sa.and_(tasks.c.item_key == item_key, tasks.c.stage == "judge", tasks.c.status.in_(("pending", "claimed")))
    return tx.execute(sa.select(tasks.c.key).where(mine).limit(1)).first() is not None
