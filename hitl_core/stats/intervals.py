"""Intervals for a share of k successes in n trials: exact (Clopper-Pearson) and Wilson's score interval.

Both follow Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998). The
scalar functions answer one question; the `*_bounds` functions answer a whole array at once.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from hitl_core.domain.errors import InputError

FloatArray = NDArray[np.float64]
Side = Literal["two", "lower", "upper"]
SIDES = ("two", "lower", "upper")


class Interval(NamedTuple):
    """A confidence interval; a one-sided one ends at 0 or 1 on its open side."""

    low: float
    high: float


def clopper_pearson(k: float, n: float, *, confidence: float = 0.95, side: Side = "two") -> Interval:
    """Return the exact interval of a binomial share: it covers at least as often as it says.

    Clopper and Pearson, "The use of confidence or fiducial limits", Biometrika 26 (1934).

    Args:
        k: successes, between 0 and n; a fraction (a weighted count) is allowed.
        n: trials; 0 gives the whole range [0, 1].
        confidence: between 0 and 1, e.g. .95.
        side: "two" spends the error on both ends; "upper" bounds the share from above only (low is 0), "lower" from
            below only (high is 1).

    Raises:
        InputError: k or n is no count, or confidence or side is none.
    """
    return _one(*clopper_pearson_bounds(k, n, confidence=confidence, side=side))


def wilson(k: float, n: float, *, confidence: float = 0.95, side: Side = "two") -> Interval:
    """Return Wilson's score interval: close to its level on average, shorter than the exact one, never degenerate.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927). The arguments and
    errors are those of `clopper_pearson`.
    """
    return _one(*wilson_bounds(k, n, confidence=confidence, side=side))


def clopper_pearson_bounds(
    k: ArrayLike, n: ArrayLike, *, confidence: float = 0.95, side: Side = "two"
) -> tuple[FloatArray, FloatArray]:
    """Return the exact lower and upper bounds for arrays of counts, broadcast against each other."""
    successes, trials = _counts(k, n)
    tail = _tail(confidence, side)
    low, high = np.zeros_like(trials), np.ones_like(trials)
    some, more = (successes > 0) & (side != "upper"), (successes < trials) & (side != "lower")
    low[some] = special.betaincinv(successes[some], trials[some] - successes[some] + 1, tail)
    high[more] = special.betaincinv(successes[more] + 1, trials[more] - successes[more], 1 - tail)
    return low, high


def wilson_bounds(
    k: ArrayLike, n: ArrayLike, *, confidence: float = 0.95, side: Side = "two"
) -> tuple[FloatArray, FloatArray]:
    """Return Wilson's lower and upper bounds for arrays of counts, broadcast against each other."""
    successes, trials = _counts(k, n)
    z = max(0.0, -float(special.ndtri(_tail(confidence, side))))
    size = np.where(trials > 0, trials, 1.0)
    share = successes / size
    centre = (share + z * z / (2 * size)) / (1 + z * z / size)
    half = z * np.sqrt(share * (1 - share) / size + z * z / (4 * size * size)) / (1 + z * z / size)
    # At the ends the bound is exactly 0 or 1; subtraction would leave rounding errors there.
    low = np.where((successes > 0) & (trials > 0) & (side != "upper"), np.clip(centre - half, 0, share), 0.0)
    high = np.where((successes < trials) & (side != "lower"), np.clip(centre + half, share, 1), 1.0)
    return low, high


def _one(low: FloatArray, high: FloatArray) -> Interval:
    if low.ndim:
        raise InputError(f"k and n must be one number each; got shape {low.shape}")
    return Interval(float(low), float(high))


def _tail(confidence: float, side: Side) -> float:
    """The error spent on one end."""
    if not isinstance(confidence, int | float | np.number) or not 0 < confidence < 1:
        raise InputError(f"confidence must be between 0 and 1, such as 0.95; got {confidence!r}")
    if side not in SIDES:
        raise InputError(f"side must be one of {', '.join(SIDES)}; got {side!r}")
    return (1 - confidence) / (2 if side == "two" else 1)


def _counts(k: ArrayLike, n: ArrayLike) -> tuple[FloatArray, FloatArray]:
    try:
        successes, trials = np.broadcast_arrays(np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise InputError(f"expected counts with 0 <= k <= n; {error}") from error
    usable = np.isfinite(successes) & np.isfinite(trials) & (successes >= 0) & (successes <= trials)
    if not usable.all():
        first = np.unravel_index(int(np.argmin(usable)), usable.shape)
        raise InputError(f"expected counts with 0 <= k <= n; got k={successes[first]:g} of n={trials[first]:g}")
    return successes, trials
