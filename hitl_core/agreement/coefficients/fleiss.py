"""Fleiss' kappa: any number of raters, chance from the shares of the categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hitl_core.agreement.coefficients.tally import chance_corrected, tally
from hitl_core.agreement.coefficients.weights import WeightsLike, similarity
from hitl_core.agreement.ratings import Ratings, RatingsLike, read_ratings
from hitl_core.agreement.result import Agreement, Estimate, conclude


def fleiss_kappa(
    ratings: RatingsLike,
    *,
    weights: WeightsLike = None,
    categories: Sequence[Any] | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Return Fleiss' kappa, extended to missing ratings as Gwet (2014) does.

    Fleiss, "Measuring nominal scale agreement among many raters", Psychological Bulletin 76 (1971).

    Args:
        ratings: units × raters, or the long frame; see `read_ratings`.
        weights: partial credit for near labels; see `similarity`.
        categories: all labels in order; by default those that occur.
        confidence: level of the interval.

    Returns:
        Agreement: NaN if only one label occurs or no unit has two ratings.

    Raises:
        InputError: the ratings cannot be read.
    """
    estimate = estimate_fleiss(read_ratings(ratings, categories=categories), weights)
    return conclude(estimate, method="Fleiss' kappa", confidence=confidence)


def estimate_fleiss(read: Ratings, weights: WeightsLike) -> Estimate:
    """Fleiss' kappa without its interval; for two raters and complete units it is Scott's pi."""
    counts = tally(read, similarity(weights, read))
    towards = counts.towards(counts.shares)
    expected = float(counts.shares @ towards)
    return chance_corrected(counts, expected, counts.mean_of(towards), skewable=True)
