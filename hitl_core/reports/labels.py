"""From the frame of reviews to opinions that stand, and to one label for each output. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from hitl_core.domain.labels import COSMETIC, is_correct

if TYPE_CHECKING:
    import polars as pl


def opinions(reviews: pl.DataFrame, cosmetic: Collection[str] = COSMETIC) -> pl.DataFrame:
    """Return the reviews that were not taken back, with two columns more.

    `right` says what the review says of the output, by the one label rule (domain/labels.py); `shared` that its output
    has several opinions.
    """
    import polars as pl

    undone = reviews["kind"] == "undo"
    kept = reviews
    if undone.any():
        gone = reviews.filter(undone)["supersedes"]
        kept = reviews.filter(~undone).join(gone.to_frame(), left_on="review", right_on="supersedes", how="anti")
    return kept.with_columns(_right(kept, cosmetic), pl.Series("shared", _twice(kept["item"].to_numpy())))


def _twice(items: NDArray[Any]) -> NDArray[np.bool_]:
    """Say of each item whether it occurs again; sorting is several times faster than hashing here."""
    ranked = np.sort(items)
    twice = np.unique(ranked[1:][ranked[1:] == ranked[:-1]])
    if not twice.size:
        return np.zeros(items.size, dtype=np.bool_)
    found: NDArray[np.bool_] = twice[np.minimum(np.searchsorted(twice, items), twice.size - 1)] == items
    return found


def settled_items(given: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each output: its newest opinion's row, with `right` as domain/labels.py settles opinions.

    A senior's word wins; else each reviewer has one voice, the newest, and the majority holds; an even split is wrong.
    `at` becomes the time when the first opinion was asked for, which is that of the decision: labels belong to the
    output's time.
    """
    import polars as pl

    alone = given.with_columns(at="asked_at")
    if not given["shared"].any():
        return alone
    shared = given.filter("shared").sort("at", "review")
    alone = alone.filter(~pl.col("shared"))
    senior = shared.filter(pl.col("stage") == "adjudicate").group_by("item").agg(pl.col("right").last())
    voices = shared.group_by("item", "reviewer").agg(pl.col("right").last())
    peers = voices.group_by("item").agg(pl.col("right").mean() > 0.5).join(senior, on="item", how="anti")
    settled = pl.concat([senior, peers])
    newest = shared.group_by("item").agg(pl.all().exclude("right", "at").last(), at=pl.col("asked_at").min())
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
