"""Reviews: append-only; taking one back appends an `undo` row that supersedes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from hitl_core.domain.ids import new_id
from hitl_core.domain.records import Review
from hitl_core.store.tables import deliveries, drafts, feedback, reviews

_INSERT = sa.insert(reviews)
_RECORD = ("verdict", "output", "label", "comment", "exemplary", "active_seconds", "reviewer", "created_at")


def insert(tx: sa.Connection, review: Review, task: Any, *, origin: str, inclusion_probability: float) -> None:
    """Append a review of a locked task row."""
    row = {name: getattr(review, name) for name in _RECORD}
    row |= {"key": review.id, "reasons": orjson.dumps(review.reasons).decode(), "kind": "review", "supersedes": None}
    row |= {"item_key": task.item_key, "task_key": task.key, "stage": task.stage}
    tx.execute(_INSERT, row | {"origin": origin, "inclusion_probability": inclusion_probability})


def insert_undo(tx: sa.Connection, row: Any, *, at: datetime) -> str:
    """Append the row that takes a review back; return its key."""
    key = new_id()
    values = dict(row._mapping) | {"key": key, "kind": "undo", "supersedes": row.key, "created_at": at}
    tx.execute(_INSERT, values)
    return key


def effective(tx: sa.Connection, item_keys: Sequence[str]) -> dict[str, list[Any]]:
    """Return the review rows of each item that were not taken back, oldest first."""
    rows = tx.execute(
        sa.select(reviews).where(reviews.c.item_key.in_(item_keys)).order_by(reviews.c.created_at, reviews.c.key)
    ).all()
    undone = {row.supersedes for row in rows if row.kind == "undo"}
    found: dict[str, list[Any]] = {}
    for row in rows:
        if row.kind == "review" and row.key not in undone:
            found.setdefault(row.item_key, []).append(row)
    return found


def of_task(tx: sa.Connection, task_key: str) -> Any | None:
    """Return the review of a task that was not taken back."""
    rows = tx.execute(sa.select(reviews).where(reviews.c.task_key == task_key).order_by(reviews.c.key)).all()
    undone = {row.supersedes for row in rows if row.kind == "undo"}
    kept = [row for row in rows if row.kind == "review" and row.key not in undone]
    return kept[-1] if kept else None


def from_row(row: Any) -> Review:
    """Return the record of a review row."""
    return Review(
        id=row.key, reasons=tuple(orjson.loads(row.reasons)), **{name: getattr(row, name) for name in _RECORD}
    )


def deliver(tx: sa.Connection, item_key: str, *, channel: str, review_key: str | None, at: datetime) -> None:
    """Record that an outcome left the house; from then on its review cannot be taken back."""
    row = {"item_key": item_key, "channel": channel, "review_key": review_key, "created_at": at}
    tx.execute(sa.insert(deliveries), row)


def delivered(tx: sa.Connection, review_key: str, item_key: str) -> str | None:
    """Return the channel that was given the outcome of a review, None where nobody was."""
    query = sa.select(deliveries.c.channel).where(
        deliveries.c.item_key == item_key, deliveries.c.review_key == review_key
    )
    return tx.execute(query.limit(1)).scalar()


def save_draft(
    tx: sa.Connection, task_key: str, reviewer: str, *, output: str | None, comment: str, at: datetime
) -> None:
    """Keep what a reviewer has typed so far."""
    mine = sa.and_(drafts.c.task_key == task_key, drafts.c.reviewer == reviewer)
    values = {"output": output, "comment": comment, "saved_at": at}
    if not tx.execute(sa.update(drafts).where(mine).values(values)).rowcount:
        tx.execute(sa.insert(drafts), {"task_key": task_key, "reviewer": reviewer, **values})


def draft(tx: sa.Connection, task_key: str, reviewer: str) -> Any | None:
    """Return what a reviewer had typed."""
    query = sa.select(drafts).where(drafts.c.task_key == task_key, drafts.c.reviewer == reviewer)
    return tx.execute(query).first()


def drop_draft(tx: sa.Connection, task_key: str, reviewer: str) -> None:
    """Forget a draft that became a review."""
    tx.execute(sa.delete(drafts).where(drafts.c.task_key == task_key, drafts.c.reviewer == reviewer))


def insert_feedback(
    tx: sa.Connection, item_key: str, *, reviewer: str, thumbs_up: bool, comment: str, at: datetime
) -> str:
    """Append a thumbs-and-comment on an answer; return its key."""
    row = {"key": new_id(), "item_key": item_key, "reviewer": reviewer, "thumbs_up": thumbs_up, "comment": comment}
    tx.execute(sa.insert(feedback), row | {"created_at": at})
    return row["key"]  # type: ignore[return-value]
