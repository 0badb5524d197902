"""From the frame of reviews to opinions that stand, and to one label for each output. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import orjson

from hitl_core.domain.labels import COSMETIC, is_correct

if TYPE_CHECKING:
    import polars as pl

OF_SETTLING = ("review", "asked_at", "stage", "reviewer")
"""What settles several opinions, beside `right` and the time."""


def opinions(reviews: pl.DataFrame, cosmetic: Collection[str] = COSMETIC) -> pl.DataFrame:
    """Return the reviews that were not taken back, with two columns more.

    `right` says what the review says of the output, by the one label rule (domain/labels.py); `shared` that its output
    has several opinions.
    """
    return judged(reviews, cosmetic).filter("stands").drop("stands")


def judged(reviews: pl.DataFrame, cosmetic: Collection[str] = COSMETIC) -> pl.DataFrame:
    """Return all reviews with `right` and `shared` as `opinions`, and `stands`: that the review was not taken back.

    Nothing is copied: ten million decisions have so many reviews that each copy of all columns costs a second.
    """
    undone = reviews["kind"] == "undo"
    stands = ~undone
    if undone.any():
        stands &= ~among(reviews["review"], reviews["supersedes"].filter(undone))
    shared = among(reviews["item"], _repeated(reviews["item"].filter(stands)))
    return reviews.with_columns(_right(reviews, cosmetic), shared.alias("shared"), stands.alias("stands"))


def among(keys: pl.Series, few: pl.Series) -> pl.Series:
    """Say of each key whether it is one of a few; an empty key is none of them."""
    import polars as pl

    if not few.len():
        return pl.repeat(value=False, n=keys.len(), dtype=pl.Boolean, eager=True)
    return keys.is_in(few.drop_nulls().implode()).fill_null(value=False)


def _repeated(items: pl.Series) -> pl.Series:
    """Return the items that occur more than once; sorting is several times faster than hashing here."""
    ranked = items.sort()
    return ranked.filter(ranked == ranked.shift()).unique()


def labels_of(given: pl.DataFrame, counts: pl.Series, columns: Sequence[str]) -> pl.DataFrame:
    """Return one row that stands for each output: its newest opinion's, with `right` as domain/labels.py settles it.

    A senior's word wins; else each reviewer has one voice, the newest, and the majority holds; an even split is wrong.
    `at` becomes the time when the first opinion was asked for, which is that of the decision: labels belong to the
    output's time.

    Args:
        given: reviews as `judged` returns them.
        counts: which of them the labels are made of; the others come back too, with `stands` false.
        columns: what to return beside item, at, right and stands.
    """
    import polars as pl

    wanted = ("item", "right", *columns)
    alone = given.select(*wanted, (counts & ~given["shared"]).alias("stands"), at="asked_at")
    several = given.select(*wanted, "stands", "at", *OF_SETTLING).filter(counts & given["shared"])
    shared = several.sort("at", "review")
    if not shared.height:
        return alone
    senior = shared.filter(pl.col("stage") == "adjudicate").group_by("item").agg(pl.col("right").last())
    voices = shared.group_by("item", "reviewer").agg(pl.col("right").last())
    peers = voices.group_by("item").agg(pl.col("right").mean() > 0.5).join(senior, on="item", how="anti")
    settled = pl.concat([senior, peers])
    newest = shared.group_by("item").agg(pl.col("stands", *columns).last(), at=pl.col("asked_at").min())
    return pl.concat([alone, newest.join(settled, on="item").select(alone.columns)])


def _right(kept: pl.DataFrame, cosmetic: Collection[str]) -> pl.Expr:
    """Apply the rule once for each distinct list of reasons that came with an edit."""
    import polars as pl

    edit = pl.col("verdict") == "edit"
    given = kept.lazy().filter(edit).select("review_reasons").collect()["review_reasons"].unique()
    styled = [text for text in given.cast(pl.String) if is_correct("edit", orjson.loads(text), cosmetic)]
    approved = pl.col("verdict") == "approve"
    if styled:
        approved |= edit & pl.col("review_reasons").is_in(pl.Series(styled, dtype=pl.Categorical).implode())
    return approved.alias("right")
