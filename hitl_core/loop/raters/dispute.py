"""What a senior sees of those who disagreed: opinions without names, in an order that tells nobody who was first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Literal

from hitl_core.domain.errors import InputError, LeaseLostError
from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.domain.records import Record, ReviewTask, Stage
from hitl_core.judging.opinion import holds_back
from hitl_core.review_queue.leases import same_secret, split_token
from hitl_core.store import events, reviews, tasks
from hitl_core.store.engine import Store
from hitl_core.store.judging import verdicts

_ESCALATED = "task.escalated"
_HOLDING = ("claimed", "pending")


class PeerOpinion(Record):
    """What one person or judge said about an item, without who and when; a judge's reason is the comment."""

    verdict: Literal["approve", "edit", "reject"]
    output: str | None = None
    label: str | None = None
    reasons: tuple[str, ...] = ()
    comment: str = ""


class Dispute(Record):
    """Why an item came to a senior.

    `opinions` are those that were not taken back, in an order made of the task's and the opinions' keys; `escalations`
    are the reasons that people gave when they passed the item on (empty where they gave none).
    """

    opinions: tuple[PeerOpinion, ...] = ()
    escalations: tuple[str, ...] = ()


def read_dispute(store: Store, task: ReviewTask, *, judges: bool = False) -> Dispute:
    """Return the nameless opinions on the item of a task that a senior holds.

    Args:
        store: the database.
        task: with the senior's token.
        judges: whether the newest word of each judge stands among the opinions; never where the item is audited,
            which is done blind, and never one that found the text to be an attack.

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
        people = [
            each for each in reviews.effective(tx, [task.item_key]).get(task.item_key, []) if each.task_key != key
        ]
        said = verdicts.of_items(tx, [task.item_key]).get(task.item_key, []) if judges else []
        passed_on = events.reasons_of(tx, task.item_key, _ESCALATED)
    given = {each.key: _nameless(each) for each in people}
    given |= {} if task.decision.audited else dict(_of_judges(said))
    order = sorted(given, key=lambda each: hashlib.sha256(f"{key}\0{each}".encode()).digest())
    return Dispute(opinions=tuple(given[each] for each in order), escalations=tuple(passed_on))


def _nameless(row: object) -> PeerOpinion:
    review = reviews.from_row(row)
    return PeerOpinion(**{name: getattr(review, name) for name in PeerOpinion.model_fields})


def _of_judges(said: list[JudgeVerdict]) -> Iterator[tuple[str, PeerOpinion]]:
    """Yield the newest verdict of each judge that has one and trusts the text."""
    for each in {verdict.judge: verdict for verdict in said}.values():
        if each.verdict != "abstain" and not holds_back(each):
            yield each.id, PeerOpinion(verdict=each.verdict, comment=_why(each))


def _why(verdict: JudgeVerdict) -> str:
    """Return a judge's reason; a committee's own counts votes and so tells who it is, its members' do not."""
    reasons = [vote.reason for vote in verdict.votes if vote.verdict == verdict.verdict and vote.reason]
    return "\n".join(dict.fromkeys(reasons)) if verdict.votes else verdict.reason
