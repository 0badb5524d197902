"""Several independent opinions on one item: one person never gets two of them.

Each opinion is a task of its own (same item and stage, `slot` 0, 1, …). Whoever claims one is kept from its siblings
by rows in `skips`, in the claim's transaction; a unique index (item, stage, holder) stops two claims of one person that
run at the same moment. Locks are taken in one order: the own task, the item, then the siblings.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from hitl_core.domain.errors import InputError
from hitl_core.domain.records import ReviewTask, Stage, TaskStatus
from hitl_core.store import items, reviewers, tasks

FOR_GOOD = timedelta(days=36500)
APART = "overlap"
ESCALATED = "escalated"


def keep_apart(tx: sa.Connection, task: ReviewTask, reviewer: str, now: datetime) -> None:
    """Keep a reviewer who has just claimed one opinion from the others, and forgive those who lost theirs."""
    if task.decision.overlap < 2 or task.stage is not Stage.HUMAN:
        return
    items.lock(tx, task.item_key)
    siblings = tasks.siblings(tx, task.id)
    tasks.forget_skips(tx, task.item_key, reason=APART)
    for key in siblings:
        tasks.skip(tx, key, reviewer, reason=APART, until=now + FOR_GOOD)


def open_again(tx: sa.Connection, item_key: str) -> None:
    """Let a reviewer who gave a task back take another opinion of the same item."""
    items.lock(tx, item_key)
    tasks.forget_skips(tx, item_key, reason=APART)


def leave_to_senior(tx: sa.Connection, item_key: str, task_key: str, reviewer: str, *, until: datetime) -> None:
    """After an escalation nobody else is asked for an opinion, and a senior decides."""
    items.lock(tx, item_key)
    raters = tasks.holders(tx, item_key, stage=Stage.HUMAN.value)
    escalated = tasks.skipped_by(tx, task_key, reason=ESCALATED)
    # It is no opinion any more, from which those who gave another one are kept apart.
    tasks.show_again(tx, task_key, reason=APART)
    for name in may_not_settle(tx, raters, without=escalated):
        tasks.skip(tx, task_key, name, reason="gave an opinion", until=until)
    for key in tasks.siblings(tx, task_key, stage=Stage.HUMAN.value):
        tasks.skip(tx, key, reviewer, reason=ESCALATED, until=until)
        tasks.cancel_pending(tx, key)


def joins_escalation(tx: sa.Connection, item_key: str, task_key: str, reviewer: str, *, until: datetime) -> bool:
    """Cancel an opinion that is escalated where a senior is asked about the item already; return whether one is.

    Two tasks to settle one item would both be offered to one senior, who may hold only one of them.

    Raises:
        InputError: every senior has passed it on.
    """
    items.lock(tx, item_key)
    asked = [row for row in tasks.of_item(tx, item_key) if row.stage == Stage.ADJUDICATE and row.key != task_key]
    if not asked:
        return False
    senior = next((row for row in asked if row.status != TaskStatus.CANCELLED), asked[0])
    require_somebody_else(tx, senior.key, reviewer)
    tasks.change(tx, task_key, status=TaskStatus.CANCELLED.value)
    if senior.status == TaskStatus.CANCELLED:  # opened by a split that an undo took back: it is asked for again
        tasks.change(tx, senior.key, status=TaskStatus.PENDING.value, token=None, claimed_by=None)
        leave_to_senior(tx, item_key, senior.key, reviewer, until=until)
    tasks.skip(tx, senior.key, reviewer, reason=ESCALATED, until=until)
    return True


def may_not_settle(tx: sa.Connection, raters: Sequence[str], *, without: Sequence[str] = ()) -> list[str]:
    """Return who does not settle an item: those who gave an opinion on it, but for seniors where no other is left.

    Args:
        tx: an open transaction.
        raters: who gave an opinion, or is about to.
        without: who passed it on.
    """
    seniors = _seniors(tx)
    left = seniors - set(raters) - set(without)
    return [name for name in raters if not seniors or left or name not in seniors]


def require_somebody_else(tx: sa.Connection, task_key: str, reviewer: str) -> None:
    """Refuse an escalation that would leave nobody: every senior passed the task on.

    Raises:
        InputError: says so.
    """
    seniors = _seniors(tx)
    if seniors and not seniors - {reviewer, *tasks.skipped_by(tx, task_key, reason=ESCALATED)}:
        raise InputError("no other senior is left to pass this on to; decide it, or give the task back")


def _seniors(tx: sa.Connection) -> set[str]:
    return {each.name for each in reviewers.listing(tx) if each.senior}


def skip_all(tx: sa.Connection, task_key: str, reviewer: str, *, reason: str, until: datetime) -> None:
    """Keep a reviewer who skipped one opinion from the others for as long."""
    for key in tasks.siblings(tx, task_key):
        tasks.skip(tx, key, reviewer, reason=reason, until=until)
