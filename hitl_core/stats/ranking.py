"""How well scores rank: the area under the ROC curve, with an interval that resamples whole groups."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hitl_core.domain.errors import InputError
from hitl_core.stats.intervals import Interval

FloatArray = NDArray[np.float64]


def ranking_auroc(scores: ArrayLike, positive: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """Return the probability that a random positive row scores above a random negative one; ties count half.

    Args:
        scores: shape (n,), finite.
        positive: shape (n,), true for the rows that should score high.
        weights: shape (n,), at least 0; default all equal.

    Raises:
        InputError: a class has no weight, or the shapes differ.
    """
    score, label = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=bool)
    weight = np.ones(len(score)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not score.shape == label.shape == weight.shape or score.ndim != 1:
        raise InputError("scores, labels and weights must be rows of the same length")
    area = _areas(_Sorted(score, label), weight[None, :])[0]
    if np.isnan(area):
        raise InputError("the area under the ROC curve needs rows of both classes")
    return float(area)


def ranking_interval(
    scores: ArrayLike,
    positive: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    confidence: float = 0.95,
    resamples: int = 500,
    seed: int = 0,
) -> Interval:
    """Return the percentile bootstrap interval of the area; whole groups are drawn, as their rows are dependent.

    Source: Efron and Tibshirani (1993), chapter 13; Field and Welsh (2007) for groups.

    Args:
        scores: as for `ranking_auroc`.
        positive: the same.
        weights: the same.
        groups: shape (n,); default each row is its own group.
        confidence: level of the two-sided interval.
        resamples: number of draws; a draw without both classes is left out.
        seed: of the draws.
    """
    score, label = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=bool)
    weight = np.ones(len(score)) if weights is None else np.asarray(weights, dtype=np.float64)
    codes = np.arange(len(score)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    count = int(codes.max()) + 1
    rng = np.random.default_rng(seed)
    ranked = _Sorted(score, label)
    areas = []
    for _ in range(resamples):
        drawn = np.bincount(rng.integers(count, size=count), minlength=count)
        areas.append(_areas(ranked, (weight * drawn[codes])[None, :])[0])
    kept = np.asarray([each for each in areas if not np.isnan(each)])
    if not len(kept):
        raise InputError("the area under the ROC curve needs rows of both classes")
    low, high = np.quantile(kept, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


class _Sorted:
    """Rows in order of their score, and where runs of equal scores begin."""

    def __init__(self, score: FloatArray, label: NDArray[np.bool_]) -> None:
        self.order = np.argsort(score, kind="stable")
        ordered = score[self.order]
        self.label = label[self.order]
        self.starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(score) else np.array([], int)


def _areas(ranked: _Sorted, weights: FloatArray) -> FloatArray:
    """Return the area for each row of weights, shape (k,); NaN where a class has no weight."""
    if not len(ranked.starts):
        return np.full(len(weights), np.nan)
    ordered = weights[:, ranked.order]
    up = np.add.reduceat(ordered * ranked.label, ranked.starts, axis=1)
    down = np.add.reduceat(ordered * ~ranked.label, ranked.starts, axis=1)
    below = np.cumsum(down, axis=1) - down
    total = up.sum(axis=1) * down.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((up * (below + 0.5 * down)).sum(axis=1) / total, dtype=np.float64)
