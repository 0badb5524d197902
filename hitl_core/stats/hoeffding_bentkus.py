"""A p-value for "the true risk is above alpha" when each loss lies in [0, 1]: the engine of risk control."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from hitl_core.domain.errors import InputError

# n * risk is a sum of losses and comes out of floats a hair beside a whole number.
ROUNDING = 1e-9
LARGEST_N = 10**15


def hoeffding_bentkus_p_value(risk: float, n: int, alpha: float) -> float:
    """Return a valid p-value for the null hypothesis that the expected loss is above alpha.

    The smaller of Hoeffding's bound in its relative-entropy form and Bentkus' e · P(Bin(n, alpha) <= ceil(n · risk)).
    Bates et al., "Distribution-free, risk-controlling prediction sets", JACM 68 (2021); Angelopoulos et al., "Learn
    then test" (2021). A small value says that the risk is at most alpha.

    Args:
        risk: mean of n independent losses, each in [0, 1].
        n: number of losses; with none there is no evidence and the answer is 1.
        alpha: the risk to be refuted, between 0 and 1.

    Raises:
        InputError: an argument is out of range.
    """
    if not isinstance(risk, int | float | np.number) or not 0 <= risk <= 1:
        raise InputError(f"risk is a mean of losses in [0, 1]; got {risk!r}")
    if not isinstance(alpha, int | float | np.number) or not 0 < alpha < 1:
        raise InputError(f"alpha must be between 0 and 1, such as 0.05; got {alpha!r}")
    if not isinstance(n, int | float | np.number) or not 0 <= n <= LARGEST_N or n != int(n):
        raise InputError(f"n is a number of losses; got {n!r}")
    if n == 0:
        return 1.0
    hoeffding = math.exp(-n * _relative_entropy(min(risk, alpha), alpha))
    errors = min(n, math.ceil(n * risk - ROUNDING * max(1.0, n * risk)))
    bentkus = math.e * float(special.bdtr(errors, int(n), alpha))
    return min(1.0, hoeffding, bentkus)


def _relative_entropy(a: float, b: float) -> float:
    """Kullback-Leibler divergence of Bernoulli(a) from Bernoulli(b), in nats."""
    return float(special.rel_entr(a, b) + special.rel_entr(1 - a, 1 - b))
