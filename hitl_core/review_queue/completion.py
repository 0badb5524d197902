"""Saving a review, and taking it back, inside one transaction."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from hitl_core.domain.errors import InputError, LeaseLostError, UndoRefusedError, did_you_mean
from hitl_core.domain.ids import new_id, new_token
from hitl_core.domain.policy import Policy
from hitl_core.domain.records import Review, Stage, TaskStatus
from hitl_core.review_queue.leases import lock_mine, same_secret, split_token
from hitl_core.store import decisions, reviews, tasks


def require_reasons(review: Review, policy: Policy) -> None:
    """Refuse an edit or rejection without a structured reason, and reasons that the policy does not know.

    Raises:
        InputError: says which reasons exist.
    """
    known = policy.review.reasons
    if review.verdict in ("edit", "reject") and not review.reasons:
        raise InputError(f"{review.verdict} needs at least one reason; choose from {', '.join(known)}")
    for reason in review.reasons:
        if reason not in known:
            hint = did_you_mean(reason, known)
            raise InputError(f"unknown reason {reason!r:.60}{hint}; choose from {', '.join(known)}")


def already_saved(tx: sa.Connection, token: str, review: Review) -> Review | None:
    """Return the saved review when the same decision arrives a second time, None when it is new.

    Raises:
        LeaseLostError: the token was used for a different decision.
    """
    key, secret = split_token(token)
    row = tasks.lock(tx, key)
    if row is None or row.status != TaskStatus.DONE or not same_secret(row, secret):
        return None
    saved = reviews.of_task(tx, key)
    if saved is None:
        return None
    previous = reviews.from_row(saved)
    if (previous.verdict, previous.output, previous.reasons) == (review.verdict, review.output, review.reasons):
        return previous
    raise LeaseLostError(f"this task was already decided ({previous.verdict}); nothing was changed", review)


def save(tx: sa.Connection, token: str, review: Review, now: datetime) -> tuple[Any, Review]:
    """Append the review of a held task; return the task's row and the review as stored."""
    row = lock_mine(tx, token, review=review)
    decision = decisions.load(tx, row.decision_key)
    stored = review.model_copy(update={"id": new_id(), "reviewer": row.claimed_by, "created_at": now})
    tasks.change(tx, row.key, status=TaskStatus.DONE.value, lease_expires_at=None)
    reviews.insert(
        tx,
        stored,
        row,
        origin=decision.origin.value,
        inclusion_probability=decision.inclusion_probability,
    )
    reviews.drop_draft(tx, row.key, row.claimed_by)
    return row, stored


def take_back(tx: sa.Connection, reviewer: str, policy: Policy, now: datetime) -> tuple[Any, Any]:
    """Append the row that undoes the reviewer's newest decision, and hand the task back to them.

    Returns:
        The review's row and the task's row as it was.

    Raises:
        UndoRefusedError: nothing to undo, the window closed, or the outcome was already used.
    """
    window = policy.review.undo_seconds
    row = tasks.last_reviewed(tx, reviewer, since=now - timedelta(seconds=window))
    if row is None:
        raise UndoRefusedError(f"nothing to undo: no decision of {reviewer} in the last {window / 60:g} minutes")
    task = next(each for each in tasks.lock_item(tx, row.item_key) if each.key == row.task_key)
    _require_unused(tx, row, task)
    reviews.insert_undo(tx, row, at=now)
    tasks.change(
        tx,
        task.key,
        status=TaskStatus.CLAIMED.value,
        token=new_token(),
        claimed_by=reviewer,
        claimed_at=now,
        lease_expires_at=now + timedelta(seconds=policy.review.lease_seconds),
    )
    return row, task


def _require_unused(tx: sa.Connection, row: Any, task: Any) -> None:
    others = reviews.effective(tx, [row.item_key]).get(row.item_key, [])
    decision = decisions.latest(tx, row.item_key)
    several = decision.overlap > 1 and row.stage == Stage.HUMAN
    # What several people said together may have been handed out under another one's name.
    handed_out = [reviews.delivered(tx, each.key, row.item_key) for each in (others if several else [row])]
    channel = next(filter(None, handed_out), None)
    if channel is not None:
        raise UndoRefusedError(f"the outcome was already handed out ({channel}); submit a correction instead")
    if task.status != TaskStatus.DONE:
        raise UndoRefusedError("the task was reopened since; nothing to undo")
    if several and any(
        each.stage == Stage.ADJUDICATE and each.status == "claimed" for each in tasks.of_item(tx, row.item_key)
    ):
        raise UndoRefusedError("a senior is already settling this item; tell them instead")
    independent = Stage.HUMAN if several else None
    later = [
        each for each in others if (each.created_at, each.key) > (row.created_at, row.key) and each.stage != independent
    ]
    if later:
        raise UndoRefusedError(f"{later[0].reviewer} gave a later opinion on this item that rests on yours")
    if decision.id != task.decision_key:
        raise UndoRefusedError("a later decision about this item already rests on the review")
