"""Which calibrator: compared by cross-validated log loss, group by group, and scored by nested cross-validation."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hitl_core.calibration.measures.scores import row_losses
from hitl_core.calibration.recalibrating.calibrator import (
    METHODS,
    CalibrationMethod,
    Calibrator,
    apply_map,
    check_method,
)
from hitl_core.calibration.recalibrating.origin import with_window
from hitl_core.calibration.recalibrating.recalibration import fit_map
from hitl_core.calibration.rows import Rows, checked_rows, group_numbers

FOLDS = 5
# With fewer groups, or fewer of the rarer label, a comparison says nothing and Platt's smoothed two numbers are fitted.
LEAST_GROUPS, LEAST_RARER = 30, 5
# Comparisons fit Venn-Abers on a coarser grid; the last fit has the full one.
POINTS_WHILE_COMPARING = 60
COMPARED_ROWS = 10_000
# A richer map must win by more than this, in nats a row: methods stand in order of simplicity.
MARGIN = 1e-4


def fit_calibrator(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    method: CalibrationMethod | Literal["auto"] = "auto",
    weights: ArrayLike | None = None,
    seed: int = 0,
) -> Calibrator:
    """Fit a map from raw confidence to the probability of being right.

    Args:
        confidence: shape (n,), between 0 and 1.
        correct: shape (n,), whether the output was right.
        groups: shape (n,); rows of one group never stand on both sides of a split.
        method: "auto" compares identity, temperature, Platt, beta, isotonic and Venn-Abers by log loss in five folds;
            `nested_log_loss` is the loss of that whole procedure on rows it has not seen.
        weights: shape (n,), 1 / inclusion probability, or None.
        seed: of the folds.

    Raises:
        InputError: the arrays do not fit, or the method is not known.
    """
    rows = checked_rows(confidence, correct, weights)
    group = group_numbers(groups, rows.confidence.size)
    origin = with_window(None, confidence=rows.confidence)
    if not isinstance(method, str) or method != "auto":
        check_method(method)
        return Calibrator(method, fit_map(method, rows), rows.confidence.size, origin=origin)
    if not _comparable(rows, group):
        return Calibrator("platt", fit_map("platt", rows), rows.confidence.size, origin=origin)
    generator = np.random.default_rng(seed)
    compared = _enough(group, generator)
    sample, group = _take(rows, compared), group[compared]
    fold = folds(group, generator)
    losses = {name: _cross_validated(name, sample, fold) for name in METHODS}
    best = _simplest_of_the_best(losses)
    return Calibrator(
        best,
        fit_map(best, rows),
        rows.confidence.size,
        log_loss=dict(losses.items()),
        nested_log_loss=_nested(sample, group, fold, generator),
        origin=origin,
    )


def _enough(group: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.bool_]:
    """Choose whole groups for the comparison; more than some thousand rows change no choice."""
    if group.size <= COMPARED_ROWS:
        return np.ones(group.size, dtype=np.bool_)
    names, where, sizes = np.unique(group, return_inverse=True, return_counts=True)
    order = generator.permutation(names.size)
    chosen = order[: max(LEAST_GROUPS, int(np.searchsorted(np.cumsum(sizes[order]), COMPARED_ROWS)))]
    return np.isin(where, chosen)


def _comparable(rows: Rows, group: NDArray[np.int64]) -> bool:
    rarer = min(rows.correct.sum(), (1 - rows.correct).sum())
    return np.unique(group).size >= LEAST_GROUPS and rarer >= LEAST_RARER


def folds(group: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.int64]:
    """Return the fold of each row; whole groups, as even in number as can be."""
    names, where = np.unique(group, return_inverse=True)
    return np.asarray((generator.permutation(names.size) % FOLDS)[where], dtype=np.int64)


def _cross_validated(method: CalibrationMethod, rows: Rows, fold: NDArray[np.int64]) -> float:
    losses = np.zeros(rows.confidence.size)
    for each in np.unique(fold):
        out = fold == each
        losses[out] = _losses(method, _take(rows, ~out), _take(rows, out))
    return float(rows.weight @ losses / rows.weight.sum())


def _losses(method: CalibrationMethod, fitted_on: Rows, tested_on: Rows) -> NDArray[np.float64]:
    parameters = fit_map(method, fitted_on, most_points=POINTS_WHILE_COMPARING)
    return row_losses(apply_map(method, parameters, tested_on.confidence), tested_on.correct)


def _nested(rows: Rows, group: NDArray[np.int64], fold: NDArray[np.int64], generator: np.random.Generator) -> float:
    losses = np.zeros(rows.confidence.size)
    for each in np.unique(fold):
        out = fold == each
        inside = _take(rows, ~out)
        inner = folds(group[~out], generator)
        best = _simplest_of_the_best({name: _cross_validated(name, inside, inner) for name in METHODS})
        losses[out] = _losses(best, inside, _take(rows, out))
    return float(rows.weight @ losses / rows.weight.sum())


def _simplest_of_the_best(losses: dict[CalibrationMethod, float]) -> CalibrationMethod:
    least = min(losses.values())
    return next(name for name in METHODS if losses[name] <= least + MARGIN)


def _take(rows: Rows, chosen: NDArray[np.bool_]) -> Rows:
    return Rows(rows.confidence[chosen], rows.correct[chosen], rows.weight[chosen])
