"""The bound that is shown while a threshold slider moves: it holds at every position of the grid at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from hitl_core.calibration.rows import FloatArray, checked_confidence, kish_n
from hitl_core.calibration.thresholds.exact_tests import IntArray
from hitl_core.calibration.thresholds.labelled_rows import (
    Labelled,
    equal_chances,
    labelled_rows,
    one_of_each_group,
)
from hitl_core.domain.errors import InputError
from hitl_core.stats import clopper_pearson_bounds
from hitl_core.stats.eprocess import mean_upper_bound

if TYPE_CHECKING:
    import polars as pl

# Betting looks at every row for every position; beyond so many rows they are thinned to equal chances.
MOST_BETS = 300


def slider_bounds(
    confidence: ArrayLike,
    correct: ArrayLike,
    grid: ArrayLike,
    *,
    delta: float,
    inclusion: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    simultaneous: bool = True,
    seed: int = 0,
) -> pl.DataFrame:
    """Return an upper bound of the error at or above each threshold of a grid.

    Args:
        confidence: shape (n,), of the labelled rows.
        correct: shape (n,), whether the output was right.
        grid: thresholds that the slider can stand on, fixed before labels are seen; any order.
        delta: probability that any of the bounds is too small (if simultaneous), or that one of them is.
        inclusion: shape (n,), probability of a label; None where all had the same.
        groups: shape (n,), one row of each group counts.
        simultaneous: share delta among the grid's distinct sets of rows (Bonferroni); False gives shorter bounds that
            each hold alone, for a position named beforehand, and are marked as no guarantee.
        seed: of the choice within groups, of the order of bets and of thinning.

    Returns:
        A polars frame in order of the thresholds with the columns
            threshold: of the grid.
            n, effective_n, errors: labelled rows at or above it, Kish's effective number, wrong rows.
            coverage, coverage_low, coverage_high: estimated share of items at or above it, with its 95 % interval, each
                threshold for itself.
            error: weighted error of those rows; null without rows.
            bound: upper bound of the true error.
            guarantee: whether all bounds hold together with probability 1 - delta.

    Raises:
        InputError: the arrays do not fit, or delta or the grid is out of range.
    """
    import polars as pl

    if not 0 < delta < 1:
        raise InputError(f"delta must be between 0 and 1, such as 0.05; got {delta!r}")
    thresholds = np.unique(checked_confidence(grid))
    if not thresholds.size:
        raise InputError("the grid needs at least one threshold")
    generator = np.random.default_rng(seed)
    rows = one_of_each_group(labelled_rows(confidence, correct, inclusion, groups), generator)
    n = np.searchsorted(-rows.confidence, -thresholds, side="right").astype(np.int64)
    sets = np.unique(n[n > 0]).size
    level = delta / max(1, sets) if simultaneous else delta
    error, effective = rows.rates(thresholds)
    coverage_low, coverage_high = _share_intervals(rows, n)
    return pl.DataFrame(
        {
            "threshold": thresholds,
            "n": n,
            "effective_n": effective,
            "errors": np.concatenate([[0], np.cumsum(rows.wrong)])[n].astype(np.int64),
            "coverage": [rows.share_above(each) for each in thresholds],
            "coverage_low": coverage_low,
            "coverage_high": coverage_high,
            "error": [float(each) if some else None for each, some in zip(error, n, strict=True)],
            "bound": _bounds(rows, thresholds, n, level, generator),
            "guarantee": np.full(thresholds.size, simultaneous),
        },
        schema_overrides={"error": pl.Float64},
    )


def _share_intervals(rows: Labelled, n: IntArray) -> tuple[FloatArray, FloatArray]:
    """Exact at the smaller of Kish's number of rows and of the one that the rows' own variance implies.

    Korn and Graubard, Survey Methodology 24 (1998), as for error rates in `hitl_core.audit.estimate`.
    """
    size = rows.weight.size
    if size < 2:
        return np.zeros(n.size), np.ones(n.size)
    weight, squares = (np.concatenate([[0.0], np.cumsum(each)]) for each in (rows.weight, rows.weight**2))
    share = weight[n] / weight[-1]
    spread = squares[n] * (1 - share) ** 2 + (squares[-1] - squares[n]) * share**2
    variance = spread / weight[-1] ** 2 * size / (size - 1)
    kish = np.full(n.size, kish_n(rows.weight))
    implied = np.divide(share * (1 - share), variance, out=kish.copy(), where=variance > 0)
    used = np.minimum(kish, implied)
    return clopper_pearson_bounds(np.clip(share * used, 0, used), used, confidence=0.95)


def _bounds(
    rows: Labelled, thresholds: FloatArray, n: IntArray, level: float, generator: np.random.Generator
) -> FloatArray:
    """Exact where all rows weigh the same; else by betting in random order, or exact on some of many rows."""
    if rows.weight.size > MOST_BETS:
        rows = equal_chances(rows, generator)[0]
        n = np.searchsorted(-rows.confidence, -thresholds, side="right").astype(np.int64)
    wrong = np.concatenate([[0.0], np.cumsum(rows.wrong)])
    exact = clopper_pearson_bounds(wrong[n], n, confidence=1 - level, side="upper")[1]
    if not rows.weight.size or kish_n(rows.weight) >= rows.weight.size * (1 - 1e-9):
        return exact
    order = generator.permutation(rows.weight.size)
    largest = float(rows.weight.max())
    found: dict[int, float] = {0: 1.0}
    for count in np.unique(n[n > 0]):
        above = order[order < count]
        found[int(count)] = mean_upper_bound(rows.wrong[above], rows.weight[above], delta=level, largest_weight=largest)
    return np.array([found[int(each)] for each in n])
