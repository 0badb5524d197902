"""Tasks: the rows of the queue, the only ones that change often."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hitl_core.domain.records import Decision, Item, ReviewTask, Stage, TaskStatus
from hitl_core.store import decisions
from hitl_core.store.claiming import Aging
from hitl_core.store.tables import decisions as decisions_table
from hitl_core.store.tables import items, reviews, skips, tasks

POOLS = {Stage.HUMAN: "people", Stage.AUDIT: "people", Stage.ADJUDICATE: "seniors", Stage.JUDGE: "judges"}
_INSERT = sa.insert(tasks)
_TASK = [column for column in tasks.c if column.name not in ("decision_key", "pool", "slot", "keyed_version")]
_DECISION = [column.label(f"d_{column.name}") for column in decisions_table.c]
_FULL = (
    sa.select(*_TASK, items.c.body, items.c.id.label("item_id"), *_DECISION)
    .join_from(tasks, items, tasks.c.item_key == items.c.key)
    .join(decisions_table, tasks.c.decision_key == decisions_table.c.key)
)
# Rows that refer to a task (skips, drafts, reviews) may be written while somebody else holds its row.
_LOCKED = sa.select(tasks).where(tasks.c.key == sa.bindparam("key")).with_for_update(key_share=True)


def task_row(
    decision: Decision,
    item_key: str,
    *,
    key: str,
    stage: Stage,
    blind: bool,
    base: float,
    aging: Aging,
    now: datetime,
    slot: int = 0,
    due_at: datetime | None = None,
) -> dict[str, Any]:
    """Return the row of a new pending task; `due_at` is what its reviewer is shown, by default the decision's."""
    band, rank = aging.rank(base, decision.created_at, now)
    return {
        "key": key,
        "item_key": item_key,
        "decision_key": decision.id,
        "project": decision.project,
        "stage": stage.value,
        "pool": POOLS[stage],
        "expertise": decision.expertise,
        "slot": slot,
        "blind": blind,
        "status": TaskStatus.PENDING.value,
        "version": 0,
        "band": band,
        "base": base,
        "rank": rank,
        "keyed_version": decision.policy_version,
        "due_at": due_at or decision.due_at,
        "created_at": decision.created_at,
    }


def insert(tx: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert pending tasks."""
    tx.execute(_INSERT, list(rows))


def load(tx: sa.Connection, key: str, *, now: datetime, aging: Aging) -> ReviewTask:
    """Return a task with its item and decision; `priority` is as of now."""
    return _record(tx.execute(_FULL.where(tasks.c.key == key)).one(), now, aging)


def lock(tx: sa.Connection, key: str) -> Any | None:
    """Return a task's row and keep others from changing it until the transaction ends."""
    return tx.execute(_LOCKED, {"key": key}).first()


def lock_item(tx: sa.Connection, item_key: str) -> list[Any]:
    """Return an item's task rows and keep others from changing them until the transaction ends."""
    query = sa.select(tasks).where(tasks.c.item_key == item_key).order_by(tasks.c.key).with_for_update(key_share=True)
    return list(tx.execute(query))


def change(tx: sa.Connection, key: str, **values: Any) -> None:
    """Change a locked task and count its version up."""
    tx.execute(sa.update(tasks).where(tasks.c.key == key).values(version=tasks.c.version + 1, **values))


def held(tx: sa.Connection, reviewer: str, *, now: datetime, aging: Aging) -> list[ReviewTask]:
    """Return the tasks a reviewer holds under a valid lease, oldest claim first."""
    query = _FULL.where(
        sa.text("tasks.status = 'claimed'"), tasks.c.claimed_by == reviewer, tasks.c.lease_expires_at > now
    )
    return [_record(row, now, aging) for row in tx.execute(query.order_by(tasks.c.claimed_at, tasks.c.key))]


def to_be_seen_blind(tx: sa.Connection, item_keys: Sequence[str]) -> set[str]:
    """Return those of the items that somebody still has to review blind, so that nobody should be told their route."""
    query = sa.select(tasks.c.item_key).where(
        tasks.c.item_key.in_(item_keys), tasks.c.blind, tasks.c.status.in_(("pending", "claimed"))
    )
    return set(tx.execute(query).scalars())


def expire(tx: sa.Connection, now: datetime, *, limit: int = 500) -> list[tuple[str, str, str]]:
    """Return tasks whose lease ran out to the queue; (task, item, reviewer) of each.

    The token stays, so that the late reviewer may still complete a task that nobody else took.
    """
    due = (
        sa.select(tasks.c.key)
        .where(sa.text("status = 'claimed'"), tasks.c.lease_expires_at <= now)
        .order_by(tasks.c.lease_expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    back = sa.update(tasks).where(tasks.c.key.in_(due)).values(status="pending", version=tasks.c.version + 1)
    rows = tx.execute(back.returning(tasks.c.key, tasks.c.item_key, tasks.c.claimed_by))
    return [tuple(row) for row in rows]


def stale_keys(tx: sa.Connection, version: int, *, limit: int) -> Sequence[Any]:
    """Return pending rows (with body and decision columns) keyed under an older policy version."""
    query = _FULL.where(sa.text("tasks.status = 'pending'"), tasks.c.keyed_version < version)
    return tx.execute(query.limit(limit).with_for_update(of=tasks, skip_locked=True, key_share=True)).all()


def skip(tx: sa.Connection, key: str, reviewer: str, *, reason: str, until: datetime) -> None:
    """Hide a task from one reviewer for a while."""
    mine = sa.and_(skips.c.task_key == key, skips.c.reviewer == reviewer)
    values = {"reason": reason, "until_at": until}
    if not tx.execute(sa.update(skips).where(mine).values(values)).rowcount:
        tx.execute(sa.insert(skips), {"task_key": key, "reviewer": reviewer, **values})


def show_again(tx: sa.Connection, key: str, *, reason: str) -> None:
    """Hide a task no longer from those from whom it was hidden for a reason."""
    tx.execute(sa.delete(skips).where(skips.c.task_key == key, skips.c.reason == reason))


def skipped_by(tx: sa.Connection, key: str, *, reason: str) -> list[str]:
    """Return from whom a task is hidden for a reason."""
    query = sa.select(skips.c.reviewer).where(skips.c.task_key == key, skips.c.reason == reason)
    return list(tx.execute(query.order_by(skips.c.reviewer)).scalars())


def cancel_pending(tx: sa.Connection, key: str) -> None:
    """Cancel a task that nobody holds; one that is being claimed at this moment is left to its claimant."""
    free = sa.select(tasks.c.key).where(tasks.c.key == key, tasks.c.status == TaskStatus.PENDING.value)
    mine = tasks.c.key.in_(free.with_for_update(skip_locked=True, key_share=True))
    tx.execute(sa.update(tasks).where(mine).values(status=TaskStatus.CANCELLED.value, version=tasks.c.version + 1))


def siblings(tx: sa.Connection, key: str, *, stage: str | None = None) -> list[str]:
    """Return the item's other tasks of a stage; of the task's own where none is named."""
    mine = sa.select(tasks.c.item_key, tasks.c.stage).where(tasks.c.key == key).subquery()
    same = tasks.c.stage == (mine.c.stage if stage is None else stage)
    query = sa.select(tasks.c.key).where(tasks.c.item_key == mine.c.item_key, same, tasks.c.key != key)
    return list(tx.execute(query.order_by(tasks.c.key)).scalars())


def holders(tx: sa.Connection, item_key: str, *, stage: str) -> list[str]:
    """Return who holds or finished an item's tasks of a stage."""
    busy = tasks.c.status.in_((TaskStatus.CLAIMED.value, TaskStatus.DONE.value))
    mine = sa.and_(tasks.c.item_key == item_key, tasks.c.stage == stage, busy, tasks.c.claimed_by.is_not(None))
    return list(tx.execute(sa.select(tasks.c.claimed_by).where(mine).order_by(tasks.c.slot)).scalars())


def forget_skips(tx: sa.Connection, item_key: str, *, reason: str) -> None:
    """Remove the skips that were set for a reason, of everybody who holds none of the item's tasks any more."""
    mine = sa.select(tasks.c.key).where(tasks.c.item_key == item_key)
    holders = sa.select(tasks.c.claimed_by).where(tasks.c.item_key == item_key, tasks.c.claimed_by.is_not(None))
    gone = skips.c.reviewer.not_in(holders)
    tx.execute(sa.delete(skips).where(skips.c.reason == reason, skips.c.task_key.in_(mine), gone))


def of_item(tx: sa.Connection, item_key: str) -> list[Any]:
    """Return an item's task rows, oldest slot first."""
    return list(tx.execute(sa.select(tasks).where(tasks.c.item_key == item_key).order_by(tasks.c.stage, tasks.c.slot)))


def with_open_tasks(tx: sa.Connection, item_keys: Sequence[str]) -> set[str]:
    """Return those of the items that still have a task which somebody holds or could claim."""
    query = sa.select(tasks.c.item_key).where(
        tasks.c.item_key.in_(item_keys), tasks.c.status.in_((TaskStatus.PENDING.value, TaskStatus.CLAIMED.value))
    )
    return set(tx.execute(query).scalars())


def ensure(tx: sa.Connection, row: dict[str, Any]) -> str:
    """Insert a pending task, or open the cancelled one of the same item, stage and slot again; return its key."""
    place = sa.and_(*(tasks.c[name] == row[name] for name in ("item_key", "stage", "slot")))
    values = {name: row[name] for name in ("status", "decision_key", "base", "band", "rank", "due_at", "keyed_version")}
    again = (
        sa.update(tasks).where(place, tasks.c.status == TaskStatus.CANCELLED.value).values(**values, claimed_by=None)
    )
    key = tx.execute(again.returning(tasks.c.key)).scalar()
    if key is None:
        tx.execute(_INSERT, row)
        return str(row["key"])
    return str(key)


def last_reviewed(tx: sa.Connection, reviewer: str, *, since: datetime) -> Any | None:
    """Return the newest review of a reviewer that was not taken back, None where there is none since then."""
    undone = sa.select(reviews.c.supersedes).where(reviews.c.kind == "undo", reviews.c.reviewer == reviewer)
    query = (
        sa.select(reviews)
        .where(reviews.c.reviewer == reviewer, reviews.c.kind == "review", reviews.c.created_at >= since)
        .where(reviews.c.key.not_in(undone))
        .order_by(reviews.c.created_at.desc(), reviews.c.key.desc())
        .limit(1)
    )
    return tx.execute(query).first()


def decision_of(row: Any) -> Decision:
    """Return the decision that a full task row carries."""
    values = {name[2:]: value for name, value in row._mapping.items() if name.startswith("d_")}
    return decisions.from_row(_Renamed(values | {"item_id": row.item_id, "project": row.project}))


class _Renamed:
    """A row whose columns were renamed; gives what `decisions.from_row` reads."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._mapping = values
        self.key = values["key"]
        self.reasons = values["reasons"]


def _record(row: Any, now: datetime, aging: Aging) -> ReviewTask:
    live = row.rank + (aging.weight if row.band else aging.drift(now))
    return ReviewTask(
        id=row.key,
        item_key=row.item_key,
        item=Item.model_validate_json(row.body),
        decision=decision_of(row),
        stage=Stage(row.stage),
        blind=row.blind,
        status=TaskStatus(row.status),
        version=row.version,
        token=f"{row.key}.{row.token}" if row.token else "",
        claimed_by=row.claimed_by,
        lease_expires_at=row.lease_expires_at,
        due_at=row.due_at,
        priority=min(live, row.base + aging.weight),
        created_at=row.created_at,
    )
