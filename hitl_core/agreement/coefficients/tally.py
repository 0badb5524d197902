"""How often each unit got each category: what all coefficients that ignore who rated are made of.

Notation of Gwet, "Computing inter-rater reliability and its variance in the presence of high agreement", British
Journal of Mathematical and Statistical Psychology 61 (2008), with units of one rating counting for the shares only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitl_core.agreement.ratings import MISSING, FloatArray, IntArray, Ratings
from hitl_core.agreement.result import Estimate, is_table, undefined


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of (row, category) that are not 0, and what follows from them.

    Attributes:
        units: shape (rows,); units that show the row.
        size: shape (rows,); ratings in the row.
        row: shape (entries,); the row of an entry.
        code: shape (entries,); its category.
        count: shape (entries,); how often the row has it.
        agreeing: shape (rows,); share of the row's pairs that agree, 0 for a row with one rating.
        shares: shape (categories,); mean over units of a category's share.
        similar: weights, or None.
        table: whether two raters rated every unit.
    """

    units: FloatArray
    size: FloatArray
    row: IntArray
    code: IntArray
    count: FloatArray
    agreeing: FloatArray
    shares: FloatArray
    similar: FloatArray | None
    table: bool

    @property
    def paired(self) -> NDArray[np.bool_]:
        """Shape (rows,); whether the row has two ratings."""
        return self.size >= 2

    @property
    def base_rate(self) -> float:
        """Share of all ratings that are the most frequent category."""
        totals = np.bincount(self.code, self.count * self.units[self.row], minlength=1)
        return float(totals.max() / totals.sum()) if totals.any() else float("nan")

    def mean_of(self, by_category: FloatArray) -> FloatArray:
        """Return the mean of a category's number over each row's ratings, shape (rows,)."""
        total = np.bincount(self.row, self.count * by_category[self.code], minlength=self.units.size)
        return np.asarray(total / self.size, dtype=np.float64)

    def towards(self, shares: FloatArray) -> FloatArray:
        """Return the similarity of each category to a mixture of categories."""
        return shares if self.similar is None else self.similar @ shares

    def total_similarity(self) -> float:
        """The sum of all weights."""
        return float(self.shares.size if self.similar is None else self.similar.sum())


def tally(ratings: Ratings, similar: FloatArray | None = None) -> Tally:
    """Count the categories of each row."""
    categories = len(ratings.categories)
    rows, columns = np.nonzero(ratings.codes != MISSING)
    key, count = np.unique(rows * categories + ratings.codes[rows, columns], return_counts=True)
    row, code = np.divmod(key, max(1, categories))
    count = count.astype(np.float64)
    size = np.bincount(row, count, minlength=ratings.units.size).astype(np.float64)
    near = count if similar is None else _near(row, code, count, similar, ratings.units.size)
    pairs = np.bincount(row, count * (near - 1), minlength=ratings.units.size)
    agreeing = np.divide(pairs, size * (size - 1), out=np.zeros_like(size), where=size >= 2)
    shares = np.bincount(code, count / size[row] * ratings.units[row], minlength=categories)
    shares = shares / max(1.0, ratings.units.sum())
    return Tally(ratings.units, size, row, code, count, agreeing, shares, similar, is_table(ratings.codes))


def _near(row: IntArray, code: IntArray, count: FloatArray, similar: FloatArray, rows: int) -> FloatArray:
    """The weighted count of ratings in the row that are like the entry's category."""
    dense = np.zeros((rows, similar.shape[0]))
    dense[row, code] = count
    return np.asarray((dense @ similar)[row, code], dtype=np.float64)


def chance_corrected(counts: Tally, expected: float, expected_by_row: FloatArray, *, skewable: bool) -> Estimate:
    """Return (observed - expected) / (1 - expected) with each unit's influence on it."""
    units, paired = counts.units, counts.paired
    n, twice = units.sum(), units[paired].sum()
    if not twice:
        return undefined(units, counts.base_rate)
    observed = float((units @ counts.agreeing) / twice)
    if not np.isfinite(expected) or np.isclose(expected, 1.0, rtol=0, atol=1e-12):
        nan = float("nan")
        return Estimate(nan, np.full(units.shape, nan), units, observed, float(expected), counts.base_rate)
    room = 1 - expected
    value = (observed - expected) / room
    influence = (n / twice) * (counts.agreeing - expected * paired) / room
    influence = influence - 2 * (1 - value) * (expected_by_row - expected) / room
    return Estimate(value, influence, units, observed, float(expected), counts.base_rate, skewable, counts.table)
