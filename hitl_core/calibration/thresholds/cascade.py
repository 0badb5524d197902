"""Thresholds of all tiers of a cascade at once: the accepted answers together are wrong at most `target_error`.

Some rows, set aside, say down to which confidence each tier but the last should answer. That fixes which tier would
answer which item, so the cascade has one order of loosening: the first tier from strict to that confidence, then the
second, and so on; and one exact boundary over that order (see `boundary`) spends delta once, not once a tier. A tier
that is better than the target leaves room for the next. Spending the whole delta at every tier misses the promise;
delta / tiers keeps it and wins less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hitl_core.calibration.recalibrating.calibrator import apply_map
from hitl_core.calibration.recalibrating.recalibration import fit_map
from hitl_core.calibration.rows import FloatArray, Rows
from hitl_core.calibration.thresholds.boundary import boundary_steps
from hitl_core.calibration.thresholds.exact_tests import IntArray, Step, clean_rows, predicted_power
from hitl_core.calibration.thresholds.labelled_rows import equal_chances, labelled_rows, one_of_each_group, set_aside
from hitl_core.domain.errors import InputError
from hitl_core.stats import clopper_pearson

# Chances of being right that are tried out on the rows set aside, and the part of delta their prediction reckons with:
# about what the boundary leaves for one threshold.
SETTINGS, PREDICTED_LEVEL = 24, 0.5
LEAST_FITTED = 8


@dataclass(frozen=True)
class CascadeResult:
    """Certified thresholds of a cascade.

    Attributes:
        thresholds: one for each tier: it answers at or above; None where the tier answers nothing.
        bound: upper bound of the error among all accepted answers at the level spent; None where nothing passed.
        n: independent certification rows that the cascade accepts; errors: wrong ones among them.
        coverage: estimated share of items that the cascade answers, and `tier_coverage` by which tier.
        method, target_error, delta, labels, steps: as in `ThresholdResult`; a step's threshold is how far the order of
            loosening has come: 0.3 is the first tier down to .7, 1.2 all of the first and the second down to .8.
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
    limits = _limits(asked[known], right[known], tested.size, target_error, delta)
    order = _order(asked[tested], right[tested], limits)
    least = max(min_labels, clean_rows(target_error, delta))
    steps, _ = boundary_steps(-order.depth, order.wrong, target_error, delta, least)
    steps = tuple(step._replace(threshold=-step.threshold) for step in steps)
    best = max((step for step in steps if step.passed), key=lambda step: step.n, default=None)
    setting = _setting(limits, order, best.n) if best else np.full(asked.shape[1], np.inf)
    by_tier = _tier_shares(asked, setting, inclusion)
    return CascadeResult(
        thresholds=tuple(float(each) if np.isfinite(each) else None for each in setting),
        bound=clopper_pearson(best.errors, best.n, confidence=1 - best.level, side="upper").high if best else None,
        n=best.n if best else order.wrong.size,
        errors=best.errors if best else int(order.wrong.sum()),
        coverage=float(sum(by_tier)),
        tier_coverage=by_tier,
        method="cascade, joint boundary",
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


def _limits(asked: FloatArray, right: NDArray[np.bool_], rows: int, target: float, delta: float) -> FloatArray:
    """The confidence down to which each tier answers, by the rows set aside: most coverage × predicted power.

    All tiers are asked for the same chance of being right, each fitted on the rows that reach it, because those that
    earlier tiers answered were the easier ones. The last tier has no limit; the boundary stops it.
    """
    levels = 1 - np.geomspace(target / 10, min(0.9, 8 * target), SETTINGS)
    if not asked.size:
        return np.append(np.full(asked.shape[1] - 1, np.inf), 0.0)
    path = np.stack([_same_chance(asked, right, float(level)) for level in levels])
    seen, wrong = _outcomes(asked, right, path)
    n = np.round(seen * rows / max(1, asked.shape[0])).astype(np.int64)
    rate = wrong / np.maximum(seen, 1)
    effective = np.maximum(seen, 1).astype(np.float64)
    power = predicted_power(rate, effective, np.maximum(n, 1), target, PREDICTED_LEVEL * delta)
    limits: FloatArray = path[int(np.argmax(n * power))].copy()
    limits[-1] = 0.0
    return limits


def _same_chance(asked: FloatArray, right: NDArray[np.bool_], level: float) -> FloatArray:
    setting = np.full(asked.shape[1], np.inf)
    reached = np.ones(asked.shape[0], dtype=np.bool_)
    for tier in range(asked.shape[1]):
        here = reached & ~np.isnan(asked[:, tier])
        setting[tier] = _lowest(asked[here, tier], right[here, tier], level)
        reached &= ~(np.nan_to_num(asked[:, tier], nan=-1.0) >= setting[tier])
    return setting


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


class _Order(NamedTuple):
    """Rows that some tier answers, in the order of loosening."""

    depth: FloatArray
    tier: IntArray
    confidence: FloatArray
    wrong: FloatArray


def _order(asked: FloatArray, right: NDArray[np.bool_], limits: FloatArray) -> _Order:
    tier = answering_tier(asked, limits)
    answered = np.flatnonzero(tier >= 0)
    tier = tier[answered]
    confidence = asked[answered, tier]
    wrong = (~right[answered, tier]).astype(np.float64)
    depth = tier + (1 - confidence)
    order = np.lexsort((wrong, -confidence, tier, depth))
    return _Order(depth[order], tier[order], confidence[order], wrong[order])


def _setting(limits: FloatArray, order: _Order, rows: int) -> FloatArray:
    """The thresholds that accept the first rows of the order: earlier tiers at their limits, later ones at nothing."""
    last = int(order.tier[rows - 1])
    setting = np.where(np.arange(limits.size) < last, limits, np.inf)
    setting[last] = order.confidence[rows - 1]
    return np.asarray(setting, dtype=np.float64)


def _tier_shares(asked: FloatArray, setting: FloatArray, inclusion: ArrayLike | None) -> tuple[float, ...]:
    tier = answering_tier(asked, setting)
    weight = np.ones(tier.size) if inclusion is None else 1 / np.asarray(inclusion, dtype=np.float64)
    total = max(float(weight.sum()), 1e-300)
    return tuple(float(weight[tier == each].sum()) / total for each in range(asked.shape[1]))
