"""Exact binomial tests of "the error above this threshold exceeds the target", and sequences of them.

A sequence goes from strict to loose and stops at the first test that fails, so it spends its delta once however long
it is (Angelopoulos et al., "Learn then test", 2021). Several starts share delta; a sequence that arrives at another
start takes that one's share along (Wiens' fallback procedure, 2003), because only one of the two can be the first
to pass a threshold that it should not.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from hitl_core.calibration.rows import FloatArray

IntArray = NDArray[np.int64]
STEPS = 40
STARTS = 5
# Starts closer than this factor would only share delta among the same rows.
START_RATIO = 1.6
# The predicted power is averaged over this many quantiles of the development rows' error rate.
QUANTILES = (np.arange(32) + 0.5) / 32
LARGEST_N = 10_000_000
# More than anybody reviews, and still a number that arrays hold.
MOST_CLEAN = 10.0**15


class Step(NamedTuple):
    """One test: threshold, rows at or above it, wrong ones among them, the level spent and the p-value."""

    threshold: float
    n: int
    errors: int
    level: float
    p_value: float

    @property
    def passed(self) -> bool:
        """Whether the test refutes that the error exceeds the target."""
        return self.p_value <= self.level


def clean_rows(target: float, delta: float) -> int:
    """Return how many rows without an error certify the target at 1 - delta: 59 for 5 % at 95 %."""
    return max(1, math.ceil(min(MOST_CLEAN, math.log(delta) / math.log1p(-target) - 1e-9)))


def p_values(errors: IntArray, n: IntArray, target: float) -> FloatArray:
    """Return P(Bin(n, target) <= errors); 1 where there is no row."""
    return np.where(n > 0, special.bdtr(errors, np.maximum(n, 1), target), 1.0)


def most_errors(n: IntArray, target: float, level: float | FloatArray) -> IntArray:
    """Return the most errors with which n rows still pass at this level, -1 where not even none would do."""
    rough = np.nan_to_num(np.floor(special.bdtrik(level, n, target)), nan=0.0)
    k = np.maximum(rough, 0).astype(np.int64)
    k = np.where(special.bdtr(np.minimum(k + 1, n), n, target) <= level, np.minimum(k + 1, n), k)
    k = np.where(special.bdtr(k, n, target) <= level, k, k - 1)
    return np.where((1 - target) ** n <= level, k, -1)


def candidate_counts(confidence: FloatArray, first: int) -> IntArray:
    """Return rows at or above each candidate threshold, strict to loose, geometric from `first` to all rows.

    `confidence` falls; rows with one confidence stay together. The choice looks at no label.
    """
    rows = confidence.size
    if not rows:
        return np.zeros(0, dtype=np.int64)
    wanted = np.round(np.geomspace(min(first, rows), rows, STEPS)).astype(np.int64)
    return whole_ties(confidence, wanted)


def whole_ties(confidence: FloatArray, wanted: IntArray) -> IntArray:
    """Return the distinct counts that include every row tied with the last one wanted."""
    return np.unique(np.searchsorted(-confidence, -confidence[wanted - 1], side="right")).astype(np.int64)


def starts(
    confidence: FloatArray, target: float, delta: float, least: int, *, most: int = STARTS
) -> tuple[IntArray, float]:
    """Return the counts at which sequences start, and each one's share of delta; as many as the rows can feed."""
    rows = confidence.size
    for number in range(most, 1, -1):
        first = max(least, clean_rows(target, delta / number))
        if first * START_RATIO ** (number - 1) <= rows:
            wanted = np.round(np.geomspace(first, rows, number)).astype(np.int64)
            counts = whole_ties(confidence, wanted)
            return counts, delta / counts.size
    return np.asarray([rows], dtype=np.int64), delta


def walk(
    confidence: FloatArray, wrong: FloatArray, counts: IntArray, shares: FloatArray, target: float
) -> tuple[Step, ...]:
    """Test strict to loose and return the steps taken; `shares` is the delta that each count starts with.

    Args:
        confidence: falling, shape (n,).
        wrong: 1 for a wrong row, in the same order.
        counts: rising numbers of rows, one for each candidate threshold.
        shares: shape of counts; 0 where no sequence starts.
        target: the error to be refuted.
    """
    errors = np.concatenate([[0], np.cumsum(wrong)]).astype(np.int64)[counts]
    return walk_counts(confidence[counts - 1], counts, errors, shares, target)


def walk_counts(
    thresholds: FloatArray, counts: IntArray, errors: IntArray, shares: FloatArray, target: float
) -> tuple[Step, ...]:
    """Test a row of candidates, each with its rows and errors, in the order given; see `walk`."""
    steps: list[Step] = []
    carried = 0.0
    for i, p_value in enumerate(p_values(errors, counts, target)):
        level = carried + float(shares[i])
        if level <= 0:
            continue
        step = Step(float(thresholds[i]), int(counts[i]), int(errors[i]), level, float(p_value))
        steps.append(step)
        carried = level if step.passed else 0.0
    return tuple(steps)


def predicted_power(rate: FloatArray, rows: FloatArray, n: IntArray, target: float, delta: float) -> FloatArray:
    """Return the chance that n new rows pass, given development rows' error rate and their (effective) number.

    The rate is uncertain itself: the chance is averaged over a Beta posterior with Jeffreys' prior.
    """
    allowed = most_errors(n, target, delta)
    k = rate * rows
    plausible = special.betaincinv((k + 0.5)[:, None], (rows - k + 0.5)[:, None], QUANTILES[None, :])
    chance = special.bdtr(np.maximum(allowed, 0)[:, None], n[:, None], plausible).mean(axis=1)
    return np.where(allowed >= 0, chance, 0.0)


def rows_to_pass(rate: float, target: float, delta: float) -> int | None:
    """Return how many rows pass at this error rate; None where the rate is not clearly below the target."""
    first = clean_rows(target, delta)
    if rate >= target:
        return None
    n = np.unique(np.round(np.geomspace(first, LARGEST_N, 4000))).astype(np.int64)
    expected = np.ceil(rate * n - 1e-9).astype(np.int64)
    passing = np.flatnonzero(special.bdtr(expected, n, target) <= delta)
    return int(n[passing[0]]) if passing.size else None
