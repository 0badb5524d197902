"""The ways to test many thresholds and spend delta once; each takes labelled rows and returns the tests it made."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hitl_core.calibration.rows import FloatArray
from hitl_core.calibration.thresholds import weighted_tests
from hitl_core.calibration.thresholds.boundary import boundary_steps
from hitl_core.calibration.thresholds.exact_tests import (
    IntArray,
    Step,
    candidate_counts,
    predicted_power,
    starts,
    walk,
)
from hitl_core.calibration.thresholds.labelled_rows import (
    DEVELOPMENT,
    Labelled,
    equal_chances,
    one_of_each_group,
    set_aside,
)

# With this many times the rows that a clean single test needs, a part of delta goes to starts that no label chose: it
# catches what the few rows set aside got wrong. Measured by `python -m evals.guarantees`.
HEDGED_FACTOR, HEDGE, HEDGE_STARTS = 6, 0.3, 4


class Tested(NamedTuple):
    """Rows that were tested, the tests, whether rows were thinned to equal chances, whether every test passed."""

    rows: Labelled
    steps: tuple[Step, ...]
    thinned: bool
    every_passed: bool = False


def boundary(rows: Labelled, target: float, delta: float, least: int, generator: np.random.Generator) -> Tested:
    """One exact boundary over all thresholds; every row tests, none is set aside."""
    kept, others = equal_chances(one_of_each_group(rows, generator), generator)
    steps, every_passed = boundary_steps(kept.confidence, kept.wrong, target, delta, least)
    return Tested(kept, steps, others.confidence.size > 0, every_passed)


def multi_start(rows: Labelled, target: float, delta: float, min_labels: int, generator: np.random.Generator) -> Tested:
    """Exact sequences from label-free starts that share delta."""
    independent = one_of_each_group(rows, generator)
    kept, others = equal_chances(independent, generator)
    thinned = others.confidence.size > 0
    if kept.confidence.size < min_labels:
        return Tested(kept, (), thinned)
    begin, share = starts(kept.confidence, target, delta, min_labels)
    counts = np.union1d(begin, candidate_counts(kept.confidence, int(begin[0])))
    shares = np.where(np.isin(counts, begin), share, 0.0)
    return Tested(kept, walk(kept.confidence, kept.wrong, counts, shares, target), thinned)


def development(rows: Labelled, target: float, delta: float, least: int, generator: np.random.Generator) -> Tested:
    """Exact tests from a threshold that rows set aside have chosen, going looser while they pass."""
    known, rest = set_aside(rows, generator)
    kept, others = equal_chances(one_of_each_group(rest, generator), generator)
    if kept.confidence.size < least:
        return Tested(kept, (), others.confidence.size > 0)
    hedge = HEDGE * delta if kept.confidence.size >= HEDGED_FACTOR * least else 0.0
    counts = candidate_counts(kept.confidence, least)
    begin, share = counts[:0], 0.0
    if hedge:
        begin, share = starts(kept.confidence, target, hedge, least, most=HEDGE_STARTS)
        counts = np.union1d(counts, begin)
    known = _with_leftovers(known, others, kept)
    first = _most_promising(known, kept, counts, counts.astype(np.float64), target, delta - hedge)
    shares = np.where(np.arange(counts.size) == first, delta - hedge, 0.0) + np.where(
        np.isin(counts, begin), share, 0.0
    )
    return Tested(kept, walk(kept.confidence, kept.wrong, counts, shares, target), others.confidence.size > 0)


def betting(rows: Labelled, target: float, delta: float, least: int, generator: np.random.Generator) -> Tested:
    """Weighted bets from a threshold that rows set aside have chosen, going looser while they pass."""
    known, rest = set_aside(rows, generator)
    # Bets follow the rows in random order, so that the wealth may be stopped at its best.
    independent = one_of_each_group(rest, generator)
    order = generator.permutation(independent.confidence.size)
    counts = candidate_counts(independent.confidence, least)
    if not counts.size or counts[-1] < least:
        return Tested(independent.take(order), (), False)
    _, effective = independent.rates(independent.confidence[counts - 1])
    first = _most_promising(known, independent, counts, effective, target, delta)
    thresholds = independent.confidence[counts[first:] - 1]
    shuffled = independent.take(order)
    return Tested(shuffled, weighted_tests.walk(shuffled, thresholds, target, delta), False)


def _with_leftovers(development: Labelled, others: Labelled, kept: Labelled) -> Labelled:
    """Development rows together with those that thinning left over, weighted as one sample."""
    if not others.confidence.size:
        return development
    largest = float(kept.weight.max()) if kept.weight.size else float(development.weight.max())

    def weighted(rows: Labelled, weight: FloatArray) -> Labelled:
        chance = np.clip(weight / largest, 0.0, 1.0)
        return rows._replace(weight=weight / (DEVELOPMENT + (1 - DEVELOPMENT) * (1 - chance)))

    # `others` was weighted by 1 / (p (1 - p·largest⁻¹)); undo the second factor to get back 1 / p.
    plain = 1 / (1 / others.weight + 1 / largest)
    both = [weighted(development, development.weight), weighted(others, plain)]
    joined = Labelled(*(np.concatenate(columns) for columns in zip(*both, strict=True)))
    return joined.take(np.argsort(-joined.confidence, kind="stable"))


def _most_promising(
    known: Labelled, tested: Labelled, counts: IntArray, rows: FloatArray, target: float, delta: float
) -> int:
    """Return the candidate with the most coverage × predicted power, by the development rows' labels."""
    rate, effective = known.rates(tested.confidence[counts - 1])
    power = predicted_power(rate, effective, np.maximum(1, rows).astype(np.int64), target, delta)
    weight = np.cumsum(tested.weight)[counts - 1]
    return int(np.argmax(weight * power))


Procedure = Callable[[Labelled, float, float, int, np.random.Generator], Tested]
BY_NAME: dict[str, Procedure] = {
    "boundary": boundary,
    "betting": betting,
    "development": development,
    "multi-start": multi_start,
}
