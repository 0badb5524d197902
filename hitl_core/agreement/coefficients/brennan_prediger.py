"""Brennan-Prediger: chance is one in the number of categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hitl_core.agreement.coefficients.tally import chance_corrected, tally
from hitl_core.agreement.coefficients.weights import WeightsLike, similarity
from hitl_core.agreement.ratings import RatingsLike, read_ratings
from hitl_core.agreement.result import Agreement, conclude


def brennan_prediger(
    ratings: RatingsLike,
    *,
    weights: WeightsLike = None,
    categories: Sequence[Any] | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Return Brennan and Prediger's coefficient, (observed - 1/q) / (1 - 1/q) for q categories.

    Brennan and Prediger, "Coefficient kappa: some uses, misuses, and alternatives", Educational and Psychological
    Measurement 41 (1981). Name all `categories` if some may not occur: q is part of the answer.

    Args:
        ratings: units × raters, or the long frame; see `read_ratings`.
        weights: partial credit for near labels; see `similarity`.
        categories: all labels in order; by default those that occur.
        confidence: level of the interval.

    Returns:
        Agreement: NaN if there is only one category or no unit has two ratings.

    Raises:
        InputError: the ratings cannot be read.
    """
    read = read_ratings(ratings, categories=categories)
    counts = tally(read, similarity(weights, read))
    size = max(1, len(read.categories))
    expected = counts.total_similarity() / size**2
    estimate = chance_corrected(counts, expected, np.full(counts.units.size, expected), skewable=False)
    return conclude(estimate, method="Brennan-Prediger", confidence=confidence)
