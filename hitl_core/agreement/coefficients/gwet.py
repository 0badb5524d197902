"""Gwet's AC1 and AC2: steady where almost all labels are the same one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hitl_core.agreement.coefficients.tally import chance_corrected, tally
from hitl_core.agreement.coefficients.weights import WeightsLike, similarity
from hitl_core.agreement.ratings import RatingsLike, read_ratings
from hitl_core.agreement.result import Agreement, conclude


def gwet_ac1(
    ratings: RatingsLike,
    *,
    weights: WeightsLike = None,
    categories: Sequence[Any] | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Return Gwet's AC1, or AC2 with weights: chance is the share of units that are hard, not of common labels.

    Gwet, "Computing inter-rater reliability and its variance in the presence of high agreement", British Journal of
    Mathematical and Statistical Psychology 61 (2008). Name all `categories` if some may not occur: their number is
    part of the answer.

    Args:
        ratings: units × raters, or the long frame; see `read_ratings`.
        weights: partial credit for near labels (AC2); see `similarity`.
        categories: all labels in order; by default those that occur.
        confidence: level of the interval.

    Returns:
        Agreement: NaN if there is only one category or no unit has two ratings.

    Raises:
        InputError: the ratings cannot be read.
    """
    read = read_ratings(ratings, categories=categories)
    similar = similarity(weights, read)
    counts = tally(read, similar)
    size = len(read.categories)
    factor = counts.total_similarity() / (size * (size - 1)) if size > 1 else float("nan")
    expected = factor * float(counts.shares @ (1 - counts.shares))
    by_row = np.asarray(factor * counts.mean_of(1 - counts.shares), dtype=np.float64)
    estimate = chance_corrected(counts, expected, by_row, skewable=False)
    return conclude(estimate, method="Gwet's AC1" if similar is None else "Gwet's AC2", confidence=confidence)
