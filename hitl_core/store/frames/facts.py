"""The facts that reports are made of: which columns, from which rows, in which types.

Two frames, both append-only: decisions, and reviews with what they need of the decision they judge, so that no report
has to join. Keys are kept as the low 64 bits of their UUIDv7 hex (`decision`, `item`, `review`), the time a row was
written as `made_ms` (its high 48 bits): that is what a cache is caught up by, since `at` may follow another clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from hitl_core.store.tables import decisions, items, reviews, tasks

if TYPE_CHECKING:
    import polars as pl

LAYOUT = 2
"""Counts up when a column changes; a cache of another layout is rebuilt."""


class Fact(NamedTuple):
    """One of the frames: its name, the query that reads it, and the column whose time a catch-up goes by."""

    name: str
    query: sa.Select[Any]
    key: sa.ColumnElement[str]


_ITEM = (items.c.project, items.c.domain, items.c.model, items.c.label)
_WHOLE = sa.BigInteger


def _whole(column: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[Any]:
    return sa.type_coerce(column, _WHOLE).label(name)


DECISIONS = Fact(
    "decisions",
    sa.select(
        decisions.c.key.label("decision"),
        decisions.c.supersedes,
        decisions.c.item_key.label("item"),
        decisions.c.seq,
        _whole(decisions.c.created_at, "at"),
        *_ITEM,
        decisions.c.policy_version,
        decisions.c.route,
        decisions.c.reasons,
        decisions.c.raw_confidence,
        decisions.c.confidence,
        decisions.c.audited,
        decisions.c.inclusion_probability,
        decisions.c.origin,
        _whole(decisions.c.due_at, "due_at"),
        decisions.c.path,
        decisions.c.cost_picos,
    ).join_from(decisions, items, decisions.c.item_key == items.c.key),
    decisions.c.key,
)

REVIEWS = Fact(
    "reviews",
    sa.select(
        reviews.c.key.label("review"),
        reviews.c.supersedes,
        reviews.c.kind,
        reviews.c.item_key.label("item"),
        tasks.c.decision_key.label("decision"),
        _whole(reviews.c.created_at, "at"),
        reviews.c.stage,
        reviews.c.reviewer,
        reviews.c.verdict,
        reviews.c.reasons.label("review_reasons"),
        reviews.c.active_seconds,
        _whole(tasks.c.created_at, "asked_at"),
        _whole(tasks.c.due_at, "due_at"),
        reviews.c.origin,
        reviews.c.inclusion_probability,
        *_ITEM,
        decisions.c.policy_version,
        decisions.c.route,
        decisions.c.reasons,
        decisions.c.raw_confidence,
        decisions.c.confidence,
        decisions.c.overlap,
    )
    .join_from(reviews, tasks, reviews.c.task_key == tasks.c.key)
    .join(decisions, tasks.c.decision_key == decisions.c.key)
    .join(items, reviews.c.item_key == items.c.key),
    reviews.c.key,
)
FACTS = (DECISIONS, REVIEWS)

_KEYS = ("decision", "item", "review", "supersedes")
_TIMES = ("at", "due_at", "asked_at")
_CATEGORIES = (
    *("project", "domain", "model", "label", "route", "reasons", "origin", "path", "kind", "stage"),
    *("reviewer", "verdict", "review_reasons"),
)
_REALS = ("raw_confidence", "confidence", "inclusion_probability", "active_seconds")
_SMALL = ("seq", "policy_version", "overlap")
_TEXTS = ("body",)


def read_types(fact: Fact) -> dict[str, Any]:
    """Return the polars type of each column as the database gives it."""
    import polars as pl

    kinds: dict[str, Any] = dict.fromkeys((*_TIMES, *_SMALL, "cost_picos"), pl.Int64)
    kinds |= dict.fromkeys(_REALS, pl.Float64) | {"audited": pl.Boolean}
    return {column.name: kinds.get(column.name, pl.String) for column in fact.query.selected_columns}


def packed(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows as read in the types that the cache keeps, with `made_ms`."""
    import polars as pl

    key = rows.columns[0]
    made = pl.col(key).str.slice(0, 12).str.to_integer(base=16, dtype=pl.Int64).alias("made_ms")
    columns = [_typed(name) for name in rows.columns if name != "cost_picos"]
    if "cost_picos" in rows.columns:
        columns.append((pl.col("cost_picos").cast(pl.Float64) / 1e12).alias("cost_usd"))
    return rows.select(*columns, made)


def packed_types(fact: Fact) -> dict[str, Any]:
    """Return the name and type of every column of the cached frame."""
    import polars as pl

    return dict(packed(pl.DataFrame(schema=read_types(fact))).schema)


def _typed(name: str) -> pl.Expr:
    import polars as pl

    column = pl.col(name)
    if name in _KEYS:
        return column.str.slice(16, 16).str.to_integer(base=16, dtype=pl.UInt64)
    if name in _TIMES:
        return column.cast(pl.Datetime("us", "UTC"))
    if name in _CATEGORIES:
        return column.cast(pl.Categorical)
    if name in _REALS:
        return column.cast(pl.Float64)  # half the size would move a confidence off the threshold it was equal to
    if name in _TEXTS:
        return column
    return column.cast(pl.Int32) if name in _SMALL else column.cast(pl.Boolean)
