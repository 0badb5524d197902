"""How model judges take work: the same claim as people's, from their own pool and under a lease of their own length."""

from __future__ import annotations

from datetime import timedelta

from hitl_core.domain.ids import new_token
from hitl_core.domain.policy import Policy
from hitl_core.domain.records import ReviewTask, Stage
from hitl_core.review_queue.leases import lock_mine, reviewer_name
from hitl_core.review_queue.queue import ReviewQueue, aging_of
from hitl_core.store import claiming, events, tasks
from hitl_core.store.claiming import Claim
from hitl_core.store.judging import stage

LONGEST_LEASE = 60.0
GRACE_SECONDS = 30.0


def lease_of(policy: Policy) -> timedelta:
    """Return how long a judge may hold a task without renewing it: short, as a program renews without being asked."""
    return timedelta(seconds=min(policy.judging.deadline_seconds, LONGEST_LEASE) + GRACE_SECONDS)


def claim_for_judge(
    queue: ReviewQueue, judge: str, *, project: str | None = None, item_key: str | None = None
) -> ReviewTask | None:
    """Take the most urgent task that waits for judges (or the one of an item); None where nothing is open."""
    name, policy, token = reviewer_name(judge), queue.policy(), new_token()
    aging = aging_of(policy)
    with queue.store.write() as tx:
        now = queue.clock.now()
        until = now + lease_of(policy)
        if item_key is not None:
            key = stage.take(tx, item_key, holder=name, token=token, now=now, until=until)
        else:
            pool = tasks.POOLS[Stage.JUDGE]
            key = claiming.claim(tx, Claim(name, (pool,), ("",), project, token, now, until), aging)
        if key is None:
            return None
        task = tasks.load(tx, key, now=now, aging=aging)
        events.append(
            tx,
            "task.claimed",
            at=now,
            actor=name,
            project=task.item.project,
            item_key=task.item_key,
            task_key=key,
        )
    return task


def renew(queue: ReviewQueue, token: str) -> None:
    """Renew the lease of a judge.

    Raises:
        LeaseLostError: somebody else took or finished the task.
    """
    lease = lease_of(queue.policy())
    with queue.store.write() as tx:
        row, now = lock_mine(tx, token), queue.clock.now()
        tasks.change(tx, row.key, status="claimed", lease_expires_at=now + lease)
        where = {"project": row.project, "item_key": row.item_key, "task_key": row.key}
        events.append(tx, "task.renewed", at=now, actor=row.claimed_by, **where)
