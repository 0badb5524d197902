"""Fitting the scorer: L2-penalised logistic regression by Newton's method, its strength by cross-validation.

Public: `fit_scorer`, `cross_validated_scores`. Source of the method: Hastie, Tibshirani and Friedman, "The Elements of
Statistical Learning" (2009), 4.4 and 7.10. Folds are of whole groups, and the strength is chosen inside
each outer fold, so that the reported area counts no row twice.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hitl_core.confidence.scorer import FEATURES, Scorer, features_of
from hitl_core.confidence.signals import Signals
from hitl_core.domain.errors import InputError
from hitl_core.stats.ranking import ranking_auroc, ranking_interval

MIN_ROWS = 50
MIN_EACH = 10
MIN_GROUPS = 10
CHANCE = 0.5
# In units of rows: a penalty of k pulls a weight as k rows without a difference would.
PENALTIES = (1.0, 10.0, 100.0, 1000.0)
_FOLDS = 5
_STEPS = 50
_SMALL = 1e-8

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class _Rows(NamedTuple):
    """What is fitted: values (n, k) with NaN for what is missing, labels, group numbers and weights (n,)."""

    values: FloatArray
    right: FloatArray
    group: IntArray
    weight: FloatArray

    def part(self, chosen: NDArray[np.bool_]) -> _Rows:
        return _Rows(self.values[chosen], self.right[chosen], self.group[chosen], self.weight[chosen])


class _Model(NamedTuple):
    center: FloatArray
    scale: FloatArray
    weights: FloatArray
    intercept: float

    def log_odds(self, values: FloatArray) -> FloatArray:
        return np.asarray(self.intercept + _standard(values, self.center, self.scale) @ self.weights, dtype=np.float64)


def fit_scorer(
    signals: Sequence[Signals],
    correct: Sequence[bool],
    *,
    groups: Sequence[Hashable] | None = None,
    weights: Sequence[float] | None = None,
    seed: int = 0,
) -> Scorer:
    """Fit a scorer to outputs that people judged.

    Args:
        signals: one for each output.
        correct: whether people found it right.
        groups: rows of one group (a question, a document) are dependent and stay in one fold; default none are.
        weights: for rows drawn with unequal probabilities, 1 / probability; default all equal.
        seed: of the folds and the bootstrap.

    Returns:
        The scorer. It is refused (`usable` is false, `problem` says why) where the lower end of the 95 % interval of
        its out-of-fold area under the ROC curve is not above one half.

    Raises:
        InputError: fewer than 50 rows, 10 of each label or 10 groups, or lengths that differ.
    """
    rows = _checked(signals, correct, groups, weights)
    held_out = _out_of_fold(rows, seed)
    area = ranking_auroc(held_out, rows.right > 0, weights=rows.weight)
    interval = ranking_interval(held_out, rows.right > 0, groups=rows.group, weights=rows.weight, seed=seed)
    penalty = _best_penalty(rows, seed)
    present = _present(rows.values)
    model = _fitted(rows._replace(values=rows.values[:, present]), penalty)
    return Scorer(
        features=tuple(np.asarray(FEATURES)[present].tolist()),
        center=tuple(model.center.tolist()),
        scale=tuple(model.scale.tolist()),
        weights=tuple(model.weights.tolist()),
        intercept=float(model.intercept),
        missing=tuple(np.isnan(rows.values[:, present]).mean(axis=0).tolist()),
        penalty=penalty,
        n=len(rows.right),
        positives=int(rows.right.sum()),
        groups=int(rows.group.max()) + 1,
        auroc=area,
        auroc_low=min(area, interval.low),
        auroc_high=max(area, interval.high),
        problem=_problem(area, interval.low, interval.high),
    )


def cross_validated_scores(
    signals: Sequence[Signals],
    correct: Sequence[bool],
    *,
    groups: Sequence[Hashable] | None = None,
    weights: Sequence[float] | None = None,
    seed: int = 0,
) -> FloatArray:
    """Return the out-of-fold log-odds by which `fit_scorer` measures itself, shape (n,)."""
    return _out_of_fold(_checked(signals, correct, groups, weights), seed)


def _problem(area: float, low: float, high: float) -> str:
    if low > CHANCE:
        return ""
    return f"it ranks no better than chance: AUROC {area:.3f}, 95 % interval {low:.3f} to {high:.3f} reaches 0.5"


def _checked(
    signals: Sequence[Signals],
    correct: Sequence[bool],
    groups: Sequence[Hashable] | None,
    weights: Sequence[float] | None,
) -> _Rows:
    n = len(signals)
    if any(len(each) != n for each in (correct, groups, weights) if each is not None):
        raise InputError("signals, labels, groups and weights must have the same length")
    right = np.asarray([bool(each) for each in correct], dtype=np.float64)
    numbered: dict[Hashable, int] = {}
    for each in groups if groups is not None else range(n):
        numbered.setdefault(each, len(numbered))
    group = np.asarray([numbered[each] for each in (groups if groups is not None else range(n))], dtype=np.int64)
    weight = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    if not np.isfinite(weight).all() or (weight <= 0).any():
        raise InputError("weights must be finite and above 0")
    _require_enough(n, int(right.sum()), len(numbered))
    values = np.asarray([features_of(each) for each in signals], dtype=np.float64)
    return _Rows(values, right, group, weight / weight.mean())


def _require_enough(n: int, positives: int, groups: int) -> None:
    for what, have, needed in (
        ("labelled rows", n, MIN_ROWS),
        ("rows labelled right", positives, MIN_EACH),
        ("rows labelled wrong", n - positives, MIN_EACH),
        ("groups (different questions)", groups, MIN_GROUPS),
    ):
        if have < needed:
            raise InputError(f"a scorer needs at least {needed} {what}, there are {have}; review some more items")


def _out_of_fold(rows: _Rows, seed: int) -> FloatArray:
    """Score each row by a model that saw neither it nor its group, whose strength was chosen without them too."""
    fold = _folds(rows, seed)
    scores = np.zeros(len(rows.right))
    for number in range(_FOLDS):
        train, test = rows.part(fold != number), fold == number
        if test.any():
            model = _fitted(train, _best_penalty(train, seed))
            scores[test] = model.log_odds(rows.values[test])
    return scores


def _best_penalty(rows: _Rows, seed: int) -> float:
    """Return the strength with the least cross-validated log loss; of equals the strongest."""
    fold = _folds(rows, seed)
    losses = dict.fromkeys(PENALTIES, 0.0)
    for number in range(_FOLDS):
        train, test = rows.part(fold != number), rows.part(fold == number)
        if len(test.right):
            for penalty in PENALTIES:
                log_odds = _fitted(train, penalty).log_odds(test.values)
                losses[penalty] += float(test.weight @ (np.logaddexp(0.0, log_odds) - test.right * log_odds))
    return min(sorted(PENALTIES, reverse=True), key=lambda each: losses[each])


def _folds(rows: _Rows, seed: int) -> IntArray:
    """Return the fold of each row: whole groups, in seeded order, to the fold that has least of their rarer label."""
    count = int(rows.group.max()) + 1
    size = np.bincount(rows.group, minlength=count)
    right = np.bincount(rows.group, weights=rows.right, minlength=count)
    rare = right if rows.right.mean() < 0.5 else size - right
    shuffled = np.random.default_rng(seed).permutation(count)
    order = shuffled[np.argsort(-size[shuffled], kind="stable")]
    load = np.zeros((_FOLDS, 2))
    place = np.zeros(count, dtype=np.int64)
    for group in order:
        place[group] = np.lexsort((load[:, 1], load[:, 0] + load[:, 1] / (size.sum() + 1)))[0]
        load[place[group]] += (rare[group], size[group])
    return place[rows.group]


def _present(values: FloatArray) -> NDArray[np.bool_]:
    """Return which columns have any value; at least one has, as every output has a length."""
    return np.asarray(~np.isnan(values).all(axis=0))


def _standard(values: FloatArray, center: FloatArray, scale: FloatArray) -> FloatArray:
    return np.clip(np.nan_to_num((values - center) / scale, nan=0.0), -4.0, 4.0)


def _fitted(rows: _Rows, penalty: float) -> _Model:
    """Newton's method on the penalised log-likelihood, which is strictly convex; the intercept is not penalised."""
    known = ~np.isnan(rows.values)
    counts = np.maximum(known.sum(axis=0), 1)
    center = np.where(known, rows.values, 0.0).sum(axis=0) / counts
    spread = np.sqrt(np.where(known, (rows.values - center) ** 2, 0.0).sum(axis=0) / counts)
    scale = np.where(spread > _SMALL, spread, 1.0)
    design = np.column_stack([np.ones(len(rows.right)), _standard(rows.values, center, scale)])
    ridge = np.full(design.shape[1], penalty)
    ridge[0] = _SMALL
    beta = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -35.0, 35.0)))
        gradient = design.T @ (rows.weight * (rows.right - p)) - ridge * beta
        curvature = (design * (rows.weight * p * (1 - p))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        beta = beta + step / max(1.0, float(np.abs(step).max()) / 2)
        if float(np.abs(step).max()) < _SMALL:
            break
    return _Model(center, scale, beta[1:], float(beta[0]))
