"""How many of N things have a property, when n of them were drawn at random and looked at."""

from __future__ import annotations

import numpy as np
from scipy import special

from hitl_core.domain.errors import InputError
from hitl_core.stats.intervals import Interval


def hypergeometric_bounds(k: int, n: int, size: int, *, confidence: float = 0.95) -> Interval:
    """Return the exact interval of a count in a finite population: all of them looked at leaves no doubt.

    The two tests of Clopper and Pearson, with the hypergeometric law in place of the binomial one (Konijn, "Statistical
    theory of sample survey design and analysis", 1973).

    Args:
        k: of those looked at, how many have it.
        n: how many were looked at, drawn at random without replacement.
        size: how many there are.
        confidence: two-sided.

    Returns:
        Interval: of the number in all `size`, both ends included.

    Raises:
        InputError: not 0 <= k <= n <= size, or confidence is none.
    """
    if not 0 <= k <= n <= size:
        raise InputError(f"expected counts with 0 <= k <= n <= size; got {k}, {n} and {size}")
    if not 0 < confidence < 1:
        raise InputError(f"confidence must be between 0 and 1, such as 0.95; got {confidence!r}")
    tail = (1 - confidence) / 2
    high = _largest(k, n, size, tail)
    # Of the n, n - k lack it: the most that can lack it is the least that can have it.
    return Interval(float(size - _largest(n - k, n, size, tail)), float(high))


def _largest(k: int, n: int, size: int, tail: float) -> int:
    """Return the largest total under which so few as k of n are not yet too unlikely; bisection, as the law falls."""
    low, high = k, size - (n - k)
    while low < high:
        middle = (low + high + 1) // 2
        if _at_most(k, n, middle, size) > tail:
            low = middle
        else:
            high = middle - 1
    return low


def _at_most(k: int, n: int, total: int, size: int) -> float:
    """P(at most k of n | total of size have it)."""
    i = np.arange(max(0, n - (size - total)), k + 1, dtype=np.float64)
    if not i.size:
        return 0.0
    logs = _choose(total, i) + _choose(size - total, n - i) - _choose(size, np.array(float(n)))
    return float(np.exp(logs).sum())


def _choose(
    n: float, k: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1))
