"""From what judges said to the decision that supersedes: verdicts, decision, next task and event in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from hitl_core.domain.ids import new_id
from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.domain.records import Decision, Item, ReviewTask, TaskStatus
from hitl_core.loop.opened import tasks_for_people
from hitl_core.loop.policy_book import LivePolicy
from hitl_core.review_queue.leases import lock_mine
from hitl_core.routing.judged import Opinion, decide_again
from hitl_core.store import claiming, decisions, events, reviews, tasks
from hitl_core.store.judging import stage, verdicts

if TYPE_CHECKING:
    import sqlalchemy as sa

    from hitl_core.judging.cascade.cascade import CascadeResult

PASSED_ON = "judging.passed_on"
SWEPT_AT_ONCE = 200


class Cascade(Protocol):
    """What is asked about one item; never raises for what a model did."""

    async def judge(self, item: Item) -> CascadeResult:
        """Return what became of the item."""
        ...


class Judged(NamedTuple):
    """What the judges came to about one item, and what they said."""

    opinion: Opinion
    verdicts: Sequence[JudgeVerdict] = ()


def judged(result: CascadeResult) -> Judged:
    """Return a cascade's result as an opinion for the router."""
    held = result.stopped_by == "held"
    opinion = Opinion(result.accepted, held, result.reasons, result.path, result.cost_usd)
    return Judged(opinion, result.verdicts)


def failed(reason: str) -> Judged:
    """Return the opinion of judges who could not be asked: a person decides."""
    return Judged(Opinion(accepted=False, holds_back=False, reasons=(reason,), path=(), cost_usd=None))


def outdated(said: Judged) -> Judged:
    """Return what judges said under a judging section that no longer holds: advice, so that a person decides."""
    opinion = said.opinion
    if not opinion.accepted:
        return said
    return said._replace(opinion=opinion._replace(accepted=False, reasons=(*opinion.reasons, "judge:policy_changed")))


def settle_judged(tx: sa.Connection, task: ReviewTask, said: Judged, live: LivePolicy, now: datetime) -> Decision:
    """Write what the judges said and what follows from it.

    Raises:
        LeaseLostError: the task went to somebody else meanwhile; nothing is written.
    """
    row = lock_mine(tx, task.token)
    before = decisions.latest(tx, task.item_key)
    after = decide_again(
        task.item,
        live.policy,
        before,
        said.opinion,
        policy_version=live.version,
        now=now,
        audit_secret=live.audit_secret,
    )
    stored = stamped(said.verdicts, task.item, now, released=not after.needs_human)
    verdicts.insert(tx, task.item_key, stored, task_key=row.key)
    decisions.insert(tx, decisions.decision_row(after, task.item_key))
    tasks.change(tx, row.key, status=TaskStatus.DONE.value, lease_expires_at=None)
    open_for_people(tx, after, task, live, now)
    data = {"decision": after.id, "route": after.route.value, "path": after.path, "reasons": after.reasons}
    _event(tx, "item.judged", row, now, str(row.claimed_by), data)
    events.announce_outcome(tx, task.item_key)
    return after


def stamped(given: Sequence[JudgeVerdict], item: Item, now: datetime, *, released: bool) -> list[JudgeVerdict]:
    """Return verdicts as they are stored: each a row of its own, and accepted only if the output was let go."""
    own = {"item_id": item.id, "project": item.project, "created_at": now}
    return [each.model_copy(update=own | {"id": new_id(), "accepted": each.accepted and released}) for each in given]


def open_for_people(tx: sa.Connection, decision: Decision, task: Any, live: LivePolicy, now: datetime) -> None:
    """Open the tasks for people that follow; they have waited since the task for the judges was opened."""
    since = decision.model_copy(update={"created_at": task.created_at})
    rows = tasks_for_people(since if decision.needs_human else decision, task.item_key, live, now)
    if rows:
        claiming.open_lanes(tx, {(row["pool"], row["project"], row["expertise"]) for row in rows})
        tasks.insert(tx, rows)


def pass_overdue_on(tx: sa.Connection, live: LivePolicy, now: datetime) -> int:
    """Give tasks that no judge took in time to people; all of them when the policy asks no judges any more."""
    judging = live.policy.judging
    waited = timedelta(seconds=judging.wait_seconds) if judging.tiers else timedelta(0)
    rows = stage.overdue(tx, now - waited, limit=SWEPT_AT_ONCE)
    why = "no judge came in time" if judging.tiers else "the policy asks no judges any more"
    for row in rows:
        pass_on(tx, row, live, now, why=why, actor="system")
    return len(rows)


def pass_on(tx: sa.Connection, row: Any, live: LivePolicy, now: datetime, *, why: str, actor: str) -> None:
    """Close a locked task of the judges undecided and open the task for people, under the decision that holds."""
    tasks.change(tx, row.key, status=TaskStatus.CANCELLED.value, token=None, lease_expires_at=None)
    decision = decisions.latest(tx, row.item_key)
    if decision.needs_human and not reviews.effective(tx, [row.item_key]):
        open_for_people(tx, decision, row, live, now)
    _event(tx, PASSED_ON, row, now, actor, {"why": why})


def give_up(tx: sa.Connection, task: ReviewTask, now: datetime, *, why: str) -> None:
    """Return a task whose judging broke, so that it is tried once more; the event counts as an attempt."""
    row = lock_mine(tx, task.token)
    tasks.change(tx, row.key, status=TaskStatus.PENDING.value, token=None, lease_expires_at=None)
    _event(tx, stage.FAILED, row, now, str(row.claimed_by), {"why": why})


def _event(tx: sa.Connection, kind: str, row: Any, now: datetime, actor: str, data: dict[str, Any]) -> None:
    where = {"project": row.project, "item_key": row.item_key, "task_key": row.key}
    events.append(tx, kind, at=now, actor=actor, data=data, **where)
