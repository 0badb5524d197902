"""Fitting the maps: temperature, Platt, beta, isotonic and Venn-Abers, each from checked rows to parameters.

Platt (1999) with his smoothed targets; temperature: Guo et al., "On calibration of modern neural networks" (2017);
beta: Kull, Silva Filho and Flach (2017); isotonic: Zadrozny and Elkan (2002), held away from 0 and 1 by the number of
rows that stand behind its ends.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import optimize, special

from hitl_core.calibration.recalibrating.calibrator import CLIP, CalibrationMethod
from hitl_core.calibration.recalibrating.venn_abers import MOST_POINTS, venn_abers
from hitl_core.calibration.rows import FloatArray, Rows

Parameters = Mapping[str, float | tuple[float, ...]]
# A pull towards the raw confidence, worth far less than one row; it keeps separable rows from running to infinity.
RIDGE = 1e-3
NEWTON_STEPS, CONVERGED, SMALLEST_STEP = 100, 1e-9, 1e-8


def fit_map(method: CalibrationMethod, rows: Rows, *, most_points: int = MOST_POINTS) -> Parameters:
    """Return the parameters of one method; every label may be the same."""
    if method == "identity":
        return {}
    if method == "isotonic":
        return _fit_isotonic(rows)
    if method == "venn_abers":
        fitted = venn_abers(rows, most_points=most_points)
        return {"x": tuple(fitted.points), "p0": tuple(fitted.p0), "p1": tuple(fitted.p1)}
    p = np.clip(rows.confidence, CLIP, 1 - CLIP)
    one = np.ones_like(p)
    if method == "temperature":
        inverse = _logistic(special.logit(p)[:, None], rows, np.array([1.0]))
        return {"t": float(np.clip(1 / max(inverse[0], 1e-3), 1e-3, 1e3))}
    if method == "platt":
        slope, offset = _logistic(np.stack([special.logit(p), one], axis=1), rows, np.array([1.0, 0.0]))
        return {"slope": slope, "offset": offset}
    a, b, offset = _fit_beta(p, one, rows)
    return {"a": a, "b": b, "offset": offset}


def _fit_beta(p: FloatArray, one: FloatArray, rows: Rows) -> tuple[float, float, float]:
    """Fit a, b of at least 0, so that the map never falls."""
    features = np.stack([np.log(p), -np.log1p(-p), one], axis=1)
    a, b, offset = _logistic(features, rows, np.array([1.0, 1.0, 0.0]))
    if a >= 0 and b >= 0:
        return a, b, offset
    kept = 1 if a < 0 else 0
    slope, offset = _logistic(features[:, [kept, 2]], rows, np.array([1.0, 0.0]))
    return (0.0, max(0.0, slope), offset) if kept == 1 else (max(0.0, slope), 0.0, offset)


def _logistic(features: FloatArray, rows: Rows, start: FloatArray) -> list[float]:
    """Weighted logistic regression on smoothed targets, pulled slightly towards the start (the raw confidence)."""
    weight = rows.weight / rows.weight.mean()
    right = float(weight @ rows.correct)
    wrong = float(weight.sum()) - right
    target = np.where(rows.correct > 0, (right + 1) / (right + 2), 1 / (wrong + 2))

    beta = start.copy()
    value, step = _newton_step(features, target, weight, start, beta)
    for _ in range(NEWTON_STEPS):
        size = 1.0
        while size > SMALLEST_STEP:
            better, next_step = _newton_step(features, target, weight, start, beta + size * step)
            if better <= value:
                break
            size /= 2
        moved, beta = size * step, beta + size * step
        if size <= SMALLEST_STEP or float(np.abs(moved).max()) < CONVERGED:
            break
        value, step = better, next_step
    return [float(each) for each in beta]


def _newton_step(
    features: FloatArray, target: FloatArray, weight: FloatArray, start: FloatArray, beta: FloatArray
) -> tuple[float, FloatArray]:
    """The penalised loss at beta, and the step from there to the minimum of its second-order model."""
    z = features @ beta
    p = special.expit(z)
    pull = beta - start
    value = float(weight @ (np.logaddexp(0, z) - target * z) + RIDGE * pull @ pull)
    slope = features.T @ (weight * (p - target)) + 2 * RIDGE * pull
    curvature = (features * (weight * p * (1 - p))[:, None]).T @ features + 2 * RIDGE * np.eye(start.size)
    return value, np.asarray(-np.linalg.solve(curvature, slope), dtype=np.float64)


def _fit_isotonic(rows: Rows) -> Parameters:
    points, where = np.unique(rows.confidence, return_inverse=True)
    weight = np.bincount(where, rows.weight / rows.weight.mean())
    mean = np.bincount(where, rows.weight / rows.weight.mean() * rows.correct) / weight
    values = np.clip(optimize.isotonic_regression(mean, weights=weight).x, 0.0, 1.0)
    # Block ends are all that the map needs; between blocks it is linear.
    ends = np.ones(points.size, dtype=np.bool_)
    ends[1:-1] = (np.diff(values)[:-1] != 0) | (np.diff(values)[1:] != 0)
    for block in (values == values[0], values == values[-1]):
        behind = float(weight[block].sum())
        hits = float((weight * mean)[block].sum())
        values = np.where(block, (hits + 1) / (behind + 2), values)
    values = np.maximum.accumulate(values)
    return {"x": tuple(points[ends].tolist()), "y": tuple(values[ends].tolist())}
