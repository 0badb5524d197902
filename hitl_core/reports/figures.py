"""A figure for each group with its interval: shares, weighted shares, quantiles, F1, calibration error. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
TINY = 1e-12
Floats = NDArray[np.float64]


class Part(NamedTuple):
    """A figure for each group: value with bounds, its numerator and denominator, and the rows it rests on."""

    name: str
    groups: list[str]
    value: Floats
    low: Floats
    high: Floats
    numerator: Floats
    denominator: Floats
    n: Floats


def aggregated(rows: pl.LazyFrame, *sums: pl.Expr) -> pl.DataFrame:
    """Return sums for each group that has rows, without a copy of the rows: adding up is quicker than copying is."""
    import polars as pl

    if rows.collect_schema()["group"] != pl.Boolean:
        return rows.group_by("group").agg(*sums).collect(engine="streaming")
    there = (pl.len() > 0).alias("group")  # one group: nothing has to be hashed
    return rows.select(there, *sums).collect(engine="streaming").filter("group")


def weighted(name: str, cells: pl.DataFrame, hit: pl.Expr, level: float) -> Part:
    """Return weighted shares with Wilson intervals on an effective n.

    That is Kish's, or less where heavy rows scatter more than the others: then what the linearised variance of a ratio
    amounts to (Särndal, Swensson and Wretman, Model Assisted Survey Sampling, section 5.5).

    Args:
        name: the figure's.
        cells: rows of the same kind put together: group, n, mass (sum of weights), squares (of their squares).
        hit: which cells count.
        level: of the intervals.
    """
    import polars as pl

    sums = cells.group_by("group").agg(
        pl.col("mass").filter(hit).sum().alias("hits"),
        pl.col("squares").filter(hit).sum().alias("hit_squares"),
        pl.col("mass", "squares", "n").sum(),
    )
    hits, mass, squares = (floats(sums[column]) for column in ("hits", "mass", "squares"))
    value, hit_squares = hits / mass, floats(sums["hit_squares"])
    scatter = hit_squares * (1 - value) ** 2 + (squares - hit_squares) * value**2
    counted_n = np.minimum(value * (1 - value) / np.maximum(scatter, TINY), 1 / squares) * mass**2
    n = np.where(scatter > TINY, counted_n, mass**2 / squares)
    low, high = wilson_bounds(value * n, n, confidence=level)
    return Part(name, named(sums["group"]), value, low, high, hits, mass, floats(sums["n"]))


def f1(cells: pl.DataFrame, level: float) -> Part:
    """Return F1 of letting outputs go, through the share J = TP / (TP + FP + FN): F1 = 2J / (1 + J).

    Args:
        cells: as for `weighted`, with auto (it went out by itself) and right.
        level: of the intervals.
    """
    import polars as pl

    auto, right = pl.col("auto"), pl.col("right")
    share = weighted("f1", cells.filter(auto | right), auto & right, level)
    value, low, high = (np.asarray(2 * jaccard / (1 + jaccard)) for jaccard in (share.value, share.low, share.high))
    return share._replace(
        value=value, low=low, high=high, numerator=2 * share.numerator, denominator=share.numerator + share.denominator
    )


def calibration(rows: pl.DataFrame, level: float) -> Part:
    """Return the debiased calibration error of groups with enough rows."""
    from hitl_core.calibration import debiased_calibration_error

    usable = rows.select("group", "confidence", "right", "w").drop_nulls("confidence")
    groups, arrays = _grouped(usable, "confidence", "right", "w")
    enough = [place for place, each in enumerate(arrays) if each[0].size >= FEWEST_FOR_CALIBRATION]
    groups, arrays = [groups[place] for place in enough], [arrays[place] for place in enough]
    replicates = 200 if len(groups) <= MOST_BANDS else 0
    found = [
        debiased_calibration_error(confidence, right, weights=weights, level=level, replicates=replicates)
        for confidence, right, weights in arrays
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
    groups, arrays = _grouped(rows, "seconds")
    values = [seconds for (seconds,) in arrays]
    picked = np.array([_quantiles(each, tuple(shares.values()), level) for each in values])
    sizes = np.array([each.size for each in values], dtype=np.float64)
    parts = []
    for place, name in enumerate(shares):
        value, low, high = picked.reshape(sizes.size, len(shares), 3)[:, place].T
        parts.append(Part(name, groups, value, low, high, value, np.ones(sizes.size), sizes))
    return parts


def _grouped(rows: pl.DataFrame, *columns: str) -> tuple[list[str], list[list[NDArray[Any]]]]:
    """Return the groups and for each the arrays of its columns."""
    import polars as pl

    if not rows.height:
        return [], []
    if rows["group"].dtype == pl.Boolean:
        return [ALL], [[rows[name].to_numpy() for name in columns]]
    lists = rows.group_by("group").agg(*columns)
    cells = zip(*(lists[name] for name in columns), strict=True)
    return named(lists["group"]), [[each.to_numpy() for each in row] for row in cells]


def _quantiles(values: NDArray[Any], shares: Sequence[float], level: float) -> list[tuple[float, float, float]]:
    """Return quantiles with their bounds; only the ranks that are wanted are put in order."""
    from scipy import stats

    tail, last = (1 - level) / 2, values.size - 1
    lows = [int(max(stats.binom.ppf(tail, values.size, share) - 1, 0)) for share in shares]
    highs = [int(min(stats.binom.ppf(1 - tail, values.size, share), last)) for share in shares]
    floors = [int(share * last) for share in shares]
    ranked = np.partition(values, sorted({*lows, *highs, *floors, *(min(floor + 1, last) for floor in floors)}))
    found = []
    for share, low, high, floor in zip(shares, lows, highs, floors, strict=True):
        step = float(ranked[min(floor + 1, last)] - ranked[floor])
        found.append((float(ranked[floor]) + (share * last - floor) * step, float(ranked[low]), float(ranked[high])))
    return found


def named(groups: pl.Series) -> list[str]:
    """Return groups as text: a time by its date, nothing as (none), the only group as all."""
    import polars as pl

    if groups.dtype == pl.Boolean:
        return [ALL] * groups.len()
    text = groups.dt.strftime("%Y-%m-%d") if groups.dtype.is_temporal() else groups.cast(pl.String)
    return text.fill_null(NONE).to_list()


def share(name: str, groups: list[str], hits: Floats, total: Floats, level: float) -> Part:
    """Return shares with Wilson intervals; groups without a denominator are left out."""
    there = total > 0
    hits, total = hits[there], total[there]
    low, high = wilson_bounds(hits, total, confidence=level)
    kept = [group for group, keep in zip(groups, there, strict=True) if keep]
    return Part(name, kept, hits / total, low, high, hits, total, total)


def mean(name: str, groups: list[str], sums: Floats, squares: Floats, total: Floats, level: float) -> Part:
    """Return means of what is not below 0, with intervals by the central limit theorem.

    Args:
        name: the figure's.
        groups: of which it is one mean each.
        sums: of the values.
        squares: of the values, summed.
        total: how many there are.
        level: of the intervals.
    """
    from scipy import stats

    value = sums / total
    spread = np.sqrt(np.maximum(squares / total - value**2, 0) / np.maximum(total - 1, 1))
    reach = stats.norm.ppf((1 + level) / 2) * spread
    return Part(name, groups, value, np.maximum(value - reach, 0), value + reach, sums, total, total)


def counted(name: str, groups: list[str], total: Floats) -> Part:
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
