"""The hallway: what a RAG app, the web app, the worker and the command line all hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hitl_core.audit import Auditor
from hitl_core.domain.clock import Clock
from hitl_core.domain.errors import InputError
from hitl_core.domain.policy import Policy
from hitl_core.domain.records import Decision, Item, Outcome, Reviewer, ReviewTask
from hitl_core.domain.text import require_clean
from hitl_core.loop import reading, waiting
from hitl_core.loop.judges.room import JudgeRoom
from hitl_core.loop.opening import assemble
from hitl_core.loop.outcome import current_outcome, find_key
from hitl_core.loop.policy_book import LivePolicy, PolicyBook, as_policy
from hitl_core.loop.raters.dispute import Dispute, read_dispute
from hitl_core.loop.raters.room import RaterRoom
from hitl_core.loop.submit import BatchResult, Submitter, as_item
from hitl_core.loop.trust.room import CalibrationRoom
from hitl_core.reports.room import Reports
from hitl_core.review_queue import ReviewQueue
from hitl_core.review_queue.leases import reviewer_name
from hitl_core.settings import Settings
from hitl_core.store import decisions, events, items, reviewers, reviews, tasks
from hitl_core.store.engine import Store
from hitl_core.store.reading import overview

if TYPE_CHECKING:
    from hitl_core.golden import GoldenLibrary


@dataclass(frozen=True)
class Loop:
    """One open project database with its rooms.

    They are `queue`, `golden`, `judges`, `audit`, `reports`, `calibration`, `raters` and `policies`. Make one with
    `Loop.open` and share it between threads; `acting_as` gives a view whose writes carry another name.
    """

    store: Store
    settings: Settings
    clock: Clock
    policies: PolicyBook
    queue: ReviewQueue
    golden: GoldenLibrary
    submitter: Submitter
    watcher: waiting.OutcomeWatcher
    judges: JudgeRoom
    audit: Auditor
    reports: Reports
    calibration: CalibrationRoom
    raters: RaterRoom
    actor: str = "system"

    @staticmethod
    def open(
        url: str | None = None,
        policy: Policy | str | Path | None = None,
        *,
        clock: Clock | None = None,
        actor: str = "system",
        settings: Settings | None = None,
    ) -> Loop:
        """Open a database, creating it when it is new.

        Args:
            url: `sqlite:///path` or `postgresql+psycopg://user@host/database`; default: HITL_DATABASE_URL,
                else a file in data/local.
            policy: a policy or the path of its file; becomes live if it was never published. None keeps the
                live one (the built-in default in a new database).
            clock: for tests; default the machine's.
            actor: whose name the writes carry.
            settings: default: HITL_* variables and `.env`.

        Raises:
            ConfigurationError, PolicyError: an address or a policy that cannot be used.
            SchemaError: an older or newer database; the message says what to run.
            StoreUnavailableError: it cannot be reached.
        """
        return Loop(*assemble(url, as_policy(policy), clock=clock, actor=actor, settings=settings))

    def acting_as(self, name: str) -> Loop:
        """Return a view of the same loop whose writes carry another name."""
        actor = reviewer_name(name)
        rooms = {name: getattr(self, name).acting_as(actor) for name in ("golden", "audit", "calibration")}
        return replace(self, actor=actor, **rooms)

    @property
    def policy(self) -> Policy:
        """The live policy."""
        return self.policies.live().policy

    def submit(self, item: Item | Mapping[str, Any], *, judge: Literal["later", "inline"] = "later") -> Decision:
        """Decide about an output, and open a task where a person or a judge is needed.

        Sending the same item again returns the decision that holds.

        Args:
            item: what was made.
            judge: `later` calls no model, the worker does; `inline` asks the policy's judges now where they may be
                asked, waits for them (at most `judging.deadline_seconds`) and returns the decision that follows.

        Raises:
            InputError: the item cannot be stored; the message names the field.
            ConflictError: its id came before with other content.
        """
        if judge not in ("later", "inline"):
            raise InputError(f"judge is {judge!r:.40}; expected 'later' or 'inline'")
        submission = as_item(item)
        decision = self.submitter.one(submission, self.policies.live(), self.clock.now(), self.actor)
        if judge == "inline" and decision.needs_human:
            return self.judges.settle_if_waiting(decision)
        return decision

    def submit_many(self, items: Iterable[Item | Mapping[str, Any]]) -> BatchResult:
        """Submit a batch in one transaction; bad rows come back beside the good ones' decisions."""
        return self.submitter.many(items, self.policies.live(), self.clock.now(), self.actor)

    def outcome(self, item_id: str, *, project: str | None = None) -> Outcome | None:
        """Return what finally holds for an item, or None while a person still has to decide.

        Only looks: unlike `wait` it does not count as handing the outcome out, so undo stays possible.
        """
        with self.store.read() as tx:
            return current_outcome(tx, find_key(tx, item_id, project))

    def wait(self, item_id: str, timeout: float = 30.0, *, project: str | None = None) -> Outcome:
        """Block until an outcome is there, or `timeout` seconds passed; `status` says which.

        A returned outcome counts as handed out: its review can no longer be undone.

        Raises:
            NotFoundError: no such item.
        """
        key = self._key(item_id, project)
        found = waiting.wait_until(self.watcher, key, lambda: self._hand_out(key), timeout)
        return found or self._timed_out(key)

    async def wait_async(self, item_id: str, timeout: float = 30.0, *, project: str | None = None) -> Outcome:
        """Await an outcome; like `wait`, without blocking the event loop."""
        key = self._key(item_id, project)
        found = await waiting.wait_until_async(self.watcher, key, lambda: self._hand_out(key), timeout)
        return found or self._timed_out(key)

    def story(self, item_id: str, *, project: str | None = None) -> reading.ItemStory:
        """Return an item with its decisions, reviews, outcome and events."""
        return reading.read_story(self.store, item_id, project)

    def related(self, item: Item, limit: int = 5) -> list[tuple[Item, Outcome | None]]:
        """Return earlier items on the same subject or question with their outcomes, newest first."""
        return reading.read_related(self.store, item, limit=limit)

    def opinions(self, task: ReviewTask) -> Dispute:
        """Return the opinions on the item of an adjudicate task that the caller holds, without names.

        Judges' words are among them unless the policy says otherwise (`overlap.show_judges`).

        Raises:
            InputError: the task is of another stage. LeaseLostError: somebody else took it.
        """
        return read_dispute(self.store, task, judges=self.policy.overlap.show_judges)

    def latest(self, limit: int = 50, *, project: str | None = None) -> list[tuple[Item, Outcome | None]]:
        """Return the newest items with their outcomes."""
        return reading.read_latest(self.store, project=project, limit=limit)

    def latest_reviews(
        self, limit: int = 50, *, project: str | None = None, reviewer: str | None = None
    ) -> list[reading.ReviewLine]:
        """Return the newest reviews and undos."""
        return reading.read_reviews(self.store, project=project, reviewer=reviewer, limit=limit)

    def counts(self, *, since: datetime | None = None, project: str | None = None) -> reading.Counts:
        """Return counts of routes and verdicts since a time, and of what waits now."""
        return reading.read_counts(self.store, self.clock.now(), since=since, project=project)

    def projects(self) -> list[str]:
        """Return the projects that ever had a task."""
        with self.store.read() as tx:
            return overview.projects(tx)

    def reviewers(self) -> list[Reviewer]:
        """Return everybody who is registered."""
        with self.store.read() as tx:
            return reviewers.listing(tx)

    def save_reviewer(self, reviewer: Reviewer) -> Reviewer:
        """Register a reviewer, or change their expertise and seniority."""
        kept = reviewer.model_copy(update={"name": reviewer_name(reviewer.name)})
        now = self.clock.now()
        with self.store.write() as tx:
            reviewers.save(tx, kept, at=now)
            data = kept.model_dump(mode="json")
            events.append(tx, "reviewer.saved", at=now, actor=self.actor, data=data)
        return kept

    def record_feedback(
        self, item_id: str, *, reviewer: str, thumbs_up: bool, comment: str = "", project: str | None = None
    ) -> str:
        """Store a thumbs-and-comment on an answer beside its reviews; return its key."""
        name, now = reviewer_name(reviewer), self.clock.now()
        require_clean(comment, "comment")
        with self.store.write() as tx:
            key = find_key(tx, item_id, project)
            stored = reviews.insert_feedback(tx, key, reviewer=name, thumbs_up=thumbs_up, comment=comment, at=now)
            data = {"feedback": stored, "thumbs_up": thumbs_up}
            events.append(tx, "item.feedback", at=now, actor=name, item_key=key, data=data)
        return stored

    def publish(self, policy: Policy | str | Path, *, reason: str) -> LivePolicy:
        """Make a policy live as a new version; pending tasks are re-ordered by the worker.

        Raises:
            InputError: the reason is empty. PolicyError: the file cannot be used.
        """
        given = as_policy(policy)
        assert given is not None
        version = self.policies.publish(given, author=self.actor, reason=reason)
        return self.policies.get(version)

    def close(self) -> None:
        """Close the database connections and keep the few-shot index."""
        self.judges.close()
        self.watcher.close()
        self.golden.close()
        self.store.close()

    def __enter__(self) -> Loop:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _key(self, item_id: str, project: str | None) -> str:
        with self.store.read() as tx:
            return find_key(tx, item_id, project)

    def _hand_out(self, key: str) -> Outcome | None:
        """Return the outcome and record that it left the house, so that nobody can undo it unnoticed."""
        with self.store.read() as tx:
            found = current_outcome(tx, key)
        if found is None or found.review_id is None:
            return found
        with self.store.write() as tx:
            tasks.lock_item(tx, key)
            found = current_outcome(tx, key)
            if found is not None and found.review_id is not None:
                now = self.clock.now()
                if reviews.delivered(tx, found.review_id, key) is None:
                    reviews.deliver(tx, key, channel="wait", review_key=found.review_id, at=now)
                    data = {"channel": "wait", "review": found.review_id}
                    events.append(
                        tx,
                        "outcome.delivered",
                        at=now,
                        actor=self.actor,
                        project=found.project,
                        item_key=key,
                        data=data,
                    )
        return found

    def _timed_out(self, key: str) -> Outcome:
        with self.store.read() as tx:
            item, decision = items.load(tx, key), decisions.latest(tx, key)
        return Outcome(item_id=item.id, project=item.project, status="timeout", route=decision.route)
