"""What `choose_threshold` answers."""

from __future__ import annotations

from dataclasses import dataclass

from hitl_core.calibration.thresholds.exact_tests import Step


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
        method: "boundary" (exact, one boundary over all thresholds), "betting" (weighted e-process, threshold chosen on
            rows set aside), "development" (exact test of a threshold chosen on rows set aside; with many rows a part of
            delta hedges it), "multi-start" (exact sequences from several starts); "+thinned" where rows of unequal
            inclusion were thinned to equal chances.
        claim: "error", or "disagreement with reviewers" where the reviewers' own errors are not known.
        target_error: as asked, about the claim.
        delta: as asked.
        labels: labelled rows given.
        steps: the tests made, in order: what a certificate lists.
        every_passed: whether every threshold that could be tested has passed (method "boundary" only).
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
    every_passed: bool = False
