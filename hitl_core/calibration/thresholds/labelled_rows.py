"""Labelled rows as independent draws: one row of each group, equal chances by thinning, a part set aside."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hitl_core.calibration.rows import LEAST_WEIGHT, FloatArray, as_array, as_floats, checked_rows, group_numbers
from hitl_core.domain.errors import InputError

# Part of the groups that choose where to test; they never enter the test.
DEVELOPMENT = 0.2


class Labelled(NamedTuple):
    """Rows of falling confidence: whether the label says wrong, 1 / inclusion probability, the group's number."""

    confidence: FloatArray
    wrong: FloatArray
    weight: FloatArray
    group: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Labelled:
        """Return some of the rows, in the same order."""
        return Labelled(self.confidence[rows], self.wrong[rows], self.weight[rows], self.group[rows])

    def share_above(self, threshold: float) -> float:
        """Return the part of the weighted rows at or above a threshold."""
        total = float(self.weight.sum())
        return float(self.weight[self.confidence >= threshold].sum()) / total if total > 0 else 0.0

    def rates(self, thresholds: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the weighted error rate at or above each threshold, and Kish's effective number of rows."""
        counts = np.searchsorted(-self.confidence, -thresholds, side="right")
        weight, squares, errors = (
            np.concatenate([[0.0], np.cumsum(each)])[counts]
            for each in (self.weight, self.weight**2, self.weight * self.wrong)
        )
        some = counts > 0
        rate = np.divide(errors, weight, out=np.zeros_like(weight), where=some)
        return np.clip(rate, 0, 1), np.divide(weight**2, squares, out=np.zeros_like(weight), where=some)


def labelled_rows(
    confidence: ArrayLike, correct: ArrayLike, inclusion: ArrayLike | None, groups: ArrayLike | None
) -> Labelled:
    """Check the arrays and sort the rows by falling confidence; no row at all is allowed.

    Raises:
        InputError: the arrays do not fit, or an inclusion probability is not in (0, 1].
    """
    if not as_array(confidence, "confidence").size and not as_array(correct, "correct").size:
        return Labelled(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64))
    chance = None if inclusion is None else as_floats(as_array(inclusion, "inclusion"), "inclusion")
    if chance is not None and not ((chance >= LEAST_WEIGHT) & (chance <= 1)).all():
        raise InputError("inclusion probabilities must lie above 0 and at most at 1")
    rows = checked_rows(confidence, correct, None if chance is None else 1 / chance)
    order = np.lexsort((rows.correct, rows.weight, -rows.confidence))
    numbers = group_numbers(groups, order.size)
    # Without groups rows are numbered after sorting, so that the order they came in changes no answer.
    numbers = numbers if groups is None else numbers[order]
    return Labelled(rows.confidence[order], 1 - rows.correct[order], rows.weight[order], numbers)


def one_of_each_group(rows: Labelled, generator: np.random.Generator) -> Labelled:
    """Return one random row of each group; it stands for the others, so its weight is multiplied by their number."""
    if _present(rows.group).size == rows.group.size:
        return rows
    shuffled = generator.permutation(rows.group.size)
    _, first, sizes = np.unique(rows.group[shuffled], return_index=True, return_counts=True)
    chosen = shuffled[first]
    order = np.argsort(chosen)
    picked = rows.take(chosen[order])
    return picked._replace(weight=picked.weight * sizes[order])


def equal_chances(rows: Labelled, generator: np.random.Generator) -> tuple[Labelled, Labelled]:
    """Keep rows so that every item had one chance to be here; return those kept and the others.

    A row is kept with probability weight / largest weight, so the kept ones are a plain random sample and exact
    binomial bounds hold. The others may help to choose where to test.
    """
    if not rows.weight.size or np.ptp(rows.weight) <= 1e-12 * rows.weight.max():
        return rows, rows.take(np.zeros(rows.weight.size, dtype=np.bool_))
    chance = rows.weight / rows.weight.max()
    kept = generator.random(chance.size) < chance
    others = rows.take(~kept)
    # 1 / chance of being labelled and then left over.
    return rows.take(kept)._replace(weight=np.full(int(kept.sum()), rows.weight.max())), others._replace(
        weight=others.weight / (1 - chance[~kept])
    )


def set_aside(rows: Labelled, generator: np.random.Generator) -> tuple[Labelled, Labelled]:
    """Split by group into development and certification rows."""
    names = _present(rows.group)
    chosen = generator.permutation(names)[: round(DEVELOPMENT * names.size)]
    development = np.isin(rows.group, chosen)
    return rows.take(development), rows.take(~development)


def _present(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the groups that have rows, rising; counting beats sorting at millions of rows."""
    return np.flatnonzero(np.bincount(group)).astype(np.int64)
