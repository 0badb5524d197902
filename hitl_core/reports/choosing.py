"""Choosing a threshold that stays cheap on outputs nobody has seen yet. Pure.

Public: `choose_steadily`.

The threshold that was cheapest on the labels (`cost.choose_cheapest`) follows their noise; a fitted curve misses steps.
So the error rate at each confidence is taken halfway between the two, and nothing goes out unless the labels show that
it saves more than chance would.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from hitl_core.domain.policy_cost import Prices
from hitl_core.reports.cost import REVIEW_ALL, choose_cheapest

Floats = NDArray[np.float64]
FEW_VALUES = 20
"""With so few distinct confidences each has its own rate, and there is nothing to smooth."""
DEGREES = range(1, 7)
BINS = 400
SHOWN = 1.645
"""Standard errors by which the saving must differ from nothing: one-sided 95 %."""
EDGE = 1e-3


def choose_steadily(
    confidence: ArrayLike, correct: ArrayLike, *, prices: Prices, weights: ArrayLike | None = None
) -> float:
    """Return the threshold to auto-approve at or above; above 1 means review everything.

    The smooth half is a logistic regression on Chebyshev polynomials of the logit of the confidence, whose degree the
    Bayesian information criterion picks (Schwarz, "Estimating the dimension of a model", 1978).

    Args:
        confidence: shape (n,), in [0, 1], of labelled items.
        correct: shape (n,), whether the output was right.
        prices: what things cost.
        weights: shape (n,), 1 / inclusion probability; None where all items were labelled.

    Raises:
        InputError: the arrays do not fit, or there is no row.
    """
    cheapest = choose_cheapest(confidence, correct, prices=prices, weights=weights)  # checks the arrays
    c = np.asarray(confidence, dtype=np.float64)
    wrong = 1.0 - np.asarray(correct).astype(np.float64)
    w = np.ones(c.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if not 0 < prices.break_even < 1:
        return cheapest
    values, place = np.unique(c, return_inverse=True)
    threshold = cheapest
    if values.size > FEW_VALUES and 0 < wrong.sum() < wrong.size:
        mass: Floats = np.bincount(place, weights=w).astype(np.float64)
        rates = (np.bincount(place, weights=w * wrong) / mass + _smooth(values, place, wrong, w)) / 2
        threshold = _cheapest(values, rates, mass, prices.break_even)
    out = c >= threshold
    gains = w[out] * (prices.break_even - wrong[out])
    return threshold if gains.sum() > SHOWN * np.sqrt((gains**2).sum()) else REVIEW_ALL


def _cheapest(values: Floats, rates: Floats, mass: Floats, break_even: float) -> float:
    """Return where letting go everything above gains most, by these error rates."""
    gains = np.cumsum((mass * (break_even - rates))[::-1])[::-1]
    best = int(np.argmax(gains))
    return float(values[best]) if gains[best] > 0 else REVIEW_ALL


def _smooth(values: Floats, place: NDArray[np.int64], wrong: Floats, w: Floats) -> Floats:
    """Return the fitted error rate at each distinct confidence; rows are binned, as the curve is smooth anyway."""
    z = special.logit(np.clip(values, EDGE, 1 - EDGE))
    own = z[place]
    z = (z - own.mean()) / max(float(own.std()), EDGE)
    bins = np.searchsorted(np.unique(np.quantile(z[place], np.linspace(0, 1, BINS), method="lower")), z, "right") - 1
    mass: Floats = np.bincount(bins[place], weights=w).astype(np.float64)
    held = np.flatnonzero(mass)
    centre: Floats = np.bincount(bins[place], weights=w * z[place]).astype(np.float64)[held] / mass[held]
    errors: Floats = np.bincount(bins[place], weights=w * wrong).astype(np.float64)[held]
    # A weight above 1 stands for rows that nobody labelled: scaled, so that the information is that of the labels.
    scale = float(w.sum() / (w**2).sum())
    fits = [_fit(centre, scale * errors, scale * mass[held], degree) for degree in DEGREES if degree < held.size]
    if not fits:
        return np.full(values.shape, float(errors.sum() / mass.sum()))
    n = scale * float(w.sum())
    _, coefficients = min(fits, key=lambda fit: 2 * fit[0] + np.log(n) * fit[1].size)
    return np.asarray(special.expit(_basis(z, coefficients.size - 1) @ coefficients), dtype=np.float64)


def _basis(z: Floats, degree: int) -> Floats:
    return np.asarray(np.polynomial.chebyshev.chebvander(np.clip(z / 3, -1, 1), degree), dtype=np.float64)


def _fit(z: Floats, errors: Floats, mass: Floats, degree: int) -> tuple[float, Floats]:
    """Return (negative log-likelihood, coefficients) by Newton's method with a trace of ridge."""
    x = _basis(z, degree)
    ridge = EDGE * np.eye(degree + 1)
    b = np.zeros(degree + 1)
    for _ in range(50):
        p = special.expit(x @ b)
        slope = x.T @ (errors - mass * p) - ridge @ b
        step = np.linalg.solve(x.T @ (x * (mass * p * (1 - p))[:, None]) + ridge, slope)
        b = b + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-8:
            break
    p = np.clip(special.expit(x @ b), 1e-12, 1 - 1e-12)
    return float(-(errors @ np.log(p) + (mass - errors) @ np.log1p(-p))), b
