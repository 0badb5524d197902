"""Bootstrap over sufficient statistics: resample how often each distinct observation occurs, not the rows.

A hundred thousand units with five raters and two labels have 32 distinct rows, so a replicate is one multinomial draw
of 32 numbers. Give one pattern for each group (a document, a question) to resample groups of dependent rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from hitl_core.domain.errors import InputError

FloatArray = NDArray[np.float64]
# Replicates are drawn in blocks of at most this many cells (16 MB).
BLOCK_CELLS = 2_000_000
# With fewer defined replicates than this share the spread says nothing.
LEAST_DEFINED = 0.5


class BootstrapEstimate(NamedTuple):
    """A statistic of the sample with its bootstrap interval and standard error."""

    value: float
    low: float
    high: float
    se: float


def bootstrap_counts(
    statistic: Callable[[FloatArray], FloatArray],
    counts: ArrayLike,
    *,
    confidence: float = 0.95,
    replicates: int = 2000,
    seed: int = 0,
    method: Literal["percentile", "bca"] = "percentile",
) -> BootstrapEstimate:
    """Return a statistic of pattern counts with a bootstrap interval; the same seed gives the same answer.

    Efron, "Better bootstrap confidence intervals", JASA 82 (1987), for the accelerated form "bca".

    Args:
        statistic: maps counts of shape (m, patterns) to m values; NaN where it is undefined. An additive statistic is
            `lambda w: (w @ numerator) / (w @ denominator)`.
        counts: how often each pattern was observed, shape (patterns,); whole numbers.
        confidence: between 0 and 1, two-sided.
        replicates: number of resamples, at least 100.
        seed: of the random generator.
        method: "percentile", or "bca" (corrects bias and skew).

    Returns:
        BootstrapEstimate: bounds and standard error are NaN if the statistic is undefined in half of the resamples.

    Raises:
        InputError: counts are empty or no counts, or an option is out of range.
    """
    observed = _checked(counts, confidence, replicates, method)
    value = float(statistic(observed[None, :])[0])
    drawn = _replicates(statistic, observed, replicates, seed)
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or drawn.size < LEAST_DEFINED * replicates:
        return BootstrapEstimate(value, float("nan"), float("nan"), float("nan"))
    tail = (1 - confidence) / 2
    levels = np.array([tail, 1 - tail])
    if method == "bca":
        levels = _accelerated(levels, statistic, observed, value, drawn)
    low, high = np.quantile(drawn, levels)
    return BootstrapEstimate(value, float(low), float(high), float(np.std(drawn, ddof=1)))


def _checked(counts: ArrayLike, confidence: float, replicates: int, method: str) -> FloatArray:
    observed = np.asarray(counts, dtype=np.float64)
    if observed.ndim != 1 or not observed.size or not np.isfinite(observed).all() or (observed < 0).any():
        raise InputError(f"counts must be a row of numbers, none negative; got shape {observed.shape}")
    if observed.sum() < 1 or (observed != np.floor(observed)).any():
        raise InputError("counts must be whole numbers with at least one observation")
    if not 0 < confidence < 1:
        raise InputError(f"confidence must be between 0 and 1, such as 0.95; got {confidence!r}")
    if replicates < 100:
        raise InputError(f"replicates must be at least 100; got {replicates!r}")
    if method not in ("percentile", "bca"):
        raise InputError(f"method must be percentile or bca; got {method!r}")
    return observed


def _replicates(
    statistic: Callable[[FloatArray], FloatArray], observed: FloatArray, replicates: int, seed: int
) -> FloatArray:
    generator = np.random.default_rng(seed)
    total = int(observed.sum())
    block = max(1, BLOCK_CELLS // observed.size)
    values = []
    for start in range(0, replicates, block):
        size = min(block, replicates - start)
        draws = generator.multinomial(total, observed / total, size=size).astype(np.float64)
        values.append(np.asarray(statistic(draws), dtype=np.float64))
    return np.concatenate(values)


def _accelerated(
    levels: FloatArray,
    statistic: Callable[[FloatArray], FloatArray],
    observed: FloatArray,
    value: float,
    drawn: FloatArray,
) -> FloatArray:
    """Shift the quantile levels by the bias and the skew that the jackknife over patterns finds."""
    below = (np.count_nonzero(drawn < value) + 0.5 * np.count_nonzero(drawn == value)) / drawn.size
    bias = special.ndtri(np.clip(below, 1 / (2 * drawn.size), 1 - 1 / (2 * drawn.size)))
    seen = np.flatnonzero(observed)
    left_out = np.repeat(observed[None, :], seen.size, axis=0)
    left_out[np.arange(seen.size), seen] -= 1
    jackknife = np.asarray(statistic(left_out), dtype=np.float64)
    weights = np.where(np.isfinite(jackknife), observed[seen], 0.0)
    jackknife = np.where(np.isfinite(jackknife), jackknife, 0.0)
    if not weights.any():
        return levels
    deviation = np.average(jackknife, weights=weights) - jackknife
    spread = float(weights @ deviation**2) ** 1.5
    acceleration = float(weights @ deviation**3) / (6 * spread) if spread > 0 else 0.0
    z = bias + special.ndtri(levels)
    return np.asarray(special.ndtr(bias + z / (1 - acceleration * z)), dtype=np.float64)
