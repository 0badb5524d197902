"""A figure for each group with its interval: shares, weighted shares, quantiles, F1, calibration error. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hitl_core.stats import wilson_bounds

if TYPE_CHECKING:
    import polars as pl

MOST_BANDS = 60
"""With more groups than this the calibration error comes without its bootstrap interval."""
FEWEST_FOR_CALIBRATION = 50
ALL, NONE = "all", "(none)"
Floats = NDArray[np.float64]


class Part(NamedTuple):
    """A figure for each group: value with bounds, its numerator and denominator, and the rows it rests on."""

    name: str
    groups: list[Any]
    value: Floats
    low: Floats
    high: Floats
    numerator: Floats
    denominator: Floats
    n: Floats


def weighted(name: str, rows: pl.DataFrame, hit: pl.Expr, level: float) -> Part:
    """Return weighted shares: Wilson intervals with Kish's effective n."""
    import polars as pl

    sums = rows.group_by("group").agg(
        (pl.col("w") * hit).sum().alias("hits"),
        pl.col("w").sum().alias("mass"),
        (pl.col("w") ** 2).sum().alias("squares"),
        pl.len().alias("n"),
    )
    hits, mass = floats(sums["hits"]), floats(sums["mass"])
    value, kish = hits / mass, mass**2 / floats(sums["squares"])
    low, high = wilson_bounds(value * kish, kish, confidence=level)
    return Part(name, named(sums["group"]), value, low, high, hits, mass, floats(sums["n"]))


def f1(rows: pl.DataFrame, level: float) -> Part:
    """Return F1 of letting outputs go, through the share J = TP / (TP + FP + FN): F1 = 2J / (1 + J)."""
    import polars as pl

    w, auto, right = pl.col("w"), pl.col("auto"), pl.col("right")
    sums = rows.group_by("group").agg(
        (w * (auto & right)).sum().alias("tp"),
        (w * (auto & ~right)).sum().alias("fp"),
        (w * (~auto & right)).sum().alias("fn"),
        (w**2 * (auto | right)).sum().alias("squares"),
        pl.len().alias("n"),
    )
    sums = sums.filter(2 * pl.col("tp") + pl.col("fp") + pl.col("fn") > 0)
    tp, rest = floats(sums["tp"]), floats(sums["fp"]) + floats(sums["fn"])
    mass = tp + rest
    kish = mass**2 / np.maximum(floats(sums["squares"]), np.finfo(float).tiny)
    low, high = wilson_bounds(tp / mass * kish, kish, confidence=level)
    value, low, high = (np.asarray(2 * jaccard / (1 + jaccard)) for jaccard in (tp / mass, low, high))
    return Part("f1", named(sums["group"]), value, low, high, 2 * tp, 2 * tp + rest, floats(sums["n"]))


def calibration(rows: pl.DataFrame, level: float) -> Part:
    """Return the debiased calibration error of groups with enough rows."""
    import polars as pl

    from hitl_core.calibration import debiased_calibration_error

    usable = rows.filter(pl.col("confidence").is_not_null())
    lists = (
        usable.group_by("group")
        .agg("confidence", "right", "w")
        .filter(pl.col("w").list.len() >= FEWEST_FOR_CALIBRATION)
    )
    groups = named(lists["group"])
    replicates = 200 if len(groups) <= MOST_BANDS else 0
    found = [
        debiased_calibration_error(
            confidence.to_numpy(),
            right.to_numpy(),
            weights=weights.to_numpy(),
            level=level,
            replicates=replicates,
        )
        for confidence, right, weights in zip(lists["confidence"], lists["right"], lists["w"], strict=True)
    ]
    n = np.array([each.n for each in found], dtype=np.float64)
    value, low, high = (
        np.array([getattr(each, name) for each in found], dtype=np.float64) for name in ("value", "low", "high")
    )
    return Part("calibration_error", groups, value, low, high, value, np.ones(n.size), n)


def quantiles(shares: Mapping[str, float], rows: pl.DataFrame, level: float) -> list[Part]:
    """Return quantiles with the interval of order statistics (David and Nagaraja, Order Statistics, section 7.1).

    Args:
        shares: the share below each quantile, by the figure's name.
        rows: group, seconds.
        level: of the intervals.
    """
    lists = rows.group_by("group").agg("seconds")
    groups, values = named(lists["group"]), [each.to_numpy() for each in lists["seconds"]]
    parts = []
    for name, below in shares.items():
        picked = np.array([_quantile(each, below, level) for each in values]).reshape(-1, 3)
        sizes = np.array([each.size for each in values], dtype=np.float64)
        value, low, high = picked.T
        parts.append(Part(name, groups, value, low, high, value, np.ones(sizes.size), sizes))
    return parts


def _quantile(values: NDArray[Any], below: float, level: float) -> tuple[float, float, float]:
    """Return a quantile and its bounds; only the ranks that are wanted are put in order."""
    from scipy import stats

    tail, last = (1 - level) / 2, values.size - 1
    low = int(max(stats.binom.ppf(tail, values.size, below) - 1, 0))
    high = int(min(stats.binom.ppf(1 - tail, values.size, below), last))
    floor = int(below * last)
    ceiling = min(floor + 1, last)
    ranked = np.partition(values, sorted({low, floor, ceiling, high}))
    between = float(ranked[floor]) + (below * last - floor) * float(ranked[ceiling] - ranked[floor])
    return between, float(ranked[low]), float(ranked[high])


def named(groups: pl.Series) -> list[str]:
    """Return groups as text: a time by its date, nothing as (none), the only group as all."""
    import polars as pl

    if groups.dtype == pl.Boolean:
        return [ALL] * groups.len()
    text = groups.dt.strftime("%Y-%m-%d") if groups.dtype.is_temporal() else groups.cast(pl.String)
    return text.fill_null(NONE).to_list()


def share(name: str, groups: list[Any], hits: Floats, total: Floats, level: float) -> Part:
    """Return shares with Wilson intervals; groups without a denominator are left out."""
    there = total > 0
    hits, total = hits[there], total[there]
    low, high = wilson_bounds(hits, total, confidence=level)
    kept = [group for group, keep in zip(groups, there, strict=True) if keep]
    return Part(name, kept, hits / total, low, high, hits, total, total)


def counted(name: str, groups: list[Any], total: Floats) -> Part:
    """Return plain counts, which are known exactly."""
    return Part(name, groups, total, total, total, total, np.ones(total.size), total)


def nothing() -> Part:
    """Return a figure of no group."""
    empty = np.zeros(0)
    return Part("", [], empty, empty, empty, empty, empty, empty)


def floats(series: pl.Series) -> Floats:
    """Return a column as numbers."""
    import polars as pl

    return series.cast(pl.Float64).to_numpy()


def frame(part: Part) -> pl.DataFrame:
    """Return a figure as rows of the report."""
    import polars as pl

    numbers = {name: getattr(part, name) for name in ("value", "low", "high")}
    frame = pl.DataFrame(
        {
            "group": pl.Series(part.groups, dtype=pl.String),
            "metric": pl.Series([part.name] * len(part.groups), dtype=pl.String),
            **numbers,
            "n": part.n.astype(np.int64),
            "numerator": part.numerator,
            "denominator": part.denominator,
        }
    )
    return frame.with_columns(pl.col("low", "high").fill_nan(None))
