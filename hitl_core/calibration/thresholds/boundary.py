"""One boundary over all thresholds at once: how many errors are allowed among the n most confident labelled rows.

Rows are labelled one after the other in falling order of confidence; the k-th smallest threshold passes when the errors
so far are at or below the boundary. The boundary is set, exactly, so that a walk whose every row is wrong with the
target's probability touches it anywhere with probability delta. That walk is the worst case: where the error at or
above a threshold exceeds the target, wrong rows lie higher and right rows lower than in the walk, and both only raise
the count that has to stay below the boundary (the proof is in docs/decisions/0008-thresholds-with-a-guarantee.md). So
every row counts for every threshold, nothing is set aside, no seed matters, and delta is spent once. It is an
error-spending boundary of sequential analysis (Lan and DeMets, Biometrika 70, 1983) with confidence in the place of
time.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import signal, special, stats

from hitl_core.calibration.rows import FloatArray
from hitl_core.calibration.thresholds.exact_tests import IntArray, Step, clean_rows, most_errors

# The level at n of N rows is proportional to (n / N) to this power: a threshold that approves more is worth more of
# delta. Chosen on the worlds of `python -m evals.guarantees`; 0 would treat strict and loose thresholds alike.
EXPONENT = 0.25
# With more rows than this the boundary rises at this many counts only, evenly in their logarithm.
MOST_LOOKS = 600
HALVINGS = 16
# Counts of errors this many standard deviations above their mean are left out of the walk (below 1e-15).
WINDOW = 9.0
STEPS_SHOWN = 40


def allowed_errors(rows: int, target: float, delta: float, least: int) -> tuple[IntArray, float]:
    """Return the most errors that pass at n = 1 .. rows (shape (rows,), -1 for none), and the level at n = rows.

    Args:
        rows: labelled rows, an equal-probability sample.
        target: error to be refuted.
        delta: probability that the walk at the target's error touches the boundary.
        least: fewer rows than this pass nothing.
    """
    allowed, level = _calibrated(rows, target, delta, least)
    return allowed.copy(), level


def boundary_steps(
    confidence: FloatArray, wrong: FloatArray, target: float, delta: float, least: int
) -> tuple[tuple[Step, ...], bool]:
    """Return tests from strict to loose (the loosest that passes, others evenly between), and whether all passed.

    Args:
        confidence: falling, shape (n,); rows with one confidence are tested together.
        wrong: 1 for a wrong row, in the same order.
        target: error to be refuted.
        delta: spent once, over all thresholds.
        least: fewer rows than this pass nothing.
    """
    if confidence.size < max(least, clean_rows(target, delta)):
        return (), False
    allowed, level = _calibrated(confidence.size, target, delta, least)
    errors = np.cumsum(wrong).astype(np.int64)
    last_of_tie = np.append(np.flatnonzero(np.diff(confidence)), confidence.size - 1)
    tested = last_of_tie[allowed[last_of_tie] >= 0]
    passed = tested[errors[tested] <= allowed[tested]]
    shown = tested[np.unique(np.linspace(0, tested.size - 1, min(STEPS_SHOWN, tested.size)).round().astype(np.int64))]
    counts = np.union1d(shown, passed[-1:]) + 1
    levels = _levels(counts, confidence.size, level)
    values = special.bdtr(errors[counts - 1], counts, target)
    steps = tuple(
        Step(float(confidence[n - 1]), int(n), int(errors[n - 1]), float(one), float(value))
        for n, one, value in zip(counts, levels, values, strict=True)
    )
    return steps, passed.size == tested.size


def touch_probability(allowed: IntArray, error: float) -> float:
    """Return the chance that a walk, each row wrong with probability `error`, is ever at or below the boundary.

    `allowed` rises; errors only accumulate, so the walk has to be looked at only where the boundary rises.
    """
    values, first = np.unique(allowed[allowed >= 0], return_index=True)
    counts = first + int(np.searchsorted(allowed, 0)) + 1
    alive, lowest, before, touched = np.ones(1), 0, 0, 0.0
    for most, count in zip(values, counts, strict=True):
        alive, lowest = _advance(alive, lowest, int(count) - before, int(count), error)
        inside = max(0, int(most) - lowest + 1)
        touched += float(alive[:inside].sum())
        alive, lowest, before = alive[inside:], lowest + inside, int(count)
        if not alive.size:
            break
    return touched


def _advance(alive: FloatArray, lowest: int, rows: int, count: int, error: float) -> tuple[FloatArray, int]:
    """Add some rows' errors to the distribution `alive` over lowest, lowest + 1, ... and cut what cannot happen."""
    spread = WINDOW * np.sqrt(rows * error * (1 - error)) + WINDOW
    start = max(0, int(rows * error - spread))
    more = stats.binom.pmf(np.arange(start, min(rows, int(rows * error + spread)) + 1), rows, error)
    moved = signal.convolve(alive, more)
    most = int(count * error + WINDOW * np.sqrt(count * error * (1 - error)) + WINDOW)
    lowest += start
    return np.asarray(np.maximum(moved[: max(0, most - lowest + 1)], 0.0)), lowest


def _levels(counts: NDArray[np.int64], rows: int, level: float) -> FloatArray:
    return np.asarray(level * (counts / rows) ** EXPONENT, dtype=np.float64)


def _boundary(rows: int, target: float, level: float, least: int) -> IntArray:
    """The most errors at each count; above MOST_LOOKS rows a staircase that rises at that many counts only."""
    looks = np.unique(np.geomspace(min(least, rows), rows, min(rows, MOST_LOOKS)).round().astype(np.int64))
    if rows <= MOST_LOOKS:
        looks = np.arange(min(least, rows), rows + 1, dtype=np.int64)
    at_looks = np.maximum.accumulate(most_errors(looks, target, _levels(looks, rows, level)))
    allowed = np.full(rows, -1, dtype=np.int64)
    # Between two looks the boundary stays where the earlier one put it.
    allowed[looks[0] - 1 :] = np.repeat(at_looks, np.diff(np.append(looks, rows + 1)))
    if rows < least:
        allowed[:] = -1
    return allowed


@lru_cache(maxsize=256)
def _calibrated(rows: int, target: float, delta: float, least: int) -> tuple[IntArray, float]:
    low, high = delta / rows, delta
    if touch_probability(_boundary(rows, target, high, least), target) <= delta:
        return _boundary(rows, target, high, least), high
    for _ in range(HALVINGS):
        middle = float(np.sqrt(low * high))
        if touch_probability(_boundary(rows, target, middle, least), target) <= delta:
            low = middle
        else:
            high = middle
    return _boundary(rows, target, low, least), low
