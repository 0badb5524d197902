"""Counts for `hitl stats` and `hitl doctor`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from hitl_core.store.tables import decisions, golden, golden_log, items, reviewers, reviews, tasks, workers


def count_items(tx: sa.Connection, since: datetime | None) -> int:
    """Return how many items were submitted."""
    return _total(tx, sa.select(sa.func.count()).select_from(items), items.c.submitted_at, since)


def count_routes(tx: sa.Connection, since: datetime | None) -> dict[str, int]:
    """Return how many items have each route by the decision that holds."""
    newer = decisions.alias()
    holds = ~sa.exists().where(newer.c.item_key == decisions.c.item_key, newer.c.seq > decisions.c.seq)
    query = sa.select(decisions.c.route, sa.func.count()).where(holds).group_by(decisions.c.route)
    return _grouped(tx, query, decisions.c.created_at, since)


def count_verdicts(tx: sa.Connection, since: datetime | None) -> dict[str, int]:
    """Return how many reviews of each verdict stand, that is, were not taken back."""
    undo = reviews.alias()
    stands = ~sa.exists().where(undo.c.supersedes == reviews.c.key, undo.c.kind == "undo")
    query = sa.select(reviews.c.verdict, sa.func.count()).where(reviews.c.kind == "review", stands)
    return _grouped(tx, query.group_by(reviews.c.verdict), reviews.c.created_at, since)


def count_undone(tx: sa.Connection, since: datetime | None) -> int:
    """Return how many reviews were taken back."""
    query = sa.select(sa.func.count()).select_from(reviews).where(reviews.c.kind == "undo")
    return _total(tx, query, reviews.c.created_at, since)


def count_golden(tx: sa.Connection, since: datetime | None) -> dict[str, int]:
    """Return how many golden examples are active and retired."""
    query = sa.select(golden.c.status, sa.func.count()).group_by(golden.c.status)
    return _grouped(tx, query, golden.c.created_at, since)


def count_open_tasks(tx: sa.Connection, now: datetime) -> list[dict[str, Any]]:
    """Return the open tasks by stage and expertise: pending, claimed and overdue, with the oldest one's time."""
    overdue = sa.func.sum(sa.case((tasks.c.due_at < now, 1), else_=0))
    claimed = sa.func.sum(sa.case((tasks.c.status == "claimed", 1), else_=0))
    query = (
        sa.select(tasks.c.stage, tasks.c.expertise, sa.func.count(), claimed, overdue, sa.func.min(tasks.c.created_at))
        .where(tasks.c.status.in_(("pending", "claimed")))
        .group_by(tasks.c.stage, tasks.c.expertise)
        .order_by(tasks.c.stage, tasks.c.expertise)
    )
    return [
        {
            "stage": stage,
            "expertise": expertise,
            "pending": int(count - taken),
            "claimed": int(taken),
            "overdue": int(late or 0),
            "oldest_at": oldest,
        }
        for stage, expertise, count, taken, late, oldest in tx.execute(query)
    ]


def unknown_expertise(tx: sa.Connection) -> list[str]:
    """Return the kinds of expertise that open tasks ask for and no registered reviewer has."""
    asked = tx.execute(
        sa.select(tasks.c.expertise).where(tasks.c.status.in_(("pending", "claimed")), tasks.c.expertise != "").distinct()
    ).scalars()
    known = {name for text in tx.execute(sa.select(reviewers.c.expertise)).scalars() for name in _names(text)}
    return sorted(set(asked) - known)


def last_seen_workers(tx: sa.Connection) -> list[tuple[str, datetime]]:
    """Return each worker's name and when it last reported, newest first."""
    query = sa.select(workers.c.name, workers.c.seen_at).order_by(workers.c.seen_at.desc())
    return [(row.name, row.seen_at) for row in tx.execute(query)]


def golden_watermark(tx: sa.Connection) -> int:
    """Return the number of the last change of the golden examples; 0 where there was none."""
    return int(tx.execute(sa.select(sa.func.max(golden_log.c.seq))).scalar() or 0)


def database_time(tx: sa.Connection) -> datetime | None:
    """Return the PostgreSQL server's clock; None on SQLite, which has none of its own."""
    if tx.dialect.name != "postgresql":
        return None
    return tx.execute(sa.text("SELECT clock_timestamp()")).scalar_one()  # type: ignore[no-any-return]


def _names(text: str) -> Iterable[str]:
    return orjson.loads(text)  # type: ignore[no-any-return]


def _total(tx: sa.Connection, query: sa.Select[Any], column: sa.Column[Any], since: datetime | None) -> int:
    return int(tx.execute(query if since is None else query.where(column >= since)).scalar_one())


def _grouped(
    tx: sa.Connection, query: sa.Select[Any], column: sa.Column[Any], since: datetime | None
) -> dict[str, int]:
    rows = tx.execute(query if since is None else query.where(column >= since)).all()
    return {str(name): int(count) for name, count in rows}
