"""Metric: one figure of many rows, with a bootstrap interval that resamples groups, not rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from evals.suite import Measure
from hitl_core.stats import clopper_pearson
from hitl_core.stats.bootstrap import BootstrapEstimate, bootstrap_counts

Floats = NDArray[np.float64]
REPLICATES = 1000
NOTHING = BootstrapEstimate(float("nan"), float("nan"), float("nan"), float("nan"))


def mean_by_group(
    numerator: ArrayLike,
    denominator: ArrayLike,
    groups: Sequence[Any],
    *,
    share: bool = False,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> BootstrapEstimate:
    """A ratio of sums, such as right answers to answers, with an interval over resampled groups.

    Args:
        numerator: of each row, shape (n,).
        denominator: of each row, shape (n,); ones for a mean.
        groups: of each row; rows of one group are drawn together.
        share: the ratio is a share. Where it is 0 or 1 all resamples are alike, which says nothing about its spread:
            then the ends are exact binomial (Clopper and Pearson), of groups.
        replicates: number of resamples.
        seed: of the resampling.
    """
    above, below = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    if not below.size or below.sum() == 0:
        return NOTHING
    index = group_index(groups)
    sums = np.column_stack([np.bincount(index, above), np.bincount(index, below)])
    patterns, counts = np.unique(sums, axis=0, return_counts=True)

    def ratio(weights: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((weights @ patterns[:, 0]) / (weights @ patterns[:, 1]))

    found = bootstrap_counts(ratio, counts, replicates=replicates, seed=seed)
    return _with_exact_ends(found, int(counts[patterns[:, 1] > 0].sum())) if share else found


def _with_exact_ends(found: BootstrapEstimate, groups: int) -> BootstrapEstimate:
    if found.value not in (0.0, 1.0):
        return found
    exact = clopper_pearson(found.value * groups, groups)
    return found._replace(low=exact.low, high=exact.high)


def statistic_by_group(
    statistic: Callable[[Floats], Floats], groups: Sequence[Any], *, replicates: int = 400, seed: int = 0
) -> BootstrapEstimate:
    """Any statistic of weighted rows with an interval over resampled groups.

    Args:
        statistic: maps row weights of shape (m, n) to m values.
        groups: of each of the n rows.
        replicates: number of resamples.
        seed: of the resampling.
    """
    index = group_index(groups)
    if not index.size:
        return NOTHING
    counts = np.ones(int(index.max()) + 1)
    return bootstrap_counts(lambda drawn: statistic(drawn[:, index]), counts, replicates=replicates, seed=seed)


def auroc(confidence: ArrayLike, right: ArrayLike, groups: Sequence[Any], *, seed: int = 0) -> BootstrapEstimate:
    """Chance that a right output has a higher confidence than a wrong one, ties counting half; .5 is no signal."""
    score, truth = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    order = np.argsort(score, kind="stable")
    truth, group = truth[order], [groups[place] for place in order]
    _, level = np.unique(score[order], return_inverse=True)
    starts = np.flatnonzero(np.r_[True, np.diff(level) > 0]) if level.size else np.array([], dtype=int)

    def statistic(weights: Floats) -> Floats:
        ones = np.add.reduceat(weights * truth, starts, axis=1)
        zeros = np.add.reduceat(weights * (1 - truth), starts, axis=1)
        below = np.cumsum(zeros, axis=1) - zeros / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((ones * below).sum(1) / (ones.sum(1) * zeros.sum(1)))

    return statistic_by_group(statistic, group, seed=seed) if truth.size else NOTHING


def aurc(confidence: ArrayLike, right: ArrayLike, groups: Sequence[Any], *, seed: int = 0) -> BootstrapEstimate:
    """Area under the risk-coverage curve: mean error of the most confident share, over all shares. Lower is better.

    Geifman and El-Yaniv, "Selective classification for deep neural networks" (2017). Ties are taken in together.
    """
    score, truth = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    order = np.argsort(-score, kind="stable")
    wrong, group = 1 - truth[order], [groups[place] for place in order]
    _, level = np.unique(-score[order], return_inverse=True)
    starts = np.flatnonzero(np.r_[True, np.diff(level) > 0]) if level.size else np.array([], dtype=int)

    def statistic(weights: Floats) -> Floats:
        mass = np.add.reduceat(weights, starts, axis=1)
        errors = np.add.reduceat(weights * wrong, starts, axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            risk = np.nan_to_num(np.cumsum(errors, axis=1) / np.cumsum(mass, axis=1))
            return np.asarray((risk * mass).sum(1) / mass.sum(1))

    return statistic_by_group(statistic, group, seed=seed) if wrong.size else NOTHING


def rate(
    rows: pl.DataFrame,
    column: str,
    name: str = "",
    *,
    slice_: str = "",
    share: bool = False,
    seed: int = 0,
    **more: Any,
) -> Measure:
    """The mean of a bool or number column over the rows that have it, resampled by `group`.

    Args:
        rows: with `group` and the column.
        column: what to average.
        name: of the measure; by default the column's.
        slice_: which part of the data these rows are.
        share: the values are shares, as a bool column's always are.
        seed: of the resampling.
        **more: other fields of the Measure.
    """
    held = rows.filter(pl.col(column).is_not_null())
    values = held[column].cast(pl.Float64).to_numpy()
    share = share or held[column].dtype == pl.Boolean
    found = mean_by_group(values, np.ones(values.size), held["group"].to_list(), share=share, seed=seed)
    return measure(name or column, found, held.height, slice=slice_, **more)


def measure(name: str, found: BootstrapEstimate, n: int, **more: Any) -> Measure:
    """A bootstrap estimate as a Measure; bounds that are undefined are left out."""
    low, high = (float(each) if np.isfinite(each) else None for each in (found.low, found.high))
    return Measure(name, float(found.value), low, high, n, **more)


def group_index(groups: Sequence[Any]) -> NDArray[np.int64]:
    """Number the groups from 0, in order of appearance."""
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.int64)
