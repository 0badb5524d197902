"""Any coefficient with a bootstrap interval instead of the analytic one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from hitl_core.agreement.coefficients.conger import conger_kappa
from hitl_core.agreement.ratings import FloatArray, RatingsLike, read_ratings
from hitl_core.agreement.result import Agreement
from hitl_core.stats import bootstrap_counts


def bootstrap_agreement(
    coefficient: Callable[..., Agreement],
    ratings: RatingsLike,
    *,
    confidence: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
    method: Literal["percentile", "bca"] = "percentile",
    **options: Any,
) -> Agreement:
    """Return the coefficient with an interval from resampled units; with few units it is fairer than the analytic one.

    Distinct rows are resampled, so the cost is that of the distinct rows: few labels and few raters are quick at any
    number of units.

    Args:
        coefficient: a coefficient of ratings: `fleiss_kappa`, `gwet_ac1`, `krippendorff_alpha`, `conger_kappa` (Cohen's
            kappa for two raters), `brennan_prediger` or `percent_agreement`.
        ratings: units × raters, or the long frame; see `read_ratings`.
        confidence: level of the interval.
        replicates: number of resamples.
        seed: of the random generator; the same seed gives the same interval.
        method: "percentile" or "bca".
        options: the coefficient's own, such as level="ordinal" or weights="linear"; also categories.

    Returns:
        Agreement: as the coefficient gives it, but low, high and se.

    Raises:
        InputError: the ratings cannot be read or an option is out of range.
    """
    keep_raters = coefficient is conger_kappa
    read = read_ratings(ratings, categories=options.pop("categories", None), keep_raters=keep_raters)
    found = coefficient(read, confidence=confidence, **options)
    if found.n < 2:
        return found

    def values(draws: FloatArray) -> FloatArray:
        return np.array([coefficient(read.reweighted(units), **options).value for units in draws])

    drawn = bootstrap_counts(values, read.units, confidence=confidence, replicates=replicates, seed=seed, method=method)
    return replace(found, low=drawn.low, high=drawn.high, se=drawn.se, method=f"{found.method}, bootstrap")
