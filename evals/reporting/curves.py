"""What the curves of a report are drawn from: risk against coverage, reliability bins, confusion counts, fronts."""

from __future__ import annotations

import numpy as np
import polars as pl

from hitl_core.stats.intervals import wilson

CURVE_POINTS = 400


def risk_coverage(rows: pl.DataFrame, confidence: str = "confidence", right: str = "right") -> pl.DataFrame:
    """The error of the most confident share of the rows, for every share; ties are taken in together.

    Args:
        rows: one row an output.
        confidence: column of numbers.
        right: column of bool.

    Returns:
        Frame: threshold, coverage, risk, n (rows taken in), thinned to at most `CURVE_POINTS` rows.
    """
    held = rows.select(confidence=pl.col(confidence), wrong=(~pl.col(right)).cast(pl.Float64)).drop_nulls()
    steps = (
        held.group_by(threshold="confidence")
        .agg(n=pl.len(), wrong=pl.col("wrong").sum())
        .sort("threshold", descending=True)
        .with_columns(pl.col("n", "wrong").cum_sum())
        .select("threshold", coverage=pl.col("n") / max(held.height, 1), risk=pl.col("wrong") / pl.col("n"), n="n")
    )
    if steps.height <= CURVE_POINTS:
        return steps
    kept = np.unique(np.linspace(0, steps.height - 1, CURVE_POINTS).round().astype(int))
    return steps.select(pl.all().gather(kept.tolist()))


def reliability(
    rows: pl.DataFrame, confidence: str = "confidence", right: str = "right", bins: int = 10
) -> pl.DataFrame:
    """Share of right outputs against mean confidence, in bins of about equally many rows.

    Returns:
        Frame: confidence (mean of the bin), rate, low, high (Wilson, 95 %, rows taken as independent), n.
    """
    held = rows.select(confidence=pl.col(confidence), right=pl.col(right).cast(pl.Float64)).drop_nulls()
    if held.is_empty():
        return pl.DataFrame(schema=dict.fromkeys(("confidence", "rate", "n", "low", "high"), pl.Float64))
    rank = (pl.col("confidence").rank("min") - 1) * bins / held.height
    table = (
        held.with_columns(bin=rank.floor().cast(pl.Int64))
        .group_by("bin")
        .agg(pl.col("confidence").mean(), rate=pl.col("right").mean(), hits=pl.col("right").sum(), n=pl.len())
        .sort("bin")
    )
    bounds = [wilson(int(hits), n) for hits, n in table.select("hits", "n").iter_rows()]
    low, high = ([float(bound[side]) for bound in bounds] for side in (0, 1))
    return table.select("confidence", "rate", "n").with_columns(low=pl.Series(low), high=pl.Series(high))


def confusion(rows: pl.DataFrame, said: str = "said", people: str = "people") -> pl.DataFrame:
    """Counts of what was said against what people say.

    Returns:
        Frame: said, people (text), n; pairs that never occur are left out.
    """
    pairs = rows.select(said=pl.col(said).cast(pl.String), people=pl.col(people).cast(pl.String)).drop_nulls()
    return pairs.group_by("said", "people").agg(n=pl.len()).sort("said", "people")


def front(points: pl.DataFrame) -> pl.DataFrame:
    """Mark the points that no other one beats in both cost and quality.

    Args:
        points: name, cost, quality, and more columns.

    Returns:
        Frame: the same sorted by cost, with `best` (bool).
    """
    return points.sort("cost", pl.col("quality"), descending=[False, True]).with_columns(
        best=pl.col("quality") > pl.col("quality").cum_max().shift(1).fill_null(-np.inf)
    )
