"""Proper scores and ranking: Brier with Murphy's decomposition, log loss, AUROC, each with an interval."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from hitl_core.calibration.measures.binning import Strategy, checked_bins
from hitl_core.calibration.rows import Estimate, FloatArray, Rows, checked_rows, kish_n, mean_estimate
from hitl_core.calibration.rows import normal_quantile as quantile

# Confidences of exactly 0 and 1 would make one wrong row infinitely bad.
CLIP = 1e-6


class BrierScore(Estimate):
    """The Brier score with Murphy's parts: score = reliability - resolution + uncertainty, exactly.

    `reliability` is the mean squared gap of the bins (0 is perfect), `resolution` how far the bins' accuracies spread
    around the overall one, `uncertainty` the variance of the labels. Where confidences differ inside a bin,
    resolution is Stephenson, Coelho and Jolliffe's generalised one ("Two extra components in the Brier score
    decomposition", 2008), which keeps the sum exact.
    """

    __slots__ = ("reliability", "resolution", "uncertainty")

    reliability: float
    resolution: float
    uncertainty: float

    def __new__(cls, mean: Estimate, reliability: float, resolution: float, uncertainty: float) -> BrierScore:
        """Make the score from its mean and the parts."""
        low, high = max(0.0, mean.low), min(1.0, mean.high)
        made = float.__new__(cls, mean.value)
        parts = {"low": low, "high": high, "n": mean.n, "effective_n": mean.effective_n}
        parts |= {"reliability": reliability, "resolution": resolution, "uncertainty": uncertainty}
        for name, given in parts.items():
            object.__setattr__(made, name, given)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        mean = Estimate(float(self), self.low, self.high, self.n, self.effective_n)
        return type(self), (mean, self.reliability, self.resolution, self.uncertainty)


def brier_score(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    bins: int = 15,
    strategy: Strategy = "width",
    level: float = 0.95,
) -> BrierScore:
    """Return the weighted mean of (confidence - correct)² with its interval and Murphy's decomposition over bins.

    Raises:
        InputError: the arrays do not fit, or an option is out of range.
    """
    rows, _, table = checked_bins(confidence, correct, weights, bins=bins, strategy=strategy, level=level)
    mean = mean_estimate((rows.confidence - rows.correct) ** 2, rows.weight, level)
    overall = float(table.share @ table.correct)
    reliability = float(table.share @ table.gap**2)
    uncertainty = overall * (1 - overall)
    return BrierScore(mean, reliability, reliability + uncertainty - mean.value, uncertainty)


def log_loss(
    confidence: ArrayLike, correct: ArrayLike, *, weights: ArrayLike | None = None, level: float = 0.95
) -> Estimate:
    """Return the weighted mean of -ln(probability given to what happened), in nats, confidences clipped at 1e-6."""
    rows = checked_rows(confidence, correct, weights)
    return mean_estimate(row_losses(rows.confidence, rows.correct), rows.weight, level)


def row_losses(confidence: FloatArray, correct: FloatArray) -> FloatArray:
    """Return each row's log loss in nats."""
    p = np.clip(confidence, CLIP, 1 - CLIP)
    return np.asarray(-(correct * np.log(p) + (1 - correct) * np.log1p(-p)), dtype=np.float64)


def auroc(
    confidence: ArrayLike, correct: ArrayLike, *, weights: ArrayLike | None = None, level: float = 0.95
) -> Estimate:
    """Return the probability that a right row has a higher confidence than a wrong one (ties count half).

    The interval is DeLong's (Biometrics 44, 1988) on the log-odds scale. NaN where all rows are right or all wrong.
    """
    rows = checked_rows(confidence, correct, weights)
    right = rows.correct > 0
    z = quantile(level)
    n, effective = rows.confidence.size, kish_n(rows.weight)
    if right.all() or not right.any():
        return Estimate(float("nan"), float("nan"), float("nan"), n, effective)
    placed_right, placed_wrong = _placements(rows, right), 1 - _placements(rows, ~right)
    weight_right, weight_wrong = rows.weight[right], rows.weight[~right]
    area = float(weight_right @ placed_right / weight_right.sum())
    error = np.sqrt(_mean_variance(placed_right, weight_right, area) + _mean_variance(placed_wrong, weight_wrong, area))
    low, high = area, area
    if 0 < area < 1:
        centre, half = special.logit(area), z * error / (area * (1 - area))
        low, high = float(special.expit(centre - half)), float(special.expit(centre + half))
    else:
        # Perfect separation has no estimated variance; the rule of three bounds it.
        slack = 1 - (1 - level) ** (1 / max(1.0, min(kish_n(weight_right), kish_n(weight_wrong))))
        low, high = max(0.0, area - slack), min(1.0, area + slack)
    return Estimate(area, low, high, n, effective)


def _placements(rows: Rows, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> FloatArray:
    """For each chosen row, the weighted share of the others that lie below it, ties half."""
    order = np.argsort(rows.confidence[~chosen], kind="stable")
    others = rows.confidence[~chosen][order]
    below = np.concatenate([[0.0], np.cumsum(rows.weight[~chosen][order])])
    mine = rows.confidence[chosen]
    lower, upper = np.searchsorted(others, mine, "left"), np.searchsorted(others, mine, "right")
    return np.asarray((below[lower] + below[upper]) / 2 / below[-1], dtype=np.float64)


def _mean_variance(placed: FloatArray, weight: FloatArray, mean: float) -> float:
    if placed.size < 2:
        return mean * (1 - mean)
    spread = weight**2 @ (placed - mean) ** 2 / weight.sum() ** 2
    return float(spread) * placed.size / (placed.size - 1)
