"""The tasks that a decision opens: one for the judges, one review, several independent ones, or a blind audit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hitl_core.domain.ids import new_id
from hitl_core.domain.records import Decision, PriorityClass, Stage
from hitl_core.loop.policy_book import LivePolicy
from hitl_core.review_queue.queue import aging_of
from hitl_core.routing.judged import may_be_judged
from hitl_core.routing.plan import plan_for
from hitl_core.store import tasks


def opened_tasks(decision: Decision, item_key: str, live: LivePolicy, now: datetime) -> list[dict[str, Any]]:
    """Return the rows of the tasks that a decision opens: for the judges where they may be asked first."""
    if may_be_judged(decision, live.policy):
        # Any judge may take it, whatever expertise a person would need.
        return [task_row(decision, item_key, live, now, Stage.JUDGE) | {"expertise": "", "blind": False}]
    return tasks_for_people(decision, item_key, live, now)


def tasks_for_people(decision: Decision, item_key: str, live: LivePolicy, now: datetime) -> list[dict[str, Any]]:
    """Return the rows of the tasks for people that a decision opens; none where nobody has to look."""
    if decision.needs_human:
        opinions = live.policy.overlap.at_first(decision.overlap)
        return [task_row(decision, item_key, live, now, Stage.HUMAN, slot=slot) for slot in range(opinions)]
    if decision.audited:
        return [task_row(decision, item_key, live, now, Stage.AUDIT)]
    return []


def task_row(
    decision: Decision, item_key: str, live: LivePolicy, now: datetime, stage: Stage, *, slot: int = 0
) -> dict[str, Any]:
    """Return the row of one pending task; audits and independent opinions are blind.

    The due time on an audit is that of an ordinary review, because its own would tell what it is.
    """
    ordinary = decision.created_at + plan_for(live.policy).targets[PriorityClass.MEDIUM]
    return tasks.task_row(
        decision,
        item_key,
        key=new_id(),
        stage=stage,
        blind=stage is Stage.AUDIT or decision.overlap > 1,
        base=decision.priority,
        aging=aging_of(live.policy),
        now=now,
        slot=slot,
        due_at=ordinary if stage is Stage.AUDIT else None,
    )
