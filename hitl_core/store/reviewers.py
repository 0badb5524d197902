"""Who reviews: names, what they know, and who settles disagreements."""

from __future__ import annotations

from datetime import datetime

import orjson
import sqlalchemy as sa

from hitl_core.domain.records import Reviewer
from hitl_core.store.tables import reviewers


def load(tx: sa.Connection, name: str) -> Reviewer | None:
    """Return one reviewer."""
    row = tx.execute(sa.select(reviewers).where(reviewers.c.name == name)).first()
    return Reviewer(name=row.name, expertise=tuple(orjson.loads(row.expertise)), senior=row.senior) if row else None


def listing(tx: sa.Connection) -> list[Reviewer]:
    """Return all reviewers by name."""
    rows = tx.execute(sa.select(reviewers).order_by(reviewers.c.name))
    return [Reviewer(name=row.name, expertise=tuple(orjson.loads(row.expertise)), senior=row.senior) for row in rows]


def save(tx: sa.Connection, reviewer: Reviewer, *, at: datetime) -> None:
    """Insert a reviewer or replace what is known of one."""
    values = {"expertise": orjson.dumps(sorted(set(reviewer.expertise))).decode(), "senior": reviewer.senior}
    changed = tx.execute(sa.update(reviewers).where(reviewers.c.name == reviewer.name).values(values)).rowcount
    if not changed:
        tx.execute(sa.insert(reviewers), {"name": reviewer.name, "created_at": at, **values})


def any_senior(tx: sa.Connection) -> bool:
    """Whether somebody is registered as senior."""
    return tx.execute(sa.select(sa.literal(1)).where(reviewers.c.senior).limit(1)).first() is not None
