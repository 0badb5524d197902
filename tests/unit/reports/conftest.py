"""Small frames of facts, written by hand: what is not named has a plain value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from hitl_core.reports.metrics import Facts, compute_figures, prepare
from hitl_core.store.frames.facts import DECISIONS, REVIEWS, packed_types

START = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday."""
Row = dict[str, Any]
_PLAIN: Row = {
    "seq": 1,
    "at": START,
    "project": "p",
    "policy_version": 1,
    "route": "auto_approve",
    "reasons": "[]",
    "audited": False,
    "inclusion_probability": 1.0,
    "origin": "design",
    "kind": "review",
    "stage": "human",
    "reviewer": "ana",
    "verdict": "approve",
    "review_reasons": "[]",
    "asked_at": START,
    "overlap": 1,
    "made_ms": 0,
}
_SHARED = ("route", "domain", "confidence")


def typed(fact: Any, rows: list[Row]) -> pl.DataFrame:
    """Return rows in the types of the cache, numbered where they name no key."""
    types = packed_types(fact)
    key = next(iter(types))
    whole = [{key: number, **{name: value for name, value in _PLAIN.items() if name in types}, **row}
             for number, row in enumerate(rows)]  # fmt: skip
    return pl.DataFrame([{name: row.get(name) for name in types} for row in whole], schema=types, orient="row")


def day(number: float) -> datetime:
    """Return a time so many days after the start."""
    return START + timedelta(days=number)


@pytest.fixture
def facts() -> Callable[..., Facts]:
    """Makes facts of decisions and reviews; each review's item and decision default to its place in the list."""

    def make(decisions: list[Row], reviews: list[Row] = []) -> Facts:  # noqa: B006 - never changed
        decided: list[Row] = [{"item": number, **row} for number, row in enumerate(decisions)]
        given: list[Row] = []
        for number, row in enumerate(reviews):
            place = row.get("item", number)
            of_item: Row = {key: value for key, value in decided[place].items() if key in _SHARED}
            asked_at = decided[place].get("at", START)
            given.append({"item": place, "decision": place, **of_item, "asked_at": asked_at, "at": asked_at, **row})
        return prepare(typed(DECISIONS, decided), typed(REVIEWS, given))

    return make


@pytest.fixture
def figures(facts: Callable[..., Facts]) -> Callable[..., dict[Any, Row]]:
    """Computes the figures of decisions and reviews: by name, or by (group, name) where `by` is given."""

    def compute(decisions: list[Row], reviews: list[Row] = [], **asked: Any) -> dict[Any, Row]:  # noqa: B006
        rows = compute_figures(facts(decisions, reviews), **asked).iter_rows(named=True)
        return {(row["group"], row["metric"]) if asked.get("by") else row["metric"]: row for row in rows}

    return compute
