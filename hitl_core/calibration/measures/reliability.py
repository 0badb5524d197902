"""The reliability table: is .8 really .8, bin by bin, and which bins are off by more than the rows can explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from hitl_core.calibration.measures.binning import Bins, Strategy, checked_bins
from hitl_core.calibration.rows import FloatArray
from hitl_core.stats import clopper_pearson_bounds

if TYPE_CHECKING:
    import polars as pl

# The product's rule: a bucket whose accuracy differs from its confidence by more than this is flagged.
GAP = 0.1


def reliability_table(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    bins: int = 15,
    strategy: Strategy = "width",
    level: float = 0.95,
    gap: float = GAP,
) -> pl.DataFrame:
    """Return one row for each bin of confidence that holds rows.

    Args:
        confidence: shape (n,), between 0 and 1.
        correct: shape (n,), whether the output was right.
        weights: shape (n,), 1 / inclusion probability; None where every row was equally likely to be labelled.
        bins: how many bins at most.
        strategy: "width" for equal width, "mass" for equal weight.
        level: of the intervals and of the consistency band.
        gap: a larger difference between accuracy and confidence flags the bin, once n shows that it is larger.

    Returns:
        A polars frame in order of confidence with the columns
            bin_low, bin_high: edges; a bin holds its lower edge, the last one its upper edge as well.
            n, effective_n: labelled rows, and Kish's effective number of them.
            share: part of the weighted population.
            mean_confidence, accuracy: weighted means.
            gap: accuracy - mean_confidence.
            accuracy_low, accuracy_high: exact interval (Clopper-Pearson at the effective n).
            band_low, band_high: where the accuracy of a perfect forecaster would lie.
            flagged: the whole interval is further than the limit from the mean confidence.

    Raises:
        InputError: the arrays do not fit, or an option is out of range.
    """
    import polars as pl

    _, _, table = checked_bins(confidence, correct, weights, bins=bins, strategy=strategy, level=level)
    low, high = accuracy_interval(table, level)
    band_low, band_high = perfect_band(table, level)
    flagged = (low > table.confidence + gap) | (high < table.confidence - gap)
    return pl.DataFrame(
        {
            "bin_low": table.low,
            "bin_high": table.high,
            "n": table.n,
            "effective_n": table.effective_n,
            "share": table.share,
            "mean_confidence": table.confidence,
            "accuracy": table.correct,
            "gap": table.gap,
            "accuracy_low": low,
            "accuracy_high": high,
            "band_low": band_low,
            "band_high": band_high,
            "flagged": flagged,
        }
    )


def accuracy_interval(table: Bins, level: float) -> tuple[FloatArray, FloatArray]:
    """Return the exact interval of each bin's accuracy, at Kish's effective n where rows are weighted."""
    n = table.effective_n
    return clopper_pearson_bounds(np.clip(table.correct, 0, 1) * n, n, confidence=level)


def perfect_band(table: Bins, level: float) -> tuple[FloatArray, FloatArray]:
    """Return where each bin's accuracy would lie, at this level, if the confidence were the probability of being right.

    Bröcker and Smith, "Increasing the reliability of reliability diagrams", Weather and Forecasting 22 (2007); the
    count of right rows is taken as binomial with the bin's mean confidence, which is never too narrow.
    """
    n = np.maximum(1.0, np.floor(table.effective_n))
    tail = (1 - level) / 2
    share = np.clip(table.confidence, 0.0, 1.0)
    low, high = stats.binom.ppf(tail, n, share) / n, stats.binom.ppf(1 - tail, n, share) / n
    return np.clip(low, 0, 1), np.clip(high, 0, 1)
