"""Krippendorff's alpha: any number of raters, missing cells, four levels of measurement.

Krippendorff, "Computing Krippendorff's alpha-reliability" (2011); influence of a unit as Gwet (2014) derives it for
nominal labels, here for any distance: numerator and denominator are means over units, linearised together. For ordinal
labels the ranks are taken as given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from hitl_core.agreement.coefficients.tally import tally
from hitl_core.agreement.labels import numbers
from hitl_core.agreement.ratings import MISSING, FloatArray, Ratings, RatingsLike, read_ratings
from hitl_core.agreement.result import Agreement, Estimate, conclude, is_table, undefined
from hitl_core.domain.errors import InputError

Level = Literal["nominal", "ordinal", "interval", "ratio"]
# Pairs of distinct values are compared in blocks of at most this many (32 MB).
BLOCK_CELLS = 4_000_000


class Distances(NamedTuple):
    """Sums of squared distances between ratings.

    Attributes:
        within: shape (rows,); over all ordered pairs of the row's ratings.
        to_pool: shape (rows,); over the row's ratings, to a rating drawn from all.
    """

    within: FloatArray
    to_pool: FloatArray


def krippendorff_alpha(
    ratings: RatingsLike,
    *,
    level: Level = "nominal",
    categories: Sequence[Any] | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Return Krippendorff's alpha, 1 - observed / expected disagreement among all pairable ratings.

    Args:
        ratings: units × raters, or the long frame; see `read_ratings`. Units with one rating do not count.
        level: "nominal" (labels differ or not), "ordinal" (distance in ranks), "interval" (squared difference) or
            "ratio" (squared difference over the sum; values from 0; time grows with the square of distinct values).
        categories: all labels in order, which ordinal needs for texts; by default those that occur.
        confidence: level of the interval.

    Returns:
        Agreement: NaN if all pairable ratings are equal or no unit has two ratings. At levels other than nominal,
        `observed` and `expected` are 1 minus the disagreement in units of the expected one: alpha and 0.

    Raises:
        InputError: the ratings cannot be read, or do not have that level of measurement.
    """
    if level not in get_args(Level):
        raise InputError(f"level must be one of {', '.join(get_args(Level))}; got {level!r}")
    read = read_ratings(ratings, categories=categories)
    pairable = read.reweighted(np.where((read.codes != MISSING).sum(axis=1) >= 2, read.units, 0.0))
    if not pairable.units.size:
        return conclude(undefined(pairable.units), method=_method(level), confidence=confidence)
    return conclude(_estimate(pairable, level), method=_method(level), confidence=confidence)


def _method(level: Level) -> str:
    return f"Krippendorff's alpha ({level})"


def _estimate(read: Ratings, level: Level) -> Estimate:
    present = read.codes != MISSING
    size = present.sum(axis=1).astype(np.float64)
    rows, columns = np.nonzero(present)
    codes = read.codes[rows, columns]
    pool = np.bincount(codes, read.units[rows], minlength=len(read.categories)).astype(np.float64)
    total = pool.sum()
    base_rate = float(pool.max() / total)
    distances = _distances(read, level, pool, size)
    within = distances.within / (size - 1)
    observed, expected = float(read.units @ within / total), float(read.units @ distances.to_pool / total)
    if expected <= 0 or np.count_nonzero(pool) < 2:
        nan = float("nan")
        return Estimate(nan, np.full(size.shape, nan), read.units, 1.0, 1.0, base_rate)
    alpha = 1 - (1 - 1 / total) * observed / expected
    mean_size = total / read.units.sum()
    # Without the small-sample factor 1 - 1/total but in the correction of unequal sizes: of the forms in question the
    # one that gives the error published for Gwet's four raters (.14557).
    deviation = observed * size - within - observed / total * (size - mean_size)
    deviation -= 2 * observed / expected * (expected * size - distances.to_pool)
    influence = alpha + deviation / (mean_size * expected)
    seen = (1 - (1 - 1 / total) * observed, 1 - expected) if level == "nominal" else (alpha, 0.0)
    return Estimate(
        alpha, influence, read.units, *seen, base_rate, skewable=level == "nominal", table=is_table(read.codes)
    )


def _distances(read: Ratings, level: Level, pool: FloatArray, size: FloatArray) -> Distances:
    if level == "nominal":
        counts = tally(read)
        same = np.bincount(counts.row, counts.count**2, minlength=size.size)
        return Distances(size * size - same, size * counts.mean_of(1 - pool / pool.sum()))
    if level == "ordinal":
        if not read.ordered:
            raise InputError("ordinal labels need an order: give categories=(…) from lowest to highest")
        # The ordinal distance of two labels is the distance of their mean ranks.
        return _squared(read, np.cumsum(pool) - pool / 2, pool, size)
    values = numbers(read.categories)
    return _squared(read, values, pool, size) if level == "interval" else _ratio(read, values, pool)


def _squared(read: Ratings, values: FloatArray, pool: FloatArray, size: FloatArray) -> Distances:
    """Squared differences need no pairs: sums and sums of squares are enough."""
    share = pool / pool.sum()
    # Centred and scaled, so that large values do not eat the digits of small differences.
    values = values - share @ values
    values = values / max(float(np.abs(values).max(initial=0)), np.finfo(float).tiny)
    cells = np.where(read.codes != MISSING, values[read.codes], 0.0)
    first, second = cells.sum(axis=1), (cells**2).sum(axis=1)
    mean, mean_square = float(share @ values), float(share @ values**2)
    within = np.maximum(0.0, 2 * (size * second - first**2))
    return Distances(within, second - 2 * mean * first + mean_square * size)


def _ratio(read: Ratings, values: FloatArray, pool: FloatArray) -> Distances:
    if (values < 0).any():
        raise InputError(f"the ratio level needs values from 0; got {values.min():g}")
    share = pool / pool.sum()
    from_pool = np.empty(values.size)
    block = max(1, BLOCK_CELLS // values.size)
    for start in range(0, values.size, block):
        from_pool[start : start + block] = _relative(values[start : start + block, None], values) @ share
    present = read.codes != MISSING
    within = np.zeros(len(read.codes))
    for one in range(read.codes.shape[1]):
        for other in range(one):
            both = present[:, one] & present[:, other]
            left, right = values[read.codes[both, one]], values[read.codes[both, other]]
            within[both] += 2 * _relative(left, right)
    return Distances(within, np.where(present, from_pool[read.codes], 0.0).sum(axis=1))


def _relative(left: FloatArray, right: FloatArray) -> FloatArray:
    """The squared difference in units of the sum; two zeros are equal."""
    total = left + right
    return np.asarray(((left - right) / np.where(total > 0, total, 1.0)) ** 2, dtype=np.float64)
