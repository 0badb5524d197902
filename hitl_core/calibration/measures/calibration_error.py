"""Expected and maximum calibration error, plain and debiased, and what a perfect forecaster would show.

Public: `expected_calibration_error`, `debiased_calibration_error`, `maximum_calibration_error`,
`perfect_forecaster_error`. A perfect forecaster is not at 0: with 250 rows in 15 bins its mean error is about .07, so
the plain number is shown only beside the debiased or the smooth one.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from hitl_core.calibration.measures.binning import Bins, Strategy, checked_bins, strata
from hitl_core.calibration.rows import Estimate, FloatArray, Rows, kish_n
from hitl_core.domain.errors import InputError

Norm = Literal["l1", "l2", "max"]


def expected_calibration_error(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    bins: int = 15,
    strategy: Strategy = "width",
    norm: Norm = "l1",
    level: float = 0.95,
    replicates: int = 400,
    seed: int = 0,
) -> Estimate:
    """Return the binned calibration error: the weighted mean over bins of |accuracy - mean confidence|.

    Args:
        confidence: shape (n,), between 0 and 1.
        correct: shape (n,), whether the output was right.
        weights: shape (n,), 1 / inclusion probability, or None.
        bins: how many bins at most.
        strategy: "width" for equal width, "mass" for equal weight.
        norm: "l1" mean absolute gap, "l2" root of the mean squared gap, "max" the largest gap.
        level: of the interval, from draws of the bins' accuracies (quick at millions of rows), shifted by the draws'
            own bias.
        replicates: how many draws; 0 for no interval.
        seed: of the draws.

    Raises:
        InputError: the arrays do not fit, or an option is out of range.
    """
    if norm not in ("l1", "l2", "max"):
        raise InputError(f"norm must be l1, l2 or max; got {norm!r}")
    rows, edges, table = checked_bins(confidence, correct, weights, bins=bins, strategy=strategy, level=level)
    value = float(_norm(table.share[None, :], table.gap[None, :], norm)[0])
    if replicates <= 0:
        return _estimate(value, float("nan"), float("nan"), rows)
    drawn = _norm(*strata(rows, edges).drawn_gaps(replicates, seed), norm)
    return _estimate(value, *shifted_interval(value, drawn, level), rows)


def maximum_calibration_error(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    bins: int = 15,
    strategy: Strategy = "width",
    level: float = 0.95,
    replicates: int = 400,
    seed: int = 0,
) -> Estimate:
    """Return the largest |accuracy - mean confidence| of any bin; arguments as in `expected_calibration_error`."""
    return expected_calibration_error(
        confidence,
        correct,
        weights=weights,
        bins=bins,
        strategy=strategy,
        norm="max",
        level=level,
        replicates=replicates,
        seed=seed,
    )


def debiased_calibration_error(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    bins: int = 15,
    strategy: Strategy = "width",
    norm: Literal["l1", "l2"] = "l1",
    level: float = 0.95,
    replicates: int = 400,
    seed: int = 0,
) -> Estimate:
    """Return the binned calibration error without the part that chance alone puts into every bin, at least 0.

    "l2" is Kumar, Liang and Ma, "Verified uncertainty calibration" (2019): each squared gap loses its estimated
    variance. "l1" subtracts what the mean of a folded normal exceeds the gap by (their normal debiasing, in closed
    form). Other arguments as in `expected_calibration_error`.
    """
    if norm not in ("l1", "l2"):
        raise InputError(f"norm must be l1 or l2; got {norm!r}")
    rows, edges, table = checked_bins(confidence, correct, weights, bins=bins, strategy=strategy, level=level)
    value = _debiased(table, norm)
    if replicates <= 0:
        return _estimate(value, float("nan"), float("nan"), rows)
    plain = float(_norm(table.share[None, :], table.gap[None, :], norm)[0])
    drawn = _norm(*strata(rows, edges).drawn_gaps(replicates, seed), norm)
    low, high = np.quantile(drawn - drawn.mean(), [(1 - level) / 2, (1 + level) / 2])
    # How much of the plain error is chance is itself estimated: this interval ends where the plain error's does.
    return _estimate(value, max(0.0, value + float(low)), min(1.0, max(value, plain) + float(high)), rows)


def perfect_forecaster_error(
    confidence: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    bins: int = 15,
    strategy: Strategy = "width",
    norm: Norm = "l1",
    level: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Return the calibration error these rows would show if each confidence were exactly right.

    The value is the mean; an observed error inside `low` to `high` gives no reason to doubt the calibration.
    """
    any_label = np.ones_like(np.asarray(confidence, dtype=np.float64))
    rows, _, table = checked_bins(confidence, any_label, weights, bins=bins, strategy=strategy, level=level)
    n = np.maximum(1, np.round(table.effective_n)).astype(np.int64)
    generator = np.random.default_rng(seed)
    right = generator.binomial(n, np.clip(table.confidence, 0, 1), size=(max(1, replicates), n.size)) / n
    drawn = _norm(np.broadcast_to(table.share, right.shape), right - table.confidence, norm)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return _estimate(float(drawn.mean()), float(low), float(high), rows)


def shifted_interval(value: float, drawn: FloatArray, level: float) -> tuple[float, float]:
    """Return the percentile interval moved by the bootstrap's bias, so that resampling noise is not counted twice."""
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]) - (drawn.mean() - value)
    return max(0.0, min(float(low), value)), min(1.0, max(float(high), value))


def _norm(share: FloatArray, gap: FloatArray, norm: Norm) -> FloatArray:
    """One error for each row of bins."""
    if norm == "max":
        return np.asarray(np.max(np.where(share > 0, np.abs(gap), 0.0), axis=1), dtype=np.float64)
    if norm == "l2":
        return np.asarray(np.sqrt(np.sum(share * gap**2, axis=1)), dtype=np.float64)
    return np.asarray(np.sum(share * np.abs(gap), axis=1), dtype=np.float64)


def _debiased(table: Bins, norm: Literal["l1", "l2"]) -> float:
    n = table.effective_n
    variance = table.correct * (1 - table.correct) / np.maximum(n - 1, 1)
    if norm == "l2":
        return float(np.sqrt(max(0.0, float(table.share @ (table.gap**2 - variance)))))
    spread = np.sqrt(variance)
    ratio = np.divide(table.gap, spread, out=np.zeros_like(spread), where=spread > 0)
    folded = spread * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2) + table.gap * (1 - 2 * special.ndtr(-ratio))
    excess = np.where(spread > 0, folded - np.abs(table.gap), 0.0)
    return max(0.0, float(table.share @ (np.abs(table.gap) - excess)))


def _estimate(value: float, low: float, high: float, rows: Rows) -> Estimate:
    return Estimate(value, low, high, rows.confidence.size, kish_n(rows.weight))
