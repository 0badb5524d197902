"""Other ways to certify a threshold, as baselines in the same run: two that are valid, and three that are not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from hitl_core.calibration.thresholds.exact_tests import clean_rows, most_errors, predicted_power

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
LEAST = 30


def half_split_sequence(confidence: Floats, right: Flags, target: float, delta: float, seed: int) -> float | None:
    """Potato 2.12's rule as its source describes it, on one tier and at its first look, here at the whole delta.

    Half of the labels choose a start: the strictest threshold with an observed error of at most half the target and
    1.5 times the clean rows in the other half; that half tests exactly from there, going looser while tests pass.
    """
    known = np.random.default_rng(seed).random(confidence.size) < 0.5
    grid = np.unique(confidence[known])[::-1]
    n, k = _counts(confidence[known], right[known], grid)
    reach = n * (int(np.count_nonzero(~known)) / max(1, int(np.count_nonzero(known))))
    start = ((k + 0.5) / (n + 1) <= target / 2) & (n >= 5) & (reach >= 1.5 * clean_rows(target, delta))
    if not start.any():
        return None
    grid = grid[int(np.argmax(start)) :]
    n, k = _counts(confidence[~known], right[~known], grid)
    failed = np.where(n > 0, special.bdtr(k, np.maximum(n, 1), target), 1.0) > delta
    passed = int(np.argmax(failed)) if failed.any() else failed.size
    return float(grid[passed - 1]) if passed else None


def one_chosen_test(confidence: Floats, right: Flags, target: float, delta: float, seed: int) -> float | None:
    """One exact test on half of the labels, at the threshold with the most coverage × power by the other half."""
    known = np.random.default_rng(seed).random(confidence.size) < 0.5
    if not known.any():
        return None
    grid = np.unique(np.quantile(confidence, np.linspace(0, 0.98, 50)))
    seen, wrong = _counts(confidence[known], right[known], grid)
    n, k = _counts(confidence[~known], right[~known], grid)
    usable = (n >= LEAST) & (seen > 0)
    if not usable.any():
        return None
    rate = wrong / np.maximum(seen, 1)
    power = predicted_power(rate, np.maximum(seen, 1).astype(np.float64), np.maximum(n, 1), target, delta)
    best = int(np.argmax(np.where(usable, n * power, -1.0)))
    return float(grid[best]) if k[best] <= most_errors(n[best : best + 1], target, delta)[0] else None


def _counts(confidence: Floats, right: Flags, grid: Floats) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rows, and wrong rows, at or above each threshold."""
    order = np.argsort(-confidence, kind="stable")
    wrong = np.concatenate([[0], np.cumsum(~right[order])])
    n = np.searchsorted(-confidence[order], -grid, side="right")
    return n, wrong[n]


def naive_cascade(asked: Floats, right: Flags, target: float) -> list[float]:
    """Thresholds of the published kind: at each tier the lowest whose exact test passes, each at the whole delta."""
    return cascade_in_turn(asked, right, target, (0.1,) * asked.shape[1], lowest_passing)


def cascade_in_turn(asked: Floats, right: Flags, target: float, deltas: tuple[float, ...], choose: Any) -> list[float]:
    """Choose tier by tier, each on the rows that reach it; infinity where a tier answers nothing."""
    thresholds, reached = [], np.ones(asked.shape[0], dtype=np.bool_)
    for tier, delta in enumerate(deltas):
        found = choose(asked[reached, tier], right[reached, tier], target, delta)
        thresholds.append(float("inf") if found is None else float(found))
        reached &= ~(asked[:, tier] >= thresholds[-1])
    return thresholds


def lowest_passing(confidence: Floats, right: Flags, target: float, delta: float) -> float | None:
    """The lowest threshold whose own exact test passes, as if it had been named beforehand."""
    grid = np.unique(confidence)
    n, k = _counts(confidence, right, grid)
    passed = np.flatnonzero((n >= LEAST) & (special.bdtr(k, np.maximum(n, 1), target) <= delta))
    return float(grid[passed[0]]) if passed.size else None


def split_cascade(
    asked: Floats, right: Flags, target: float, delta: float, seed: int
) -> tuple[list[float], list[bool]]:
    """Half of the rows fix each tier's threshold, the other half tests each at delta / tiers; who fails, abstains.

    Returns the routing thresholds, and which tiers may answer.
    """
    known = np.random.default_rng(seed).random(asked.shape[0]) < 0.5
    reached = np.ones(asked.shape[0], dtype=np.bool_)
    thresholds, answers = [], []
    share = delta / asked.shape[1]
    for tier in range(asked.shape[1]):
        c, y = asked[:, tier], right[:, tier]
        here, there = known & reached, ~known & reached
        if not here.any():
            thresholds.append(float("inf"))
            answers.append(False)
            continue
        grid = np.unique(np.quantile(c[here], np.linspace(0, 0.98, 40)))
        (seen, wrong), (n, k) = _counts(c[here], y[here], grid), _counts(c[there], y[there], grid)
        power = predicted_power(
            wrong / np.maximum(seen, 1), np.maximum(seen, 1).astype(np.float64), np.maximum(n, 1), target, share
        )
        best = int(np.argmax(n * power))
        thresholds.append(float(grid[best]))
        answers.append(bool(n[best]) and bool(k[best] <= most_errors(n[best : best + 1], target, share)[0]))
        reached &= ~(c >= grid[best])
    return thresholds, answers
