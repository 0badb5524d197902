"""Putting the rooms together."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_core.audit import Auditor
from hitl_core.domain.clock import Clock, SystemClock
from hitl_core.domain.policy import Policy
from hitl_core.domain.records import Review, ReviewTask
from hitl_core.domain.text import require_clean
from hitl_core.golden import GoldenLibrary
from hitl_core.loop.judges.building import CascadeMaker
from hitl_core.loop.judges.room import JudgeRoom
from hitl_core.loop.judges.settling import pass_overdue_on
from hitl_core.loop.policy_book import PolicyBook
from hitl_core.loop.raters.room import RaterRoom
from hitl_core.loop.settling import settle_item, unsettle_item
from hitl_core.loop.submit import Submitter
from hitl_core.loop.trust.room import CalibrationRoom
from hitl_core.loop.waiting import OutcomeWatcher
from hitl_core.reports.room import Reports
from hitl_core.review_queue import Hooks, ReviewQueue
from hitl_core.settings import Settings, load_settings
from hitl_core.store import events, schema
from hitl_core.store.engine import Store
from hitl_core.store.frames.cache import folder_beside

if TYPE_CHECKING:
    import sqlalchemy as sa


class Parts(NamedTuple):
    """What a loop holds, in the order of its fields."""

    store: Store
    settings: Settings
    clock: Clock
    policies: PolicyBook
    queue: ReviewQueue
    golden: GoldenLibrary
    submitter: Submitter
    watcher: OutcomeWatcher
    judges: JudgeRoom
    audit: Auditor
    reports: Reports
    calibration: CalibrationRoom
    raters: RaterRoom
    actor: str


def assemble(
    url: str | None, policy: Policy | None, *, clock: Clock | None, actor: str, settings: Settings | None
) -> Parts:
    """Open the store and hand each room what it needs; see `Loop.open`."""
    require_clean(actor, "actor")
    settings, clock = settings or load_settings(), clock or SystemClock()
    store = Store.connect(url or settings.database_url)
    schema.prepare(store)
    book = PolicyBook(store, clock, audit_secret=settings.audit_secret)
    book.settle(policy, author=actor)
    library = make_library(store, settings, clock, actor)
    watcher = OutcomeWatcher(store)
    queue = ReviewQueue(
        store=store,
        clock=clock,
        policy=lambda: book.live().policy,
        hooks=make_hooks(library, watcher, book, clock),
        skip_seconds=settings.skip_seconds,
    )
    judges = JudgeRoom(
        store, clock, book, queue, watcher, CascadeMaker(store, clock, library, settings.embedding_model)
    )
    auditor = Auditor(store, clock, policy=lambda: book.live().policy, amend=book.amend, actor=actor)
    reports = Reports(
        store,
        folder_beside(store),
        clock,
        policy=lambda: book.live().policy,
        version_of=lambda number: book.get(number)[1:3],
    )
    raters = RaterRoom(store, folder_beside(store), clock, reports, policy=lambda: book.live().policy)
    submitter = Submitter(store, settings)
    trust = CalibrationRoom(store, clock, book, auditor.closed_until, actor)
    return Parts(
        store, settings, clock, book, queue, library, submitter, watcher, judges, auditor, reports, trust, raters, actor
    )


def make_library(store: Store, settings: Settings, clock: Clock, actor: str) -> GoldenLibrary:
    """Return the golden library with an embedder that is loaded when first needed."""

    def embedder() -> Any:
        from hitl_core.embedding import load_embedder

        return load_embedder(settings.embedding_model)

    folder = settings.resolve_index_dir(store.engine.url.database if store.is_sqlite else None)
    return GoldenLibrary(store, embedder, folder, clock=clock, actor=actor)


def make_hooks(library: GoldenLibrary, watcher: OutcomeWatcher, book: PolicyBook, clock: Clock) -> Hooks:
    """Return what happens beside a review: it settles or asks on, teaches, is announced, and undo takes that back."""

    def teach(tx: sa.Connection, task: ReviewTask, review: Review) -> None:
        holds = settle_item(tx, task, review, book.known, clock.now())
        if holds is not None:
            library.acting_as(holds.reviewer).record(tx, task.item, holds, item_key=task.item_key)

    def announce(tx: sa.Connection, task: ReviewTask, _review: Review) -> None:
        events.announce_outcome(tx, task.item_key)

    def unlearn(tx: sa.Connection, review: Any) -> None:
        taught = [review.key, *unsettle_item(tx, review.item_key)]
        for key in taught:
            library.acting_as(review.reviewer).retire_for_review(tx, key)

    def pass_on(tx: sa.Connection, now: datetime) -> None:
        pass_overdue_on(tx, book.known(), now)

    return Hooks(on_complete=[announce, teach], on_undo=[unlearn], on_sweep=[pass_on], after_complete=[watcher.poke])
