"""Several opinions on one item: which one holds, and who is asked next; inside the transaction of each review."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hitl_core.domain.policy import Policy
from hitl_core.domain.records import Review, ReviewTask, Stage, TaskStatus
from hitl_core.loop.opened import task_row
from hitl_core.loop.policy_book import LivePolicy
from hitl_core.review_queue.overlap import ESCALATED, FOR_GOOD, may_not_settle
from hitl_core.store import claiming, decisions, events, items, reviews, tasks

if TYPE_CHECKING:  # the room's front door loads polars, which nobody needs who asks for one opinion
    from hitl_core.agreement.adjudication import Opinion, Settlement, Stakes

ASKED = (TaskStatus.PENDING.value, TaskStatus.CLAIMED.value, TaskStatus.DONE.value)
OPEN = (TaskStatus.PENDING.value, TaskStatus.CLAIMED.value)


def settle_item(
    tx: sa.Connection, task: ReviewTask, review: Review, live: Callable[[], LivePolicy], now: datetime
) -> Review | None:
    """Return the review that holds for the item from now on, None while more opinions are needed.

    Where one opinion is enough that is the review just given, and a senior's always is. Otherwise the next step is
    taken here: another opinion is asked for, or a senior.
    """
    if task.decision.overlap < 2 or task.stage not in (Stage.HUMAN, Stage.ADJUDICATE):
        return review
    items.lock(tx, task.item_key)
    if task.stage is Stage.ADJUDICATE:
        _cancel(tx, task, stage=Stage.HUMAN)
        _event(tx, task, now, review.reviewer, {"rule": "adjudicated", "review": review.id})
        return review
    given = [row for row in reviews.effective(tx, [task.item_key]).get(task.item_key, []) if row.stage == Stage.HUMAN]
    rows = [row for row in tasks.of_item(tx, task.item_key) if row.status in ASKED]
    if any(row.stage == Stage.ADJUDICATE for row in rows):
        # A peer escalated while this opinion was being given: it is heard, and the senior decides.
        return None
    asked = sum(row.stage == Stage.HUMAN for row in rows)
    policy = live().policy
    from hitl_core.agreement.adjudication import settle

    found = settle(opinions_of(given), wanted=task.decision.overlap, asked=asked, stakes=stakes_of(policy))
    if found.winner is not None:
        data = {"rule": found.rule, "share": found.share, "n": found.n, "review": given[found.winner].key}
        _event(tx, task, now, review.reviewer, data)
        return reviews.from_row(given[found.winner])
    if found.status == "another":
        _ask(tx, task, live(), now, Stage.HUMAN, slot=asked, without=[row.reviewer for row in given])
    elif found.status == "adjudicate":
        raters = [row.reviewer for row in given]
        _ask(tx, task, live(), now, Stage.ADJUDICATE, slot=0, without=may_not_settle(tx, raters))
    return None


def unsettle_item(tx: sa.Connection, item_key: str) -> list[str]:
    """Take back what a settlement opened, when one of its opinions is undone: a senior who has not begun is not asked.

    Returns:
        The keys of the other opinions, which may have taught what no longer holds; none where one opinion is enough.
    """
    if decisions.latest(tx, item_key).overlap < 2:
        return []
    for row in tasks.of_item(tx, item_key):
        opened = row.stage == Stage.ADJUDICATE and row.slot == 0 and row.status == TaskStatus.PENDING and row.blind
        # One that a person escalated was an opinion before, and stays the senior's.
        if opened and not tasks.skipped_by(tx, row.key, reason=ESCALATED):
            tasks.change(tx, row.key, status=TaskStatus.CANCELLED.value, token=None, claimed_by=None)
    return [row.key for row in reviews.effective(tx, [item_key]).get(item_key, [])]


def standing(opinions: Sequence[Any], *, open_tasks: bool) -> list[Any]:
    """Return the review row that holds among several opinions, as a list of none or one.

    Args:
        opinions: review rows that were not taken back, oldest first.
        open_tasks: whether somebody is still asked about the item.
    """
    settled = [row for row in opinions if row.stage != Stage.HUMAN]
    if settled:
        return [settled[-1]]
    if open_tasks or not opinions:
        return []
    from hitl_core.agreement.adjudication import settle

    found: Settlement = settle(opinions_of(opinions), wanted=len(opinions))
    return [] if found.winner is None else [opinions[found.winner]]


def opinions_of(rows: Sequence[Any]) -> list[Opinion]:
    """Return review rows as opinions."""
    from hitl_core.agreement.adjudication import Opinion

    return [Opinion(row.reviewer, row.verdict, row.label, row.output) for row in rows]


def stakes_of(policy: Policy) -> Stakes | None:
    """Return what another opinion is weighed by, None where all are always asked."""
    from hitl_core.agreement.adjudication import Stakes

    overlap = policy.overlap
    return Stakes(overlap.opinion_cost, overlap.error_cost, overlap.rater_accuracy) if overlap.adaptive else None


def _ask(
    tx: sa.Connection,
    task: ReviewTask,
    live: LivePolicy,
    now: datetime,
    stage: Stage,
    *,
    slot: int,
    without: Sequence[str],
) -> None:
    row = task_row(task.decision, task.item_key, live, now, stage, slot=slot)
    claiming.open_lanes(tx, {(row["pool"], row["project"], row["expertise"])})
    key = tasks.ensure(tx, row)
    for name in without:
        tasks.skip(tx, key, name, reason="gave an opinion", until=now + FOR_GOOD)
    kind = "task.adjudicate" if stage is Stage.ADJUDICATE else "task.another_opinion"
    where = {"project": task.item.project, "item_key": task.item_key, "task_key": key}
    events.append(tx, kind, at=now, actor="system", data={"slot": slot}, **where)


def _cancel(tx: sa.Connection, task: ReviewTask, *, stage: Stage) -> None:
    for row in tasks.of_item(tx, task.item_key):
        if row.stage == stage:
            tasks.cancel_pending(tx, row.key)


def _event(tx: sa.Connection, task: ReviewTask, now: datetime, actor: str, data: dict[str, Any]) -> None:
    where = {"project": task.item.project, "item_key": task.item_key, "task_key": task.id}
    events.append(tx, "item.settled", at=now, actor=actor, data=data, **where)
