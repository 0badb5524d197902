"""What a senior sees of those who disagreed: opinions without names, in an order that tells nobody who was first."""

from __future__ import annotations

import hashlib
from typing import Literal

from hitl_core.domain.errors import InputError, LeaseLostError
from hitl_core.domain.records import Record, ReviewTask, Stage
from hitl_core.review_queue.leases import same_secret, split_token
from hitl_core.store import events, reviews, tasks
from hitl_core.store.engine import Store

_ESCALATED = "task.escalated"
_HOLDING = ("claimed", "pending")


class PeerOpinion(Record):
    """What one person decided about an item, without who and when."""

    verdict: Literal["approve", "edit", "reject"]
    output: str | None = None
    label: str | None = None
    reasons: tuple[str, ...] = ()
    comment: str = ""


class Dispute(Record):
    """Why an item came to a senior.

    `opinions` are those that were not taken back, in an order made of the task's and the reviews' keys; `escalations`
    are the reasons that people gave when they passed the item on (empty where they gave none).
    """

    opinions: tuple[PeerOpinion, ...] = ()
    escalations: tuple[str, ...] = ()


def read_dispute(store: Store, task: ReviewTask) -> Dispute:
    """Return the nameless opinions on the item of a task that a senior holds.

    Raises:
        InputError: the task is not one to adjudicate; independent reviewers see nobody's opinion.
        LeaseLostError: somebody else took the task.
    """
    key, secret = split_token(task.token)
    with store.read() as tx:
        rows = {row.key: row for row in tasks.of_item(tx, task.item_key)}
        row = rows.get(key)
        if row is None or row.stage != Stage.ADJUDICATE:
            raise InputError("opinions of others are shown only on tasks of stage adjudicate; claim one of those")
        if row.status not in _HOLDING or not same_secret(row, secret):
            raise LeaseLostError("this task is no longer yours; claim the next one")
        given = [each for each in reviews.effective(tx, [task.item_key]).get(task.item_key, []) if each.task_key != key]
        passed_on = events.reasons_of(tx, task.item_key, _ESCALATED)
    given.sort(key=lambda each: hashlib.sha256(f"{key}\0{each.key}".encode()).digest())
    return Dispute(opinions=tuple(_nameless(each) for each in given), escalations=tuple(passed_on))


def _nameless(row: object) -> PeerOpinion:
    review = reviews.from_row(row)
    return PeerOpinion(**{name: getattr(review, name) for name in PeerOpinion.model_fields})
