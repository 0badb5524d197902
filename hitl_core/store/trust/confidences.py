"""Confidences as items brought them, whether or not anybody looked: what drift is measured on."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from hitl_core.store.tables import decisions, items


def newest(
    tx: sa.Connection,
    project: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int,
) -> list[float]:
    """Return the raw confidences of a project's newest items that brought one, newest first.

    Args:
        tx: an open transaction.
        project: whose items.
        since: only items decided at or after this time.
        until: only items decided before this time.
        limit: at most so many.
    """
    value = decisions.c.raw_confidence
    query = (
        sa.select(value)
        .join_from(decisions, items, decisions.c.item_key == items.c.key)
        .where(items.c.project == project, decisions.c.seq == 1, value >= 0, value <= 1)
    )
    if since is not None:
        query = query.where(decisions.c.created_at >= since)
    if until is not None:
        query = query.where(decisions.c.created_at < until)
    rows = tx.execute(query.order_by(decisions.c.created_at.desc(), decisions.c.key.desc()).limit(limit))
    return [float(each) for each in rows.scalars()]
