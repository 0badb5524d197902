"""Counts for `hitl stats` and `hitl doctor` that no page shows."""

from __future__ import annotations

from datetime import datetime

import orjson
import sqlalchemy as sa

from hitl_core.store.tables import golden, golden_log, items, reviewers, reviews, tasks


def count_items(tx: sa.Connection, *, since: datetime | None, project: str | None) -> int:
    """Return how many items were submitted."""
    query = sa.select(sa.func.count()).select_from(items)
    if since is not None:
        query = query.where(items.c.submitted_at >= since)
    if project is not None:
        query = query.where(items.c.project == project)
    return int(tx.execute(query).scalar_one())


def count_undone(tx: sa.Connection, *, since: datetime | None, project: str | None) -> int:
    """Return how many reviews were taken back."""
    query = sa.select(sa.func.count()).select_from(reviews).where(reviews.c.kind == "undo")
    if since is not None:
        query = query.where(reviews.c.created_at >= since)
    if project is not None:
        query = query.join(items, items.c.key == reviews.c.item_key).where(items.c.project == project)
    return int(tx.execute(query).scalar_one())


def count_golden(tx: sa.Connection, *, since: datetime | None, project: str | None) -> dict[str, int]:
    """Return how many golden examples there are of each status."""
    query = sa.select(golden.c.status, sa.func.count()).group_by(golden.c.status)
    if since is not None:
        query = query.where(golden.c.created_at >= since)
    if project is not None:
        query = query.where(golden.c.project == project)
    return {str(status): int(count) for status, count in tx.execute(query)}


def golden_watermark(tx: sa.Connection) -> int:
    """Return the number of the last change of the golden examples; 0 where there was none."""
    return int(tx.execute(sa.select(sa.func.max(golden_log.c.seq))).scalar() or 0)


def unknown_expertise(tx: sa.Connection) -> list[str]:
    """Return the kinds of expertise that open tasks ask for and no registered reviewer has."""
    still_open = tasks.c.status.in_(("pending", "claimed"))
    asked = tx.execute(sa.select(tasks.c.expertise).where(still_open, tasks.c.expertise != "").distinct()).scalars()
    known = {name for text in tx.execute(sa.select(reviewers.c.expertise)).scalars() for name in orjson.loads(text)}
    return sorted(set(asked) - known)
