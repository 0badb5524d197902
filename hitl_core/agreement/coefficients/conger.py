"""Conger's kappa: any number of raters, chance from each rater's own use of the categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hitl_core.agreement.coefficients.tally import chance_corrected, tally
from hitl_core.agreement.coefficients.weights import WeightsLike, similarity
from hitl_core.agreement.ratings import MISSING, FloatArray, Ratings, RatingsLike, read_ratings
from hitl_core.agreement.result import Agreement, Estimate, conclude
from hitl_core.domain.errors import InputError


def conger_kappa(
    ratings: RatingsLike,
    *,
    weights: WeightsLike = None,
    categories: Sequence[Any] | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Return Conger's kappa, which is Cohen's for two raters.

    Conger, "Integration and generalization of kappas for multiple raters", Psychological Bulletin 88 (1980); missing
    ratings and the variance as Gwet (2014).

    Args:
        ratings: units × raters, or the long frame; see `read_ratings` (read with `keep_raters` if read before).
        weights: partial credit for near labels; see `similarity`.
        categories: all labels in order; by default those that occur.
        confidence: level of the interval.

    Returns:
        Agreement: NaN if only one label occurs or no unit has two ratings.

    Raises:
        InputError: the ratings cannot be read, or do not say who rated.
    """
    read = read_ratings(ratings, categories=categories, keep_raters=True)
    if not read.raters:
        raise InputError("Conger's kappa asks who rated: read the frame with keep_raters=True")
    return conclude(estimate_conger(read, weights), method="Conger's kappa", confidence=confidence)


def estimate_conger(read: Ratings, weights: WeightsLike) -> Estimate:
    """Conger's kappa without its interval; raters without a rating are left out."""
    counts = tally(read, similarity(weights, read))
    present = read.codes != MISSING
    rated = np.asarray(read.units @ present)
    codes, present, rated = read.codes[:, rated > 0], present[:, rated > 0], rated[rated > 0]
    raters, categories = rated.size, len(read.categories)
    if raters < 2:
        return chance_corrected(counts, float("nan"), np.zeros(read.units.size), skewable=True)
    rows, columns = np.nonzero(present)
    cell = columns * categories + codes[rows, columns]
    used = np.bincount(cell, read.units[rows], minlength=raters * categories).reshape(raters, categories)
    used = used / rated[:, None]
    others = used.sum(axis=0) - used
    # towards_others[g, k]: similarity of category k to what the other raters use.
    towards_others = others if counts.similar is None else others @ counts.similar
    own = (used * towards_others).sum(axis=1)
    pairs = raters * (raters - 1)
    by_row = _linearised(read.units.sum(), rated, present, own, towards_others[columns, codes[rows, columns]])
    return chance_corrected(counts, float(own.sum() / pairs), by_row / pairs, skewable=True)


def _linearised(n: float, rated: FloatArray, present: Any, own: FloatArray, towards: FloatArray) -> FloatArray:
    """Each row's part in the expected agreement: a rater's shares are means over the units this rater saw."""
    cells = np.zeros(present.shape)
    cells[present] = towards
    return np.asarray(((cells - (present - rated / n) * own) * (n / rated)).sum(axis=1), dtype=np.float64)
