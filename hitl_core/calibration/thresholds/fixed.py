"""One threshold that was named beforehand, and ramps of them: a single test at full delta.

Public: `certify_threshold`, `next_ramp_step`, `RampStep`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hitl_core.calibration.rows import kish_n
from hitl_core.calibration.thresholds import weighted_tests
from hitl_core.calibration.thresholds.exact_tests import Step, clean_rows, p_values, rows_to_pass
from hitl_core.calibration.thresholds.label_error import Bounds, LabelError, as_label_error
from hitl_core.calibration.thresholds.labelled_rows import Labelled, equal_chances, labelled_rows, one_of_each_group
from hitl_core.calibration.thresholds.result import ThresholdResult
from hitl_core.domain.errors import InputError
from hitl_core.stats import clopper_pearson

# A test on weighted rows keeps them all and bets where thinning would leave less than this part of the effective rows.
BETTING_GAIN = 1.25


class RampStep(NamedTuple):
    """Where a ramp stands after a test: the threshold to use now, whether a step was taken, and the test."""

    threshold: float | None
    taken: bool
    result: ThresholdResult | None
    reason: str


def certify_threshold(
    confidence: ArrayLike,
    correct: ArrayLike,
    threshold: float,
    *,
    target_error: float,
    delta: float,
    inclusion: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    label_error: LabelError | Mapping[str, Bounds] | Sequence[Bounds] | None = None,
    min_labels: int = 30,
    seed: int = 0,
) -> ThresholdResult:
    """Test one threshold that was chosen without looking at these rows; arguments as in `choose_threshold`.

    The result's `threshold` is None where the test fails; its `bound` holds by itself with probability 1 - delta
    either way, since nothing was chosen.
    """
    if not 0 <= threshold <= 1:
        raise InputError(f"a threshold must lie between 0 and 1; got {threshold!r}")
    if not (0 < target_error < 1 and 0 < delta < 1) or min_labels < 1:
        raise InputError("target_error and delta must be between 0 and 1, min_labels at least 1")
    reviewers = None if label_error is None else as_label_error(label_error)
    target = target_error if reviewers is None else reviewers.disagreement(target_error)
    rows = labelled_rows(confidence, correct, inclusion, groups)
    generator = np.random.default_rng(seed)
    above = rows.take(rows.confidence >= threshold)
    tested, step, bound, how = _test(above, threshold, target, delta, generator)
    passed = step.passed and tested.wrong.size >= min_labels
    return ThresholdResult(
        threshold=threshold if passed else None,
        bound=bound if reviewers is None else reviewers.error(bound),
        n=tested.wrong.size,
        errors=int(tested.wrong.sum()),
        effective_n=kish_n(tested.weight),
        coverage=rows.share_above(threshold) if passed else 0.0,
        labels_needed=0 if passed else _labels_needed(rows, tested, target, delta, min_labels),
        method=how,
        claim="disagreement with reviewers" if reviewers is None else "error",
        target_error=target_error,
        delta=delta,
        labels=rows.confidence.size,
        steps=(step,),
    )


def next_ramp_step(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    ramp: Sequence[float],
    current: float | None,
    target_error: float,
    delta: float,
    inclusion: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    label_error: LabelError | Mapping[str, Bounds] | Sequence[Bounds] | None = None,
    min_labels: int = 30,
    seed: int = 0,
) -> RampStep:
    """Test the next looser step of a ramp that was written down beforehand, such as .9, .8, .7; one step at most.

    Each call is one look at the data and spends `delta` (see `DeltaLedger`).

    Args:
        confidence: shape (n,), of the labelled rows.
        correct: shape (n,), whether the output was right.
        ramp: falling thresholds.
        current: the threshold in use; None before the first step.
        target_error: as in `choose_threshold`, like the other arguments.
        delta: of this step's test.
        inclusion: probability of a label for each row.
        groups: rows of one group depend on each other.
        label_error: how often reviewers err.
        min_labels: fewer rows at or above the step certify nothing.
        seed: of choices within groups and of thinning.

    Raises:
        InputError: the ramp does not fall, or as in `choose_threshold`.
    """
    steps = [float(each) for each in ramp]
    if not steps or any(later >= earlier for earlier, later in itertools.pairwise(steps)):
        raise InputError(f"a ramp needs falling thresholds, such as 0.9, 0.8; got {list(ramp)!r}")
    looser = [each for each in steps if current is None or each < current]
    if not looser:
        return RampStep(current, False, None, "the ramp is at its end")
    result = certify_threshold(
        confidence,
        correct,
        looser[0],
        target_error=target_error,
        delta=delta,
        inclusion=inclusion,
        groups=groups,
        label_error=label_error,
        min_labels=min_labels,
        seed=seed,
    )
    if result.threshold is not None:
        return RampStep(looser[0], True, result, f"step to {looser[0]:g} certified: at most {result.bound:.2%}")
    reason = f"step to {looser[0]:g} not certified: up to {result.bound:.2%}, about {result.labels_needed} more labels"
    return RampStep(current, False, result, reason)


def _test(
    above: Labelled, threshold: float, target: float, delta: float, generator: np.random.Generator
) -> tuple[Labelled, Step, float, str]:
    """The rows tested, the test, the bound and the method's name."""
    independent = one_of_each_group(above, generator)
    weight = independent.weight
    if weight.size and kish_n(weight) >= BETTING_GAIN * float(weight.sum() / weight.max()):
        shuffled = independent.take(generator.permutation(weight.size))
        step = weighted_tests.walk(shuffled, np.array([threshold]), target, delta)[0]
        return shuffled, step, weighted_tests.upper_bound(shuffled, threshold, delta), "fixed, betting"
    kept, others = equal_chances(independent, generator)
    n, errors = kept.wrong.size, int(kept.wrong.sum())
    value = float(p_values(np.array([errors]), np.array([n]), target)[0])
    bound = clopper_pearson(errors, n, confidence=1 - delta, side="upper").high
    return kept, Step(threshold, n, errors, delta, value), bound, "fixed" + ("+thinned" if others.wrong.size else "")


def _labels_needed(rows: Labelled, tested: Labelled, target: float, delta: float, min_labels: int) -> int:
    """How many more labelled rows bring enough above this threshold, at the error rate seen there."""
    clean = max(min_labels, clean_rows(target, delta))
    if not tested.wrong.size:
        return clean
    needed = rows_to_pass(float(np.average(tested.wrong, weights=tested.weight)), target, delta)
    if needed is None:
        return clean
    missing = (max(needed, min_labels) - tested.wrong.size) * rows.wrong.size / tested.wrong.size
    return max(1, int(np.ceil(missing - 1e-9)))
