"""The queue as people and judges see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from hitl_core.domain.clock import Clock
from hitl_core.domain.errors import InputError
from hitl_core.domain.ids import new_token
from hitl_core.domain.policy import Policy
from hitl_core.domain.records import Review, Reviewer, ReviewTask, Stage
from hitl_core.domain.text import require_clean, require_clean_names
from hitl_core.review_queue import completion, overlap
from hitl_core.review_queue.hooks import Hooks
from hitl_core.review_queue.leases import lock_mine, reviewer_name
from hitl_core.store import claiming, events, reviewers, reviews, tasks
from hitl_core.store.claiming import Aging, Claim
from hitl_core.store.engine import Store
from hitl_core.store.rows import RowExistsError

SWEEP_SECONDS = 0.25
CLAIM_ATTEMPTS = 5
COUNTED = 10_000
CLOCKWORK = "system"
"""Who does what only time brings about."""
ESCALATED_FOR = timedelta(days=3650)


def aging_of(policy: Policy) -> Aging:
    """Return how waiting raises priority under a policy."""
    weights = policy.priority
    return Aging(weights.waiting, weights.waiting_cap_hours, weights.impact + weights.uncertainty + weights.compliance)


@dataclass(frozen=True)
class Draft:
    """What a reviewer had typed when the page went away."""

    output: str | None
    comment: str
    saved_at: datetime


@dataclass
class _LastSweep:
    at: datetime | None = None


@dataclass(frozen=True)
class ReviewQueue:
    """Hands out each task to one reviewer at a time and saves each decision once.

    Args:
        store: the database.
        clock: tells when leases run out.
        policy: returns the live policy (lease, undo window, reasons, weights).
        hooks: what else happens in the same transactions.
        skip_seconds: how long a skipped task stays away from the reviewer who skipped it.
    """

    store: Store
    clock: Clock
    policy: Callable[[], Policy]
    hooks: Hooks = field(default_factory=Hooks)
    skip_seconds: float = 3600
    _swept: _LastSweep = field(default_factory=_LastSweep)

    def claim(
        self, reviewer: str, *, project: str | None = None, stages: Sequence[Stage] | None = None
    ) -> ReviewTask | None:
        """Take the most urgent task that is open to the reviewer, under a lease.

        Args:
            reviewer: who takes it; needs no registration unless the task asks for expertise.
            project: only tasks of this project; None means all.
            stages: which stages to take from; default: what people do (review, audit; seniors adjudicate). Where a
                senior is registered, nobody else is given tasks to adjudicate.

        Returns:
            The task with its token, or None where nothing is open.
        """
        require_clean_names(project=project)
        name, policy = reviewer_name(reviewer), self.policy()
        for _ in range(CLAIM_ATTEMPTS):
            try:
                return self._claim(name, policy, project, stages)
            except RowExistsError:  # this person's other window took another opinion of the same item just now
                continue
        return None

    def _claim(
        self, name: str, policy: Policy, project: str | None, stages: Sequence[Stage] | None
    ) -> ReviewTask | None:
        aging, token = aging_of(policy), new_token()
        with self.store.write() as tx:
            now = self.clock.now()  # read behind the gate, so that waiting there does not shorten the lease
            self._sweep(tx, now, aging)
            known = reviewers.load(tx, name) or Reviewer(name=name)
            pools = _pools(tx, known, stages)
            if not pools:
                return None
            wanted = Claim(
                reviewer=name,
                pools=pools,
                expertise=("", *known.expertise),
                project=project,
                token=token,
                now=now,
                lease_expires_at=now + timedelta(seconds=policy.review.lease_seconds),
            )
            key = claiming.claim(tx, wanted, aging)
            if key is None:
                return None
            task = tasks.load(tx, key, now=now, aging=aging)
            overlap.keep_apart(tx, task, name, now)
            self._event(tx, "task.claimed", name, now, key, task.item.project, task.item_key)
        return task

    def held(self, reviewer: str) -> list[ReviewTask]:
        """Return the tasks the reviewer holds now, oldest claim first; a reloaded page goes on from here."""
        with self.store.read() as tx:
            return tasks.held(tx, reviewer_name(reviewer), now=self.clock.now(), aging=aging_of(self.policy()))

    def heartbeat(self, token: str) -> datetime:
        """Renew the lease; return when it runs out now.

        Raises:
            LeaseLostError: somebody else took or finished the task.
        """
        lease = timedelta(seconds=self.policy().review.lease_seconds)
        with self.store.write() as tx:
            row, now = lock_mine(tx, token), self.clock.now()
            expires = now + lease
            tasks.change(tx, row.key, status="claimed", lease_expires_at=expires)
            self._event(tx, "task.renewed", row.claimed_by, now, row.key, row.project, row.item_key)
        return expires

    def release(self, token: str) -> None:
        """Give the task back, undecided; it keeps its place."""
        self._give_back(token, "task.released", lambda tx, row, now: overlap.open_again(tx, row.item_key))

    def skip(self, token: str, reason: str = "") -> None:
        """Give the task back and keep it away from this reviewer for a while; others can take it."""
        require_clean(reason, "reason")
        until = timedelta(seconds=self.skip_seconds)

        def stay_away(tx: sa.Connection, row: Any, now: datetime) -> None:
            tasks.skip(tx, row.key, row.claimed_by, reason=reason, until=now + until)
            overlap.skip_all(tx, row.key, row.claimed_by, reason=reason, until=now + until)

        self._give_back(token, "task.skipped", stay_away, reason=reason)

    def escalate(self, token: str, reason: str = "") -> None:
        """Pass the task on to a senior (anybody else, where no senior is registered).

        Raises:
            InputError: every senior has passed it on; nobody would ever see it again.
        """
        require_clean(reason, "reason")

        def to_seniors(tx: sa.Connection, row: Any, now: datetime) -> None:
            if overlap.joins_escalation(tx, row.item_key, row.key, row.claimed_by, until=now + ESCALATED_FOR):
                return
            overlap.require_somebody_else(tx, row.key, row.claimed_by)
            pool = tasks.POOLS[Stage.ADJUDICATE]
            claiming.open_lanes(tx, {(pool, row.project, row.expertise)})
            tasks.change(tx, row.key, stage=Stage.ADJUDICATE.value, pool=pool)
            tasks.skip(tx, row.key, row.claimed_by, reason=overlap.ESCALATED, until=now + ESCALATED_FOR)
            overlap.leave_to_senior(tx, row.item_key, row.key, row.claimed_by, until=now + ESCALATED_FOR)

        self._give_back(token, "task.escalated", to_seniors, reason=reason)

    def complete(self, token: str, review: Review) -> Review:
        """Save the decision on a held task, once; sending the same decision again returns the saved one.

        Raises:
            InputError: an edit or rejection without a known reason, or an edit that changes nothing.
            LeaseLostError: the lease ran out and somebody else took or finished the task, or the token was
                used for another decision; `error.review` is the review that was not saved.
        """
        policy = self.policy()
        completion.require_reasons(review, policy)
        with self.store.write() as tx:
            now = self.clock.now()
            saved = completion.already_saved(tx, token, review)
            if saved is not None:
                return saved
            row, stored = completion.save(tx, token, review, now)
            task = tasks.load(tx, row.key, now=now, aging=aging_of(policy))
            _require_change(task, stored)
            for hook in self.hooks.on_complete:
                hook(tx, task, stored)
            data = {"review": stored.id, "verdict": stored.verdict}
            self._event(tx, "task.completed", stored.reviewer, now, row.key, row.project, row.item_key, data)
        for after in self.hooks.after_complete:
            after(row.item_key)
        return stored

    def undo(self, reviewer: str) -> ReviewTask:
        """Take back the reviewer's newest decision and hand the task back to them.

        Raises:
            UndoRefusedError: nothing to undo, the window closed, or the outcome was already used.
        """
        name, policy = reviewer_name(reviewer), self.policy()
        with self.store.write() as tx:
            now = self.clock.now()
            review, task = completion.take_back(tx, name, policy, now)
            for hook in self.hooks.on_undo:
                hook(tx, review)
            data = {"review": review.key, "verdict": review.verdict}
            self._event(tx, "task.undone", name, now, task.key, task.project, task.item_key, data)
            return tasks.load(tx, task.key, now=now, aging=aging_of(policy))

    def save_draft(self, token: str, *, output: str | None = None, comment: str = "") -> None:
        """Keep typed text on the server.

        Raises:
            InputError: the text has characters that cannot be stored.
            LeaseLostError: somebody else took or finished the task.
        """
        require_clean_names(output=output, comment=comment)
        now = self.clock.now()
        with self.store.write() as tx:
            row = lock_mine(tx, token)
            reviews.save_draft(tx, row.key, row.claimed_by, output=output, comment=comment, at=now)
            self._event(tx, "task.drafted", row.claimed_by, now, row.key, row.project, row.item_key)

    def draft(self, task_id: str, reviewer: str) -> Draft | None:
        """Return what the reviewer had typed for a task."""
        require_clean_names(task_id=task_id)
        with self.store.read() as tx:
            row = reviews.draft(tx, task_id, reviewer_name(reviewer))
        return Draft(row.output, row.comment, row.saved_at) if row else None

    def pending(self) -> list[tuple[str, str, str, int]]:
        """Return (pool, project, expertise, tasks) of everything that waits, counting to 10,000 in each lane.

        Pages ask often, and nobody needs to know whether 20,000 or a million tasks wait.
        """
        with self.store.read() as tx:
            return claiming.lanes_with_work(tx, at_most=COUNTED)

    def sweep(self) -> tuple[int, int]:
        """Return expired leases to the queue and age old tasks; (expired, aged). The worker calls it."""
        aging = aging_of(self.policy())
        with self.store.write() as tx:
            now = self.clock.now()
            return self._return_expired(tx, now), self._age(tx, now, aging)

    def _sweep(self, tx: sa.Connection, now: datetime, aging: Aging) -> None:
        last = self._swept.at
        if last is not None and abs((now - last).total_seconds()) < SWEEP_SECONDS:
            return
        self._swept.at = now
        self._return_expired(tx, now)
        self._age(tx, now, aging)

    def _return_expired(self, tx: sa.Connection, now: datetime) -> int:
        expired = tasks.expire(tx, now)
        for key, item_key, reviewer in expired:
            data = {"reviewer": reviewer}  # whose lease it was; nobody decided anything
            events.append(tx, "task.expired", at=now, actor=CLOCKWORK, item_key=item_key, task_key=key, data=data)
        for hook in self.hooks.on_sweep:
            hook(tx, now)
        return len(expired)

    def _age(self, tx: sa.Connection, now: datetime, aging: Aging) -> int:
        moved = claiming.move_bands(tx, now, aging)
        if moved:
            events.append(tx, "tasks.aged", at=now, actor=CLOCKWORK, data={"tasks": moved})
        return moved

    def _give_back(
        self, token: str, kind: str, then: Callable[[sa.Connection, Any, datetime], None], reason: str = ""
    ) -> None:
        with self.store.write() as tx:
            row, now = lock_mine(tx, token), self.clock.now()
            tasks.change(tx, row.key, status="pending", token=None, claimed_by=None, lease_expires_at=None)
            then(tx, row, now)
            data = {"reason": reason} if reason else None
            self._event(tx, kind, row.claimed_by, now, row.key, row.project, row.item_key, data)

    def _event(
        self,
        tx: sa.Connection,
        kind: str,
        actor: str,
        now: datetime,
        key: str,
        project: str,
        item_key: str | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        events.append(tx, kind, at=now, actor=actor, project=project, item_key=item_key, task_key=key, data=data)

    def replaced(self, **changes: Any) -> ReviewQueue:
        """Return the same queue with other parts (an actor's view, other hooks)."""
        return replace(self, **changes)


def _pools(tx: sa.Connection, reviewer: Reviewer, stages: Sequence[Stage] | None) -> list[str]:
    pools = {"people", "seniors"} if stages is None else {tasks.POOLS[_stage(stage)] for stage in stages}
    if "seniors" in pools and not reviewer.senior and reviewers.any_senior(tx):
        pools.discard("seniors")
    return sorted(pools)


def _stage(name: str) -> Stage:
    try:
        return Stage(name)
    except ValueError:
        raise InputError(f"unknown stage {name!r:.60}; choose from {', '.join(Stage)}") from None


def _require_change(task: ReviewTask, review: Review) -> None:
    relabelled = review.label is not None and review.label != task.item.label
    if review.verdict == "edit" and review.output == task.item.output and not relabelled:
        raise InputError("the edited text is the same as the answer; change it, or approve the answer")
