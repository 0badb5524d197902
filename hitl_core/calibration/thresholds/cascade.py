"""Thresholds of all tiers of a cascade at once: the accepted answers together are wrong at most `target_error`.

A part of the rows chooses a path of settings (one threshold a tier, all tiers asked for the same chance of being
right) and where on it to begin; the other rows test the settings of the path, each as a whole, so delta is spent once
and not once a tier. Spending the whole delta at every tier misses the promise, and delta / tiers wins less.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hitl_core.calibration.recalibrating.calibrator import apply_map
from hitl_core.calibration.recalibrating.recalibration import fit_map
from hitl_core.calibration.rows import FloatArray, Rows
from hitl_core.calibration.thresholds.exact_tests import IntArray, Step, clean_rows, predicted_power, walk_counts
from hitl_core.calibration.thresholds.labelled_rows import equal_chances, labelled_rows, one_of_each_group, set_aside
from hitl_core.domain.errors import InputError
from hitl_core.stats import clopper_pearson

# Settings on the path, and the part of delta that starts at a place no label chose.
SETTINGS, HEDGE = 60, 0.25
START_ROWS = 1.6
LEAST_FITTED = 8


@dataclass(frozen=True)
class CascadeResult:
    """Certified thresholds of a cascade.

    Attributes:
        thresholds: one for each tier: it answers at or above; None where the tier answers nothing.
        bound: upper bound of the error among all accepted answers at the level spent; None where nothing passed.
        n: independent certification rows that the cascade accepts; errors: wrong ones among them.
        coverage: estimated share of items that the cascade answers, and `tier_coverage` by which tier.
        method, target_error, delta, labels, steps: as in `ThresholdResult`; a step's threshold is the chance of being
            right that the setting asks of every tier.
    """

    thresholds: tuple[float | None, ...]
    bound: float | None
    n: int
    errors: int
    coverage: float
    tier_coverage: tuple[float, ...]
    method: str
    target_error: float
    delta: float
    labels: int
    steps: tuple[Step, ...]


def choose_cascade_thresholds(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    target_error: float,
    delta: float,
    inclusion: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    min_labels: int = 30,
    seed: int = 0,
) -> CascadeResult:
    """Return thresholds for each tier; the first tier at or above its own answers, else a person does.

    Args:
        confidence: shape (n, tiers), in the order of asking; NaN where a tier gave no usable answer (it passes on).
        correct: shape (n, tiers), whether that tier's answer was right; ignored where the confidence is NaN.
        target_error: largest acceptable share of wrong ones among all accepted answers.
        delta: probability that the statement is wrong.
        inclusion: shape (n,), probability of a label; None where all had the same. Unequal ones are thinned.
        groups: shape (n,), rows of one group depend on each other; one of each is tested.
        min_labels: fewer independent accepted rows certify nothing.
        seed: of the split and the choices; fix it before seeing results.

    Raises:
        InputError: the arrays do not fit, or an option is out of range.
    """
    if not (0 < target_error < 1 and 0 < delta < 1) or min_labels < 1:
        raise InputError("target_error and delta must be between 0 and 1, min_labels at least 1")
    asked, right = _checked(confidence, correct)
    known, tested = _split(asked.shape[0], inclusion, groups, seed)
    least = max(min_labels, clean_rows(target_error, delta))
    levels = 1 - np.geomspace(target_error / 50, min(0.95, 12 * target_error), SETTINGS)
    path = _path(asked[known], right[known], levels) if known.size else np.full((SETTINGS, asked.shape[1]), np.inf)
    # Settings that accept the same rows are one test.
    n, errors = _outcomes(asked[tested], right[tested], path)
    usable = np.flatnonzero((n >= least) & (np.diff(np.concatenate([[-1], n])) != 0))
    steps: tuple[Step, ...] = ()
    if usable.size:
        seen, wrong = _outcomes(asked[known], right[known], path[usable])
        shares = _shares(n[usable], seen, wrong, target_error, delta)
        steps = walk_counts(levels[usable], n[usable], errors[usable], shares, target_error)
    passed = [step for step in steps if step.passed]
    best = max(passed, key=lambda step: step.n) if passed else None
    setting = path[int(np.argmin(np.abs(levels - best.threshold)))] if best else np.full(asked.shape[1], np.inf)
    by_tier = _tier_shares(asked, setting, inclusion)
    return CascadeResult(
        thresholds=tuple(float(each) if np.isfinite(each) else None for each in setting),
        bound=clopper_pearson(best.errors, best.n, confidence=1 - best.level, side="upper").high if best else None,
        n=best.n if best else int(tested.size),
        errors=best.errors if best else 0,
        coverage=float(sum(by_tier)),
        tier_coverage=by_tier,
        method="cascade, joint",
        target_error=target_error,
        delta=delta,
        labels=int(asked.shape[0]),
        steps=steps,
    )


def answering_tier(confidence: FloatArray, thresholds: ArrayLike) -> NDArray[np.int64]:
    """Return the first tier at or above its threshold, -1 for a person; confidence has shape (n, tiers)."""
    accepts = np.where(np.isnan(confidence), -np.inf, confidence) >= np.asarray(thresholds, dtype=np.float64)
    return np.where(accepts.any(axis=1), accepts.argmax(axis=1), -1).astype(np.int64)


def _checked(confidence: ArrayLike, correct: ArrayLike) -> tuple[FloatArray, NDArray[np.bool_]]:
    asked = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    if asked.ndim != 2 or asked.shape != right.shape or not asked.shape[1]:
        raise InputError(f"confidence and correct need shape (rows, tiers); got {asked.shape} and {right.shape}")
    answered = ~np.isnan(asked)
    if ((asked < 0) | (asked > 1)).any() or not np.isin(right[answered], (0.0, 1.0)).all():
        raise InputError("confidences must lie between 0 and 1 (NaN for no answer), correct must be true or false")
    return asked, right > 0


def _split(rows: int, inclusion: ArrayLike | None, groups: ArrayLike | None, seed: int) -> tuple[IntArray, IntArray]:
    """Numbers of the development rows, and of the independent rows of equal chance that test."""
    generator = np.random.default_rng(seed)
    # The row's number travels in the place of the confidence, as a fraction that keeps the order.
    place = (np.arange(rows) + 0.5) / max(1, rows)
    everything = labelled_rows(place, np.ones(rows), inclusion, groups)
    known, rest = set_aside(everything, generator)
    kept, _ = equal_chances(one_of_each_group(rest, generator), generator)
    return tuple(np.sort((each.confidence * rows).astype(np.int64)) for each in (known, kept))  # type: ignore[return-value]


def _path(asked: FloatArray, right: NDArray[np.bool_], levels: FloatArray) -> FloatArray:
    """Thresholds of shape (settings, tiers): each tier answers where its fitted chance of being right is high enough.

    A tier is fitted on the rows that reach it, because those that earlier tiers answered were the easier ones.
    """
    path = np.full((levels.size, asked.shape[1]), np.inf)
    for i, level in enumerate(levels):
        reached = np.ones(asked.shape[0], dtype=np.bool_)
        for tier in range(asked.shape[1]):
            here = reached & ~np.isnan(asked[:, tier])
            path[i, tier] = _lowest(asked[here, tier], right[here, tier], float(level))
            reached &= ~(np.nan_to_num(asked[:, tier], nan=-1.0) >= path[i, tier])
    return path


def _lowest(confidence: FloatArray, right: NDArray[np.bool_], level: float) -> float:
    """The lowest confidence seen whose fitted chance of being right reaches a level; infinity for none."""
    if confidence.size < LEAST_FITTED:
        return float("inf")
    fitted = fit_map("platt", Rows(confidence, right.astype(np.float64), np.ones(confidence.size)))
    values = np.unique(confidence)
    reaching = values[apply_map("platt", fitted, values) >= level]
    return float(reaching[0]) if reaching.size else float("inf")


def _outcomes(asked: FloatArray, right: NDArray[np.bool_], path: FloatArray) -> tuple[IntArray, IntArray]:
    """Rows that each setting accepts, and wrong answers among them."""
    n, errors = np.zeros(len(path), dtype=np.int64), np.zeros(len(path), dtype=np.int64)
    for i, setting in enumerate(path):
        tier = answering_tier(asked, setting)
        accepted = np.flatnonzero(tier >= 0)
        n[i], errors[i] = accepted.size, np.count_nonzero(~right[accepted, tier[accepted]])
    return n, errors


def _shares(n: IntArray, seen: IntArray, wrong: IntArray, target: float, delta: float) -> FloatArray:
    """Where on the path delta starts: most at the setting with the most rows × predicted power, some earlier."""
    rate = wrong / np.maximum(seen, 1)
    hedge = HEDGE * delta
    power = predicted_power(rate, np.maximum(seen, 1).astype(np.float64), n, target, delta - hedge)
    shares = np.zeros(n.size)
    shares[int(np.argmax(n * power))] += delta - hedge
    early = np.flatnonzero(n >= START_ROWS * clean_rows(target, hedge))
    shares[int(early[0]) if early.size else int(np.argmax(n * power))] += hedge
    return shares


def _tier_shares(asked: FloatArray, setting: FloatArray, inclusion: ArrayLike | None) -> tuple[float, ...]:
    tier = answering_tier(asked, setting)
    weight = np.ones(tier.size) if inclusion is None else 1 / np.asarray(inclusion, dtype=np.float64)
    total = max(float(weight.sum()), 1e-300)
    return tuple(float(weight[tier == each].sum()) / total for each in range(asked.shape[1]))
