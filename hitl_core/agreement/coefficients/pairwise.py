"""Cohen's kappa of every two raters: the heat map of who agrees with whom."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from hitl_core.agreement.coefficients.conger import estimate_conger
from hitl_core.agreement.coefficients.weights import WeightsLike
from hitl_core.agreement.ratings import MISSING, IntArray, Ratings, RatingsLike, read_ratings
from hitl_core.agreement.result import conclude
from hitl_core.domain.errors import InputError


def pairwise_kappa(
    ratings: RatingsLike,
    *,
    weights: WeightsLike = None,
    categories: Sequence[Any] | None = None,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """Return Cohen's kappa for each pair of raters over the units both rated.

    Args:
        ratings: units × raters, or the long frame; see `read_ratings` (read with `keep_raters` if read before).
        weights: partial credit for near labels; see `similarity`.
        categories: all labels in order; by default those that occur.
        confidence: level of the intervals.

    Returns:
        polars.DataFrame: one row a pair, rater_a, rater_b (names, or positions of columns), kappa, low, high, se, n,
        observed, base_rate, band, warning. A pair without common units has null kappa and n = 0.

    Raises:
        InputError: the ratings cannot be read, or do not say who rated.
    """
    read = read_ratings(ratings, categories=categories, keep_raters=True)
    if not read.raters:
        raise InputError("pairs of raters need names: read the frame with keep_raters=True")
    rows = [
        _row(read, first, second, weights, confidence) for first, second in combinations(range(len(read.raters)), 2)
    ]
    numbers = ("kappa", "low", "high", "se", "observed", "base_rate")
    kinds = {"n": pl.Int64, "band": pl.String, "warning": pl.String} | dict.fromkeys(numbers, pl.Float64)
    return pl.DataFrame(rows, schema_overrides=kinds).with_columns(pl.col(*numbers).fill_nan(None))


def _row(read: Ratings, first: int, second: int, weights: WeightsLike, confidence: float) -> dict[str, Any]:
    found = conclude(
        estimate_conger(_pair(read, first, second), weights), method="Cohen's kappa", confidence=confidence
    )
    return {
        "rater_a": read.raters[first],
        "rater_b": read.raters[second],
        "kappa": found.value,
        "low": found.low,
        "high": found.high,
        "se": found.se,
        "n": found.n,
        "observed": found.observed,
        "base_rate": found.base_rate,
        "band": found.band,
        "warning": found.warning,
    }


def _pair(read: Ratings, first: int, second: int) -> Ratings:
    """The table of two raters: each pair of labels once."""
    codes: IntArray = read.codes[:, [first, second]]
    both = (codes != MISSING).all(axis=1)
    cells, back = np.unique(codes[both] @ np.array([len(read.categories), 1]), return_inverse=True)
    units = np.bincount(back, read.units[both], minlength=cells.size).astype(np.float64)
    pair = np.column_stack(np.divmod(cells, max(1, len(read.categories))))
    return Ratings(pair, units, read.categories, (read.raters[first], read.raters[second]), read.ordered)
