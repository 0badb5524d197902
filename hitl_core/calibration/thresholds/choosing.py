"""The lowest threshold whose auto-approved error is at most a target, with a stated probability of being wrong.

Public: `choose_threshold`, `ThresholdResult`, `Method`. The statement: among items like the labelled ones, those at or
above the threshold are wrong at most `target_error` of the time; the procedure says so wrongly with probability at most
`delta`, whatever the shape of the error curve. One call spends its delta once: asking again on the same rows spends it
again, and the one who publishes keeps that ledger.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from hitl_core.calibration.rows import kish_n
from hitl_core.calibration.thresholds import procedures, weighted_tests
from hitl_core.calibration.thresholds.exact_tests import Step, candidate_counts, clean_rows, rows_to_pass
from hitl_core.calibration.thresholds.label_error import Bounds, LabelError, as_label_error
from hitl_core.calibration.thresholds.labelled_rows import Labelled, labelled_rows, one_of_each_group
from hitl_core.calibration.thresholds.result import ThresholdResult
from hitl_core.domain.errors import InputError
from hitl_core.stats import clopper_pearson

Method = Literal["auto", "boundary", "betting", "development", "multi-start"]
METHODS = ("auto", "boundary", "betting", "development", "multi-start")
# Betting keeps every row; thinning to equal chances is sharper until most would be thrown away and much is left.
BETTING_ROWS, BETTING_GAIN = 300, 4.0


def choose_threshold(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    target_error: float,
    delta: float,
    inclusion: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    label_error: LabelError | Mapping[str, Bounds] | Sequence[Bounds] | None = None,
    min_labels: int = 30,
    seed: int = 0,
    method: Method = "auto",
) -> ThresholdResult:
    """Return the lowest threshold that can be certified.

    Args:
        confidence: shape (n,), between 0 and 1, of the labelled rows.
        correct: shape (n,), whether the output was right.
        target_error: largest acceptable share of wrong outputs at or above the threshold.
        delta: probability with which the statement may be wrong, e.g. .05.
        inclusion: shape (n,), the probability with which each row was labelled; None where all had the same.
        groups: shape (n,), rows of one group (a question, a document) depend on each other; one of each is tested.
        label_error: how often reviewers err: `(P(label right | output wrong), P(label wrong | output right))`, each as
            `(low, high)` or a rate known exactly. Without it the result speaks of disagreement with reviewers.
        min_labels: fewer independent rows than this at or above a threshold certify nothing.
        seed: of the split, the choice within groups and the thinning; fix it before seeing results.
        method: "auto" takes "boundary", or "betting" where thinning to equal chances would throw much away; the others
            are kept for comparison.

    Raises:
        InputError: the arrays do not fit, or an option is out of range.
    """
    _check_options(target_error, delta, min_labels, seed, method)
    reviewers = None if label_error is None else as_label_error(label_error)
    target = target_error if reviewers is None else reviewers.disagreement(target_error)
    rows = labelled_rows(confidence, correct, inclusion, groups)
    least = max(min_labels, clean_rows(target, delta))
    generator = np.random.default_rng(seed)
    independent = one_of_each_group(rows, np.random.default_rng(seed))
    how = _method(independent) if method == "auto" else method
    procedure = procedures.BY_NAME[how]
    smallest = min_labels if how == "multi-start" else least
    tested, steps, thinned, every_passed = procedure(rows, target, delta, smallest, generator)
    passed = [step for step in steps if step.passed]
    best = min(passed, key=lambda step: step.threshold) if passed else None
    bound = _bound(tested, best, how) if best else None
    above = tested if best is None else tested.take(tested.confidence >= best.threshold)
    return ThresholdResult(
        threshold=best.threshold if best else None,
        bound=bound if bound is None or reviewers is None else reviewers.error(bound),
        n=above.confidence.size,
        errors=int(above.wrong.sum()),
        effective_n=kish_n(above.weight),
        coverage=rows.share_above(best.threshold) if best else 0.0,
        labels_needed=0 if best else _labels_needed(rows.confidence.size, independent, target, delta, min_labels),
        method=how + ("+thinned" if thinned else ""),
        claim="disagreement with reviewers" if reviewers is None else "error",
        target_error=target_error,
        delta=delta,
        labels=rows.confidence.size,
        steps=steps,
        every_passed=every_passed,
    )


def _check_options(target_error: float, delta: float, min_labels: int, seed: int, method: str) -> None:
    for name, given in (("target_error", target_error), ("delta", delta)):
        if not isinstance(given, int | float | np.number) or not 0 < given < 1:
            raise InputError(f"{name} must be between 0 and 1, such as 0.05; got {given!r}")
    if not isinstance(min_labels, int | float | np.number) or not 1 <= min_labels < math.inf:
        raise InputError(f"min_labels must be at least 1; got {min_labels!r}")
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed must be a whole number from 0; got {seed!r}")
    if method not in METHODS:
        raise InputError(f"method must be one of {', '.join(METHODS)}; got {method!r}")


def _method(independent: Labelled) -> Literal["boundary", "betting"]:
    """Choose by the number of rows and their weights only, never by a label."""
    weight = independent.weight
    thinned = float(weight.sum() / weight.max()) if weight.size else 0.0
    return "betting" if thinned >= BETTING_ROWS and kish_n(weight) >= BETTING_GAIN * thinned else "boundary"


def _bound(tested: Labelled, best: Step, how: str) -> float:
    if how == "betting":
        return weighted_tests.upper_bound(tested, best.threshold, best.level)
    return clopper_pearson(best.errors, best.n, confidence=1 - best.level, side="upper").high


def _labels_needed(labels: int, independent: Labelled, target: float, delta: float, min_labels: int) -> int:
    """How many more labels a single test would take at the threshold where it takes the fewest."""
    clean = max(min_labels, clean_rows(target, delta))
    counts = candidate_counts(independent.confidence, 1)
    if not counts.size:
        return clean
    more = []
    for rate, now in zip(*independent.rates(independent.confidence[counts - 1]), strict=True):
        needed = rows_to_pass(float(rate), target, delta)
        if needed is not None:
            # One more labelled row brings now / labels independent ones above this threshold.
            missing = (max(needed, min_labels) - now) * labels / now
            # Nothing missing: a test chosen with hindsight would pass, so one on new rows is what it takes.
            more.append(missing if missing > 0 else float(clean))
    return max(1, int(np.ceil(min(more) - 1e-9))) if more else clean
