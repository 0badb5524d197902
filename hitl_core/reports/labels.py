"""From the frame of reviews to opinions that stand, and to one label for each output. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import orjson

from hitl_core.domain.labels import COSMETIC, is_correct

if TYPE_CHECKING:
    import polars as pl


def opinions(reviews: pl.DataFrame, cosmetic: Collection[str] = COSMETIC) -> pl.DataFrame:
    """Return the reviews that were not taken back, with two columns more.

    `right` says what the review says of the output, by the one label rule (domain/labels.py); `shared` that its output
    has, or wants, several opinions.
    """
    import polars as pl

    undone = reviews.filter(pl.col("kind") == "undo")["supersedes"]
    kept = reviews.filter(pl.col("kind") == "review")
    if undone.len():
        kept = kept.filter(~pl.col("review").is_in(undone.implode()))
    shared = pl.col("item").is_duplicated() | (pl.col("overlap") > 1)
    return kept.with_columns(_right(kept, cosmetic), shared.alias("shared"))


def item_labels(given: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each output that was labelled by design, see `settled_items`."""
    import polars as pl

    return settled_items(given.filter(pl.col("origin") == "design"))


def settled_items(given: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each output on which these opinions settle: its newest opinion's row, with `right` settled.

    A senior's word wins; else each reviewer has one voice and the majority holds, an even split being wrong. Where
    several opinions are wanted, an output is not settled before all have come or a senior has spoken.
    """
    import polars as pl

    several = pl.col("shared")
    if not given["shared"].any():
        return given
    alone, shared = given.filter(~several), given.filter(several).sort("at")
    senior = shared.filter(pl.col("stage") == "adjudicate").group_by("item").agg(pl.col("right").last())
    voices = shared.group_by("item", "reviewer").agg(pl.col("right").last(), pl.col("overlap").last())
    peers = (
        voices.group_by("item")
        .agg(pl.col("right").mean() > 0.5, (pl.len() >= pl.col("overlap").max()).alias("complete"))
        .filter("complete")
        .join(senior, on="item", how="anti")
    )
    settled = pl.concat([senior, peers.select("item", "right")])
    newest = shared.group_by("item").agg(pl.all().exclude("right").last()).join(settled, on="item")
    return pl.concat([alone, newest.select(alone.columns)])


def _right(kept: pl.DataFrame, cosmetic: Collection[str]) -> pl.Expr:
    """Apply the rule once for each distinct pair of verdict and reasons."""
    import polars as pl

    pairs = kept.select("verdict", "review_reasons").unique().cast(pl.String)
    edits = [
        reasons
        for verdict, reasons in pairs.iter_rows()
        if verdict == "edit" and is_correct(verdict, orjson.loads(reasons), cosmetic)
    ]
    approved = pl.col("verdict") == "approve"
    styled = (pl.col("verdict") == "edit") & pl.col("review_reasons").cast(pl.String).is_in(edits) if edits else None
    return (approved if styled is None else approved | styled).alias("right")
