"""What pages and commands read: an item's whole story, counts, what waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hitl_core.domain.records import Decision, Item, Outcome, Review
from hitl_core.domain.text import require_clean_names
from hitl_core.loop.outcome import find_key, outcome_of, undecided
from hitl_core.store import decisions, events, items, reviews, tasks
from hitl_core.store.engine import Store
from hitl_core.store.reading import overview


@dataclass(frozen=True)
class ItemStory:
    """An item with everything that happened to it; decisions and reviews oldest first, events newest first.

    `blind` says that somebody still has to review it without knowing its route, so that pages do not tell it.
    """

    item: Item
    decisions: tuple[Decision, ...]
    reviews: tuple[Review, ...]
    outcome: Outcome | None
    events: tuple[dict[str, Any], ...]
    blind: bool = False

    @property
    def decision(self) -> Decision:
        """The decision that holds."""
        return self.decisions[-1]


@dataclass(frozen=True)
class ReviewLine:
    """One row of the list of latest reviews; `undone` marks the row that takes an earlier one back."""

    item_id: str
    project: str
    review: Review
    undone: bool


@dataclass(frozen=True)
class Counts:
    """Where things stand: routes held, verdicts given, what waits by stage and expertise, totals."""

    routes: dict[str, int]
    verdicts: dict[str, int]
    waiting: list[dict[str, Any]]
    totals: dict[str, int]


def read_story(store: Store, item_id: str, project: str | None) -> ItemStory:
    """Return an item with its decisions, reviews, outcome and events.

    Raises:
        NotFoundError: no such item.
        InputError: several projects have an item with that id.
    """
    with store.read() as tx:
        key = find_key(tx, item_id, project)
        history = decisions.history(tx, key)
        opinions = reviews.effective(tx, [key]).get(key, [])
        item = items.load(tx, key)
        return ItemStory(
            item,
            tuple(history),
            tuple(reviews.from_row(row) for row in opinions),
            outcome_of(item, history[-1], opinions, open_tasks=bool(undecided(tx, history[-1:], [key]))),
            tuple(events.latest(tx, item_key=key)),
            blind=bool(tasks.to_be_seen_blind(tx, [key])),
        )


def read_related(store: Store, item: Item, *, limit: int) -> list[tuple[Item, Outcome | None]]:
    """Return earlier items on the same subject or question, newest first, with their outcomes.

    What came of an item that somebody still has to review blind is left out.
    """
    with store.read() as tx:
        keys = items.related(tx, item, limit=limit)
        hidden = tasks.to_be_seen_blind(tx, keys)
        found = _with_outcomes(tx, keys)
    return [(each, None if key in hidden else held) for key, (each, held) in zip(keys, found, strict=True)]


def read_latest(store: Store, *, project: str | None, limit: int) -> list[tuple[Item, Outcome | None]]:
    """Return the newest items with their outcomes."""
    require_clean_names(project=project)
    with store.read() as tx:
        return _with_outcomes(tx, overview.latest_items(tx, project=project, limit=limit))


def read_reviews(store: Store, *, project: str | None, reviewer: str | None, limit: int) -> list[ReviewLine]:
    """Return the newest reviews and undos."""
    require_clean_names(project=project, reviewer=reviewer)
    with store.read() as tx:
        rows = overview.latest_reviews(tx, project=project, reviewer=reviewer, limit=limit)
    return [ReviewLine(item_id, name, reviews.from_row(row), row.kind == "undo") for row, item_id, name in rows]


def read_counts(store: Store, now: datetime, *, since: datetime | None, project: str | None) -> Counts:
    """Return counts of routes and verdicts since a time, and of what waits now."""
    require_clean_names(project=project)
    with store.read() as tx:
        return Counts(
            overview.routes(tx, since=since, project=project),
            overview.verdicts(tx, since=since, project=project),
            overview.waiting(tx, now=now, project=project),
            overview.totals(tx),
        )


def _with_outcomes(tx: sa.Connection, keys: list[str]) -> list[tuple[Item, Outcome | None]]:
    loaded = items.load_many(tx, keys)
    held = decisions.latest_many(tx, keys)
    opinions = reviews.effective(tx, keys)
    still_open = undecided(tx, [held[key] for key in keys], keys)
    return [
        (loaded[key], outcome_of(loaded[key], held[key], opinions.get(key, []), open_tasks=key in still_open))
        for key in keys
    ]
