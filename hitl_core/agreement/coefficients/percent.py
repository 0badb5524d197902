"""Percent agreement: the share of pairs of ratings that agree, chance included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hitl_core.agreement.coefficients.tally import chance_corrected, tally
from hitl_core.agreement.coefficients.weights import WeightsLike, similarity
from hitl_core.agreement.ratings import RatingsLike, read_ratings
from hitl_core.agreement.result import Agreement, conclude


def percent_agreement(
    ratings: RatingsLike,
    *,
    weights: WeightsLike = None,
    categories: Sequence[Any] | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Return the mean over units of the share of their pairs of ratings that agree.

    Args:
        ratings: units × raters, or the long frame; see `read_ratings`.
        weights: partial credit for near labels; see `similarity`.
        categories: all labels in order; by default those that occur.
        confidence: level of the interval.

    Returns:
        Agreement: its `expected` is 0; NaN with n units if none has two ratings.

    Raises:
        InputError: the ratings cannot be read.
    """
    read = read_ratings(ratings, categories=categories)
    counts = tally(read, similarity(weights, read))
    estimate = chance_corrected(counts, 0.0, np.zeros(counts.units.size), skewable=False)
    found = conclude(estimate, method="percent agreement", confidence=confidence)
    return replace(found, low=float(np.maximum(found.low, 0.0)))
