"""The lowest threshold whose auto-approved error is at most a target, with a stated probability of being wrong.

Public: `choose_threshold`, `ThresholdResult`, `Method`. The statement: among items like the labelled ones, those at or
above the threshold are wrong at most `target_error` of the time; the procedure says so wrongly with probability at most
`delta`, whatever the shape of the error curve. One call spends its delta once: asking again on the same rows spends it
again, and the one who publishes keeps that ledger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from hitl_core.calibration.rows import FloatArray, kish_n
from hitl_core.calibration.thresholds import weighted_tests
from hitl_core.calibration.thresholds.exact_tests import (
    IntArray,
    Step,
    candidate_counts,
    clean_rows,
    predicted_power,
    rows_to_pass,
    starts,
    walk,
)
from hitl_core.calibration.thresholds.label_error import Bounds, LabelError, as_label_error
from hitl_core.calibration.thresholds.labelled_rows import (
    DEVELOPMENT,
    Labelled,
    equal_chances,
    labelled_rows,
    one_of_each_group,
    set_aside,
)
from hitl_core.domain.errors import InputError
from hitl_core.stats import clopper_pearson

Method = Literal["auto", "development", "multi-start", "betting"]
# Splitting pays from this many times the rows that a clean single test needs.
SPLIT_FACTOR = 2
# With this many times those rows, a part of delta goes to starts that no label chose: it catches what the few rows set
# aside got wrong. Measured by `python -m evals.guarantees`.
HEDGED_FACTOR, HEDGE, HEDGE_STARTS = 6, 0.3, 4
# Betting keeps every row; thinning to equal chances is sharper until much would be thrown away and much is left.
BETTING_ROWS, BETTING_GAIN = 300, 1.25


@dataclass(frozen=True)
class ThresholdResult:
    """What was certified, or that nothing was, and why.

    Attributes:
        threshold: auto-approve at or above it; None where nothing could be certified (then everything is reviewed).
        bound: upper bound of the error at or above the threshold at the level spent there, at most `target_error`;
            None without a threshold.
        n: independent labelled rows at or above the threshold that the bound rests on; without a threshold, all
            independent rows that could be tested.
        errors: wrong ones among those n.
        effective_n: Kish's number of the rows at or above the threshold; equals n for equal chances.
        coverage: estimated share of items at or above the threshold, 0 without one.
        labels_needed: 0 with a threshold; else how many more labelled rows would do at the error rate seen, or, where
            that rate is not below the target, how many without an error a single test takes.
        method: "development" (threshold chosen on rows set aside, exact test; with many rows a part of delta hedges
            it), "multi-start" (exact sequences from several starts), "betting" (weighted e-process, threshold chosen on
            rows set aside); "+thinned" where rows of unequal inclusion were thinned to equal chances.
        claim: "error", or "disagreement with reviewers" where the reviewers' own errors are not known.
        target_error: as asked, about the claim.
        delta: as asked.
        labels: labelled rows given.
        steps: the tests made, in order: what a certificate lists.
    """

    threshold: float | None
    bound: float | None
    n: int
    errors: int
    effective_n: float
    coverage: float
    labels_needed: int
    method: str
    claim: str
    target_error: float
    delta: float
    labels: int
    steps: tuple[Step, ...]


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
        method: "auto" takes what has the most power for this many rows.

    Raises:
        InputError: the arrays do not fit, or an option is out of range.
    """
    _check_options(target_error, delta, min_labels, method)
    reviewers = None if label_error is None else as_label_error(label_error)
    target = target_error if reviewers is None else reviewers.disagreement(target_error)
    rows = labelled_rows(confidence, correct, inclusion, groups)
    least = max(min_labels, clean_rows(target, delta))
    generator = np.random.default_rng(seed)
    independent = one_of_each_group(rows, np.random.default_rng(seed))
    how = _method(independent, least, method)
    if how == "multi-start":
        tested, steps, thinned = _multi_start(rows, target, delta, min_labels, generator)
    elif how == "betting":
        tested, steps, thinned = _betting(rows, target, delta, least, generator)
    else:
        tested, steps, thinned = _development(rows, target, delta, least, generator)
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
    )


def _check_options(target_error: float, delta: float, min_labels: int, method: str) -> None:
    for name, given in (("target_error", target_error), ("delta", delta)):
        if not 0 < given < 1:
            raise InputError(f"{name} must be between 0 and 1, such as 0.05; got {given!r}")
    if min_labels < 1:
        raise InputError(f"min_labels must be at least 1; got {min_labels!r}")
    if method not in ("auto", "development", "multi-start", "betting"):
        raise InputError(f"method must be auto, development, multi-start or betting; got {method!r}")


def _method(independent: Labelled, least: int, method: Method) -> Literal["development", "multi-start", "betting"]:
    """Choose by the number of rows and their weights only, never by a label."""
    if method != "auto":
        return method
    weight = independent.weight
    thinned = float(weight.sum() / weight.max()) if weight.size else 0.0
    if thinned >= BETTING_ROWS and kish_n(weight) >= BETTING_GAIN * thinned:
        return "betting"
    return "development" if thinned * (1 - DEVELOPMENT) >= SPLIT_FACTOR * least else "multi-start"


Tested = tuple[Labelled, tuple[Step, ...], bool]


def _multi_start(
    rows: Labelled, target: float, delta: float, min_labels: int, generator: np.random.Generator
) -> Tested:
    independent = one_of_each_group(rows, generator)
    kept, others = equal_chances(independent, generator)
    thinned = others.confidence.size > 0
    if kept.confidence.size < min_labels:
        return kept, (), thinned
    begin, share = starts(kept.confidence, target, delta, min_labels)
    counts = np.union1d(begin, candidate_counts(kept.confidence, int(begin[0])))
    shares = np.where(np.isin(counts, begin), share, 0.0)
    return kept, walk(kept.confidence, kept.wrong, counts, shares, target), thinned


def _development(rows: Labelled, target: float, delta: float, least: int, generator: np.random.Generator) -> Tested:
    development, rest = set_aside(rows, generator)
    kept, others = equal_chances(one_of_each_group(rest, generator), generator)
    if kept.confidence.size < least:
        return kept, (), others.confidence.size > 0
    hedge = HEDGE * delta if kept.confidence.size >= HEDGED_FACTOR * least else 0.0
    counts = candidate_counts(kept.confidence, least)
    begin, share = counts[:0], 0.0
    if hedge:
        begin, share = starts(kept.confidence, target, hedge, least, most=HEDGE_STARTS)
        counts = np.union1d(counts, begin)
    known = _with_leftovers(development, others, kept)
    first = _most_promising(known, kept, counts, counts.astype(np.float64), target, delta - hedge)
    shares = np.where(np.arange(counts.size) == first, delta - hedge, 0.0) + np.where(
        np.isin(counts, begin), share, 0.0
    )
    return kept, walk(kept.confidence, kept.wrong, counts, shares, target), others.confidence.size > 0


def _betting(rows: Labelled, target: float, delta: float, least: int, generator: np.random.Generator) -> Tested:
    development, rest = set_aside(rows, generator)
    # Bets follow the rows in random order, so that the wealth may be stopped at its best.
    independent = one_of_each_group(rest, generator)
    order = generator.permutation(independent.confidence.size)
    counts = candidate_counts(independent.confidence, least)
    if not counts.size or counts[-1] < least:
        return independent.take(order), (), False
    _, effective = independent.rates(independent.confidence[counts - 1])
    first = _most_promising(development, independent, counts, effective, target, delta)
    thresholds = independent.confidence[counts[first:] - 1]
    shuffled = independent.take(order)
    return shuffled, weighted_tests.walk(shuffled, thresholds, target, delta), False


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
