"""Rows into bins of confidence, as sums that every binned statistic starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hitl_core.calibration.rows import FloatArray, Rows, checked_rows, normal_quantile
from hitl_core.domain.errors import InputError

Strategy = Literal["width", "mass"]
# Weights beyond this many distinct values are grouped by quantile for the bootstrap.
WEIGHT_CLASSES = 8
MOST_BINS = 100_000


@dataclass(frozen=True)
class Bins:
    """Sums over the rows of each bin that holds rows; arrays of shape (bins,) in order of confidence.

    `low` and `high` are the bin's edges, `n` its rows, `weight` the sum of weights, `squares` of squared weights,
    `confidence` and `correct` the weighted means.
    """

    low: FloatArray
    high: FloatArray
    n: NDArray[np.int64]
    weight: FloatArray
    squares: FloatArray
    confidence: FloatArray
    correct: FloatArray

    @property
    def share(self) -> FloatArray:
        """Each bin's part of the weight."""
        return np.asarray(self.weight / self.weight.sum(), dtype=np.float64)

    @property
    def gap(self) -> FloatArray:
        """Weighted accuracy minus mean confidence."""
        return self.correct - self.confidence

    @property
    def effective_n(self) -> FloatArray:
        """Kish's effective number of rows."""
        return self.weight**2 / self.squares


def bin_edges(rows: Rows, bins: int, strategy: Strategy) -> FloatArray:
    """Return rising edges from 0 to 1; a bin holds its lower edge, the last one holds 1 as well.

    Equal mass puts the same weight into each bin; rows with one confidence stay together, so there may be fewer bins.
    """
    if not isinstance(bins, int | float | np.number) or not 1 <= bins <= MOST_BINS or bins != int(bins):
        raise InputError(f"bins must be a whole number from 1 to {MOST_BINS:,}; got {bins!r}")
    if not isinstance(strategy, str) or strategy not in get_args(Strategy):
        raise InputError(f"strategy must be width or mass; got {strategy!r}")
    if strategy == "width":
        # Divided, not added up: .3 is then the edge that .3 is.
        return np.arange(int(bins) + 1) / int(bins)
    order = np.argsort(rows.confidence, kind="stable")
    below = np.cumsum(rows.weight[order]) - rows.weight[order]
    starts = np.searchsorted(below, rows.weight.sum() * np.arange(1, int(bins)) / int(bins) - 1e-9)
    inner = rows.confidence[order][np.minimum(starts, order.size - 1)]
    return np.unique(np.concatenate([[0.0], inner[(inner > 0) & (inner < 1)], [1.0]]))


def bin_of(confidence: FloatArray, edges: FloatArray) -> NDArray[np.int64]:
    """Return the number of the bin of each row."""
    return np.searchsorted(edges[1:-1], confidence, side="right").astype(np.int64, copy=False)


def binned(rows: Rows, edges: FloatArray) -> Bins:
    """Return the sums of the bins that hold rows."""
    where = bin_of(rows.confidence, edges)
    size = edges.size - 1
    n = np.bincount(where, minlength=size)
    weight = np.bincount(where, rows.weight, size).astype(np.float64)
    filled = n > 0
    return Bins(
        low=edges[:-1][filled],
        high=edges[1:][filled],
        n=n[filled].astype(np.int64),
        weight=weight[filled],
        squares=np.bincount(where, rows.weight**2, size)[filled].astype(np.float64),
        confidence=np.bincount(where, rows.weight * rows.confidence, size)[filled] / weight[filled],
        correct=np.bincount(where, rows.weight * rows.correct, size)[filled] / weight[filled],
    )


def checked_bins(
    confidence: ArrayLike,
    correct: ArrayLike,
    weights: ArrayLike | None,
    *,
    bins: int,
    strategy: Strategy,
    level: float,
) -> tuple[Rows, FloatArray, Bins]:
    """Check what every binned measure is given; return the rows, the edges and the sums.

    Raises:
        InputError: the arrays do not fit, or an option is out of range.
    """
    rows = checked_rows(confidence, correct, weights)
    edges = bin_edges(rows, bins, strategy)
    normal_quantile(level)
    return rows, edges, binned(rows, edges)


@dataclass(frozen=True)
class Strata:
    """Sufficient statistics for intervals of binned measures; a stratum is the rows of one bin and class of weight.

    Arrays of shape (strata,): the bin's number, the rows, how many of them are right, the sum of weights, and the sum
    of weight × (correct - confidence).
    """

    bins: int
    where: NDArray[np.int64]
    n: NDArray[np.int64]
    right: NDArray[np.int64]
    weight: FloatArray
    excess: FloatArray

    def drawn_gaps(self, replicates: int, seed: int) -> tuple[FloatArray, FloatArray]:
        """Return share and gap of each bin, shape (replicates, bins), as other rows might have shown them.

        Sizes of the strata are resampled; each one's accuracy is drawn from its Jeffreys posterior, Beta(right + 1/2,
        wrong + 1/2). A bootstrap of the rows would take the accuracy of a stratum without a wrong row for certain.
        """
        generator = np.random.default_rng(seed)
        total = int(self.n.sum())
        sizes = generator.multinomial(total, self.n / total, size=replicates) / self.n
        drawn = generator.beta(self.right + 0.5, self.n - self.right + 0.5, size=(replicates, self.n.size))
        expected = (self.right + 0.5) / (self.n + 1.0)
        into = np.zeros((self.where.size, self.bins))
        into[np.arange(self.where.size), self.where] = 1.0
        weight = (sizes * self.weight) @ into
        gap = (sizes * (self.excess + self.weight * (drawn - expected))) @ into
        gap = np.divide(gap, weight, out=np.zeros_like(gap), where=weight > 0)
        return weight / weight.sum(axis=1, keepdims=True), gap


def strata(rows: Rows, edges: FloatArray) -> Strata:
    """Group the rows by bin and class of weight."""
    values = np.unique(rows.weight)
    cuts = values[1:] if values.size <= WEIGHT_CLASSES else np.quantile(rows.weight, np.arange(1, 8) / 8)
    size = edges.size - 1
    code = bin_of(rows.confidence, edges) * (cuts.size + 1) + np.searchsorted(cuts, rows.weight, side="right")
    n = np.bincount(code, minlength=size * (cuts.size + 1))
    filled = np.flatnonzero(n)

    def total(values: FloatArray) -> FloatArray:
        return np.asarray(np.bincount(code, values, n.size)[filled], dtype=np.float64)

    return Strata(
        bins=size,
        where=filled // (cuts.size + 1),
        n=n[filled].astype(np.int64),
        right=np.round(total(rows.correct.astype(np.float64))).astype(np.int64),
        weight=total(rows.weight),
        excess=total(rows.weight * (rows.correct - rows.confidence)),
    )
