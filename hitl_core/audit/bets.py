"""Bets on rows that were drawn with known probabilities: what a gambler earns if the mean is not what is claimed.

Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024); with unequal
probabilities, Waudby-Smith et al., "Anytime-valid off-policy inference for contextual bandits" (2024). A row that was
not drawn pays nothing, so rows that were are enough.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from hitl_core.domain.errors import InputError

FloatArray = NDArray[np.float64]
# Parts of the purse that are bet. The best part is (truth - claim) / (1 - claim), so rare errors need small ones; the
# mixture over all of them needs no tuning.
FRACTIONS = np.asarray(special.expit(np.linspace(-5.5, 3.5, 19)), dtype=np.float64)
Side = Literal["above", "below"]


def log_returns(value: float, scale: float, mean: FloatArray, side: Side) -> FloatArray:
    """Return the logarithm of what one row leaves of a purse of 1, of shape (means, fractions).

    Args:
        value: what was observed, in [0, 1].
        scale: least inclusion probability / the row's own, in (0, 1]: what keeps every loss within the purse.
        mean: the claimed means, strictly between 0 and 1.
        side: whether the bet is that the truth lies above or below the claim.
    """
    payoff = (value - mean) / mean if side == "above" else (mean - value) / (1 - mean)
    return np.asarray(np.log1p(np.multiply.outer(scale * payoff, FRACTIONS)), dtype=np.float64)


def mixed(log_wealth: FloatArray) -> FloatArray:
    """Return the logarithm of the mean over the fractions, the last axis."""
    most = log_wealth.max(axis=-1, keepdims=True)
    return np.asarray(np.log(np.exp(log_wealth - most).mean(axis=-1)) + most[..., 0], dtype=np.float64)


def checked_row(value: float, inclusion: float, least: float) -> None:
    """Refuse a row that the bets were not made for.

    Raises:
        InputError: the value is outside [0, 1], or the inclusion probability outside [least, 1].
    """
    if np.ndim(value) or isinstance(value, str | None) or not 0 <= value <= 1:
        raise InputError(f"value must lie between 0 and 1; got {value!r}")
    if np.ndim(inclusion) or isinstance(inclusion, str | None) or not least * (1 - 1e-12) <= inclusion <= 1:
        raise InputError(f"inclusion must lie between min_inclusion ({least:g}) and 1; got {inclusion!r}")


def checked_least(least: float) -> float:
    """Return a usable least inclusion probability; raise InputError unless it lies in (0, 1]."""
    if not isinstance(least, int | float | np.number) or not 0 < least <= 1:
        raise InputError(f"min_inclusion must lie above 0 and at most at 1; got {least!r}")
    return float(least)
