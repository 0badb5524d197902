"""Venn-Abers: two isotonic fits, one that takes the new row for wrong and one that takes it for right.

Vovk, Petej and Fedorova, "Large-scale probabilistic predictors with and without guarantees of validity" (2015). One of
the two probabilities is calibrated whatever the confidences mean; their distance says how little the rows know.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize

from hitl_core.calibration.rows import FloatArray, Rows, checked_confidence, checked_rows

# Above this many distinct confidences neighbours share a point; the fit then takes a fraction of a second.
MOST_POINTS = 400


class VennAbers(NamedTuple):
    """Fitted pairs: `points` are the distinct confidences, rising, shape (m,).

    `p0` and `p1` have shape (2m + 1,): entries at odd places belong to the points, those at even places to the gaps
    before, between and after them.
    """

    points: FloatArray
    p0: FloatArray
    p1: FloatArray

    def pair(self, confidence: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return the probabilities of being right if the row is wrong (p0) and if it is right (p1)."""
        given = checked_confidence(confidence)
        left = np.searchsorted(self.points, given, side="left")
        place = left + np.searchsorted(self.points, given, side="right")
        return self.p0[place], self.p1[place]

    def merged(self, confidence: ArrayLike) -> FloatArray:
        """Return p1 / (1 - p0 + p1), the single probability with the least worst log loss."""
        p0, p1 = self.pair(confidence)
        return np.asarray(p1 / (1 - p0 + p1), dtype=np.float64)


def fit_venn_abers(confidence: ArrayLike, correct: ArrayLike, *, weights: ArrayLike | None = None) -> VennAbers:
    """Fit on labelled rows; with weights the new row counts as one of mean weight.

    Raises:
        InputError: the arrays do not fit.
    """
    return venn_abers(checked_rows(confidence, correct, weights))


def venn_abers(rows: Rows, *, most_points: int = MOST_POINTS) -> VennAbers:
    """Fit on checked rows: two isotonic regressions for each place where a new row can fall."""
    points, where = np.unique(_coarse(rows.confidence, most_points), return_inverse=True)
    scale = rows.weight / rows.weight.mean()
    weight = np.bincount(where, scale).astype(np.float64)
    right = np.bincount(where, scale * rows.correct).astype(np.float64)
    pairs = np.asarray([_pair_at(place, weight, right) for place in range(2 * points.size + 1)])
    return VennAbers(points, pairs[:, 0], pairs[:, 1])


def _coarse(confidence: FloatArray, most_points: int) -> FloatArray:
    """Move confidences down to quantiles where there are more distinct ones than points."""
    if np.unique(confidence).size <= most_points:
        return confidence
    grid = np.unique(np.quantile(confidence, np.linspace(0, 1, most_points), method="lower"))
    return np.asarray(grid[np.searchsorted(grid, confidence, side="right") - 1], dtype=np.float64)


def _pair_at(place: int, weight: FloatArray, right: FloatArray) -> tuple[float, float]:
    """Isotonic values of a new row, wrong and right, on a point (odd place) or in a gap (even place)."""
    at = place // 2
    if place % 2 == 0:
        weight, right = np.insert(weight, at, 0.0), np.insert(right, at, 0.0)
    heavier = weight.copy()
    heavier[at] += 1
    hits = right.copy()
    hits[at] += 1
    low = optimize.isotonic_regression(right / heavier, weights=heavier).x[at]
    high = optimize.isotonic_regression(hits / heavier, weights=heavier).x[at]
    return float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1))
