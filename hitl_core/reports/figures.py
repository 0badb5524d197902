"""A figure for each group with its interval: shares, weighted shares, quantiles, F1, calibration error. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hitl_core.stats import wilson_bounds

if TYPE_CHECKING:
    import polars as pl

MOST_BANDS = 60
"""With more groups than this the calibration error comes without its bootstrap interval."""
FEWEST_FOR_CALIBRATION = 50
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
    return Part(name, sums["group"].to_list(), value, low, high, hits, mass, floats(sums["n"]))


def f1(rows: pl.DataFrame) -> Part:
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
    low, high = wilson_bounds(tp / mass * kish, kish)
    value, low, high = (np.asarray(2 * jaccard / (1 + jaccard)) for jaccard in (tp / mass, low, high))
    return Part("f1", sums["group"].to_list(), value, low, high, 2 * tp, 2 * tp + rest, floats(sums["n"]))


def calibration(rows: pl.DataFrame, level: float) -> Part:
    """Return the debiased calibration error of groups with enough rows."""
    import polars as pl

    from hitl_core.calibration import debiased_calibration_error

    usable = rows.filter(pl.col("confidence").is_not_null()).select("group", "confidence", "right", "w")
    groups = usable.partition_by("group", as_dict=True, include_key=False)
    groups = {key: part for key, part in groups.items() if part.height >= FEWEST_FOR_CALIBRATION}
    replicates = 200 if len(groups) <= MOST_BANDS else 0
    found = [
        debiased_calibration_error(
            part["confidence"].to_numpy(),
            part["right"].to_numpy(),
            weights=part["w"].to_numpy(),
            level=level,
            replicates=replicates,
        )
        for part in groups.values()
    ]
    n = np.array([each.n for each in found], dtype=np.float64)
    value, low, high = (
        np.array([getattr(each, name) for each in found], dtype=np.float64) for name in ("value", "low", "high")
    )
    return Part("calibration_error", [key[0] for key in groups], value, low, high, value, np.ones(n.size), n)


def quantile(name: str, rows: pl.DataFrame, share: float, level: float) -> Part:
    """A quantile with the interval of order statistics (David and Nagaraja, Order Statistics, section 7.1)."""
    import polars as pl
    from scipy import stats

    lists = rows.group_by("group").agg(pl.col("seconds").cast(pl.Float64).sort())
    sizes = floats(lists["seconds"].list.len())
    tail = (1 - level) / 2
    low_at = np.clip(stats.binom.ppf(tail, sizes, share) - 1, 0, None)
    high_at = np.clip(stats.binom.ppf(1 - tail, sizes, share), None, sizes - 1)
    picked = [
        (np.quantile(values, share), values[int(low)], values[int(high)])
        for values, low, high in zip(map(np.asarray, lists["seconds"]), low_at, high_at, strict=True)
    ]
    value, low, high = np.array(picked, dtype=np.float64).reshape(-1, 3).T
    return Part(name, lists["group"].to_list(), value, low, high, value, np.ones(sizes.size), sizes)


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
