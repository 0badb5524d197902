"""Counts and lists for pages and `hitl stats`: small indexed reads, never whole tables of text."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hitl_core.store.tables import decisions, events, golden, items, lanes, reviews, tasks, workers

_DECIDED = (
    decisions.c.seq
    == sa.select(sa.func.max(sa.literal_column("d2.seq")))
    .select_from(decisions.alias("d2"))
    .where(sa.literal_column("d2.item_key") == decisions.c.item_key)
    .scalar_subquery()
)


def routes(tx: sa.Connection, *, since: datetime | None, project: str | None) -> dict[str, int]:
    """Return how many items hold each route."""
    query = sa.select(decisions.c.route, sa.func.count()).where(_DECIDED).group_by(decisions.c.route)
    if since is not None:
        query = query.where(decisions.c.created_at >= since)
    if project is not None:
        query = query.join(items, items.c.key == decisions.c.item_key).where(items.c.project == project)
    return {row[0]: row[1] for row in tx.execute(query)}


def verdicts(tx: sa.Connection, *, since: datetime | None, project: str | None) -> dict[str, int]:
    """Return how many reviews that were not taken back gave each verdict."""
    undone = reviews.alias("undone")
    query = (
        sa.select(reviews.c.verdict, sa.func.count())
        .outerjoin(undone, sa.and_(undone.c.supersedes == reviews.c.key, undone.c.kind == "undo"))
        .where(reviews.c.kind == "review", undone.c.key.is_(None))
        .group_by(reviews.c.verdict)
    )
    if since is not None:
        query = query.where(reviews.c.created_at >= since)
    if project is not None:
        query = query.join(items, items.c.key == reviews.c.item_key).where(items.c.project == project)
    return {row[0]: row[1] for row in tx.execute(query)}


def waiting(tx: sa.Connection, *, now: datetime, project: str | None) -> list[dict[str, Any]]:
    """Return a row per stage and required expertise: pending, claimed, overdue, and the oldest one's time."""
    overdue = sa.func.sum(sa.case((tasks.c.due_at < now, 1), else_=0))
    query = (
        sa.select(
            tasks.c.stage,
            tasks.c.expertise,
            sa.func.sum(sa.case((tasks.c.status == "pending", 1), else_=0)).label("pending"),
            sa.func.sum(sa.case((tasks.c.status == "claimed", 1), else_=0)).label("claimed"),
            overdue.label("overdue"),
            sa.func.min(tasks.c.created_at).label("oldest_at"),
        )
        .where(tasks.c.status.in_(("pending", "claimed")))
        .group_by(tasks.c.stage, tasks.c.expertise)
        .order_by(tasks.c.stage, tasks.c.expertise)
    )
    if project is not None:
        query = query.where(tasks.c.project == project)
    return [dict(row._mapping) for row in tx.execute(query)]


def totals(tx: sa.Connection) -> dict[str, int]:
    """Return how many items, reviews, active golden examples and events there are."""
    active = sa.select(sa.func.count()).select_from(golden).where(golden.c.status == "active")
    return {
        "items": tx.execute(sa.select(sa.func.count()).select_from(items)).scalar_one(),
        "reviews": tx.execute(sa.select(sa.func.count()).where(reviews.c.kind == "review")).scalar_one(),
        "golden": tx.execute(active).scalar_one(),
        "events": tx.execute(sa.select(sa.func.max(events.c.seq))).scalar() or 0,
    }


def projects(tx: sa.Connection) -> list[str]:
    """Return the projects that ever had a task."""
    return list(tx.execute(sa.select(lanes.c.project).distinct().order_by(lanes.c.project)).scalars())


def latest_reviews(
    tx: sa.Connection, *, project: str | None, reviewer: str | None, limit: int
) -> list[tuple[Any, str, str]]:
    """Return the newest review and undo rows with their item's id and project."""
    query = (
        sa.select(reviews, items.c.id.label("item_id"), items.c.project)
        .join(items, items.c.key == reviews.c.item_key)
        .order_by(reviews.c.created_at.desc(), reviews.c.key.desc())
        .limit(limit)
    )
    if project is not None:
        query = query.where(items.c.project == project)
    if reviewer is not None:
        query = query.where(reviews.c.reviewer == reviewer)
    return [(row, row.item_id, row.project) for row in tx.execute(query)]


def latest_items(tx: sa.Connection, *, project: str | None, limit: int) -> list[str]:
    """Return keys of the newest items."""
    query = sa.select(items.c.key).order_by(items.c.key.desc()).limit(limit)
    if project is not None:
        query = query.where(items.c.project == project)
    return list(tx.execute(query).scalars())


def seen(tx: sa.Connection, name: str, *, at: datetime, data: str) -> None:
    """Record that a worker is alive."""
    values = {"seen_at": at, "data": data}
    if not tx.execute(sa.update(workers).where(workers.c.name == name).values(values)).rowcount:
        tx.execute(sa.insert(workers), {"name": name, **values})


def workers_seen(tx: sa.Connection, *, since: datetime) -> list[tuple[str, datetime]]:
    """Return the workers that were alive since then, newest first."""
    query = sa.select(workers.c.name, workers.c.seen_at).where(workers.c.seen_at >= since)
    return [(row.name, row.seen_at) for row in tx.execute(query.order_by(workers.c.seen_at.desc()))]


def clock(tx: sa.Connection) -> datetime | None:
    """Return the PostgreSQL server's time; None on SQLite, which has no clock of its own."""
    if tx.dialect.name != "postgresql":
        return None
    told: datetime = tx.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
    return told
