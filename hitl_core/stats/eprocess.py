"""Betting against a hypothesis: the gambler's wealth is evidence, whenever one looks.

Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024). Each row pays
`fraction × payoff`, with payoffs of at least -1 whose mean is at most 0 under the hypothesis; wealth of 1/delta refutes
it at level delta (Ville's inequality), whether reached at the end or on the way.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hitl_core.domain.errors import InputError

FloatArray = NDArray[np.float64]
# The gambler splits the purse over these bets; the mixture needs no tuning and does not depend on the rows' order.
FRACTIONS = (np.arange(16) + 0.5) / 16


def log_wealth(payoffs: ArrayLike, *, fractions: FloatArray = FRACTIONS) -> FloatArray:
    """Return the logarithm of the mixed wealth after each row, shape (n,).

    Args:
        payoffs: shape (n,), each at least -1, of mean at most 0 under the hypothesis given the rows before.
        fractions: shape (m,), the parts of the purse that are bet, each in [0, 1).

    Raises:
        InputError: a payoff is below -1, or a bet could lose the whole purse.
    """
    paid = np.asarray(payoffs, dtype=np.float64)
    if paid.ndim != 1 or not np.isfinite(paid).all() or (paid < -1 - 1e-12).any():
        raise InputError("payoffs must be one row of numbers, none below -1")
    if not ((fractions >= 0) & (fractions < 1)).all():
        raise InputError("fractions of the purse must lie in [0, 1)")
    wealth = np.full(paid.size, -np.inf)
    for fraction in fractions:
        np.logaddexp(wealth, np.cumsum(np.log1p(fraction * paid)), out=wealth)
    return np.asarray(wealth - np.log(fractions.size), dtype=np.float64)


def largest_log_wealth(payoffs: ArrayLike, *, fractions: FloatArray = FRACTIONS) -> float:
    """Return the most the gambler ever had, as a logarithm; 0 before the first row."""
    wealth = log_wealth(payoffs, fractions=fractions)
    return max(0.0, float(wealth.max())) if wealth.size else 0.0


def mean_upper_bound(values: ArrayLike, weights: ArrayLike, *, delta: float, largest_weight: float) -> float:
    """Return an upper bound of the mean loss, wrong with probability at most delta, from weighted rows in random order.

    Args:
        values: losses of shape (n,), each in [0, 1].
        weights: 1 / inclusion probability, shape (n,).
        delta: the probability that the bound is too small, between 0 and 1.
        largest_weight: the largest weight a row can have.
    """
    low, high = 0.0, 1.0
    needed = -float(np.log(delta))
    for _ in range(40):
        middle = (low + high) / 2
        if largest_log_wealth(loss_payoffs(values, weights, middle, largest_weight)) >= needed:
            high = middle
        else:
            low = middle
    return high


def loss_payoffs(values: ArrayLike, weights: ArrayLike, mean: float, largest_weight: float) -> FloatArray:
    """Return payoffs of the bet "the mean loss is below `mean`": weight × (mean - loss), scaled to be at least -1."""
    scale = largest_weight * max(1 - mean, 1e-12)
    return np.asarray(weights, dtype=np.float64) * (mean - np.asarray(values, dtype=np.float64)) / scale
