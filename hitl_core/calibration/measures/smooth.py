"""Smooth calibration error: no bins to choose, 0 only for calibrated rows, continuous in the confidences.

Błasiok and Nakkiran, "Smooth ECE: principled reliability diagrams via kernel smoothing" (ICLR 2024). The residuals
are smoothed by a Gaussian kernel reflected at 0 and 1; the bandwidth is the one that equals the error it gives.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import signal

from hitl_core.calibration.measures.calibration_error import shifted_interval
from hitl_core.calibration.rows import Estimate, FloatArray, checked_rows, kish_n, normal_quantile

# Grids of the authors' own program, so that the numbers agree to the last digit.
MESH = 200
KERNEL_POINTS = 2000
SMALLEST_BANDWIDTH = 0.001
HALVINGS = 10
DENSITY_FLOOR = 1e-4


def smooth_calibration_error(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    level: float = 0.95,
    replicates: int = 200,
    seed: int = 0,
) -> Estimate:
    """Return the smooth calibration error.

    Args:
        confidence: shape (n,), between 0 and 1.
        correct: shape (n,), whether the output was right.
        weights: shape (n,), 1 / inclusion probability, or None.
        level: of the interval, bootstrapped over a grid of confidences at the bandwidth found.
        replicates: of the bootstrap; 0 for no interval.
        seed: of the bootstrap.

    Raises:
        InputError: the arrays do not fit, or an option is out of range.
    """
    rows = checked_rows(confidence, correct, weights)
    weight = rows.weight / rows.weight.mean()
    residual = weight * (rows.confidence - rows.correct)
    bandwidth = _bandwidth(rows.confidence, residual, weight)
    value = _error_at(rows.confidence, residual, weight, bandwidth)
    normal_quantile(level)
    low = high = float("nan")
    if replicates > 0:
        drawn = _resampled(rows.confidence, residual, weight, bandwidth, replicates, seed)
        low, high = shifted_interval(value, drawn, level)
        if np.ptp(rows.correct) == 0:
            # No resample of right rows has a wrong one: as many may be wrong as the exact bound of none allows.
            slack = 1 - ((1 - level) / 2) ** (1 / kish_n(rows.weight))
            low, high = min(low, max(0.0, value - slack)), max(high, min(1.0, value + slack))
    return Estimate(value, low, high, rows.confidence.size, kish_n(rows.weight))


def _bandwidth(confidence: FloatArray, residual: FloatArray, weight: FloatArray) -> float:
    """The smallest bandwidth, by bisection, that is below the error it gives."""

    def below_its_error(bandwidth: float) -> bool:
        return bandwidth < SMALLEST_BANDWIDTH or bandwidth < _error_at(confidence, residual, weight, bandwidth)

    high, low = 1.0, 0.0
    if below_its_error(high):
        return high
    for _ in range(HALVINGS):
        middle = (high + low) / 2
        if below_its_error(middle):
            low = middle
        else:
            high = middle
    return high


def _error_at(confidence: FloatArray, residual: FloatArray, weight: FloatArray, bandwidth: float) -> float:
    smoothed = _smooth(_on_grid(confidence, residual, bandwidth), bandwidth)
    density = _smooth(_on_grid(confidence, weight, bandwidth), bandwidth) + DENSITY_FLOOR
    return float(np.sum(np.abs(smoothed / density) * density) / np.sum(density))


def _on_grid(confidence: FloatArray, values: FloatArray, bandwidth: float) -> FloatArray:
    """Share each row's value between the two nearest points of the grid."""
    points = max(KERNEL_POINTS, round(20 / bandwidth)) // 2 + 1
    place = confidence * (points - 1)
    left = np.clip(place.astype(np.int64), 0, points - 2)
    right_part = place - left
    sums = np.bincount(left, (1 - right_part) * values, points) + np.bincount(left + 1, right_part * values, points)
    return np.asarray(sums, dtype=np.float64)


def _smooth(grid: FloatArray, bandwidth: float) -> FloatArray:
    """Convolve with the reflected kernel and read off at the evaluation mesh."""
    points = grid.shape[-1]
    t = np.linspace(0, 1, points)
    kernel = np.exp(-((t - 0.5) ** 2) / (2 * bandwidth**2)) / (np.sqrt(2 * np.pi) * bandwidth)
    mirrored = np.concatenate([np.flip(grid)[:-1], grid, np.flip(grid)[1:]])
    smoothed = signal.fftconvolve(mirrored, kernel, "valid")[points // 2 : points // 2 + points]
    mesh = np.linspace(0, 1, max(round(10 / bandwidth), MESH))
    return np.asarray(np.interp(mesh, t, smoothed), dtype=np.float64)


def _resampled(
    confidence: FloatArray, residual: FloatArray, weight: FloatArray, bandwidth: float, replicates: int, seed: int
) -> FloatArray:
    """Errors of multinomial resamples of (grid point, right or wrong), the sufficient statistics."""
    cell = np.round(confidence * MESH).astype(np.int64) * 2 + (residual > 0)
    n = np.bincount(cell, minlength=2 * (MESH + 1))
    filled = np.flatnonzero(n)
    residuals = np.bincount(cell, residual, n.size)[filled] / n[filled]
    weights = np.bincount(cell, weight, n.size)[filled] / n[filled]
    places = (filled // 2) / MESH
    one = np.ones(1)
    kernel = np.stack([_smooth(_on_grid(place[None], one, bandwidth), bandwidth) for place in places])
    generator = np.random.default_rng(seed)
    draws = generator.multinomial(int(n.sum()), n[filled] / n.sum(), size=replicates).astype(np.float64)
    smoothed, density = (draws * residuals) @ kernel, (draws * weights) @ kernel
    return np.asarray(np.abs(smoothed).sum(axis=1) / density.sum(axis=1), dtype=np.float64)
