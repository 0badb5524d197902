"""What every coefficient returns: a value with an interval, n, the base rate and a warning where it misleads."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from hitl_core.agreement.ratings import MISSING, FloatArray, IntArray
from hitl_core.domain.errors import InputError
from hitl_core.stats import clopper_pearson

# Lower ends of the product's bands; "excellent" begins above its end, the others at it.
EXCELLENT, GOOD, MODERATE = 0.8, 0.6, 0.4
# With evenly used labels this share of agreement gives at least a good kappa.
HIGH_AGREEMENT = 0.8
# A standard error below this is none.
NO_SPREAD = 1e-12


@dataclass(frozen=True, slots=True)
class Agreement:
    """An agreement coefficient with its interval.

    Attributes:
        value: the coefficient: 1 is perfect, 0 is chance; NaN where it is undefined, and `warning` says why.
        low: lower end of the interval; NaN with fewer than two units.
        high: upper end.
        se: standard error over units.
        n: units that count: with at least one rating, for Krippendorff's alpha and pairs of raters with two.
        observed: share of agreement that was seen (weighted where weights were given).
        expected: share that chance would give by this coefficient; 0 for percent agreement.
        base_rate: share of all ratings that are the most frequent label.
        method: the coefficient's name.
        confidence: level of the interval.
        warning: why the number misleads or is undefined, or None.
    """

    value: float
    low: float
    high: float
    se: float
    n: int
    observed: float
    expected: float
    base_rate: float
    method: str
    confidence: float = 0.95
    warning: str | None = None

    @property
    def band(self) -> str | None:
        """The product's word for the value: excellent, good, moderate or poor; None where there is no value."""
        if math.isnan(self.value):
            return None
        # A value of .4 comes out of floats as .3999999999999999.
        value = round(self.value, 12)
        if value > EXCELLENT:
            return "excellent"
        if value >= GOOD:
            return "good"
        return "moderate" if value >= MODERATE else "poor"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A coefficient before its interval.

    Attributes:
        influence: shape (rows,); the value each unit would add to the mean, which is `value` (Gwet's linearisation).
        units: shape (rows,); units with that influence.
        skewable: whether a skewed base rate drives this coefficient down (the kappa paradox).
        table: whether this is two raters' complete table, whose published variance divides by n instead of n - 1.
    """

    value: float
    influence: FloatArray
    units: FloatArray
    observed: float
    expected: float
    base_rate: float
    skewable: bool = False
    table: bool = False


def conclude(estimate: Estimate, *, method: str, confidence: float) -> Agreement:
    """Add the interval: Student's t over units, as Gwet (Handbook of inter-rater reliability, 4th edition, 2014).

    For two raters the variance is that of the table (Fleiss, Cohen and Everitt, Psychological Bulletin 72, 1969).

    Where all units agree, or all differ alike, the linearised error is 0, which says nothing; the ends then are what
    the exact binomial bounds of the observed agreement give.
    """
    if not 0 < confidence < 1:
        raise InputError(f"confidence must be between 0 and 1, such as 0.95; got {confidence!r}")
    n = int(estimate.units.sum())
    low = high = se = float("nan")
    if n > 1 and math.isfinite(estimate.value):
        spread = float(estimate.units @ (estimate.influence - estimate.value) ** 2)
        se = math.sqrt(spread / (n * (n if estimate.table else n - 1)))
        half = se * float(special.stdtrit(n - 1, (1 + confidence) / 2))
        low, high = estimate.value - half, estimate.value + half
        if se < NO_SPREAD:
            seen = min(1.0, max(0.0, estimate.observed)) * n
            ends = clopper_pearson(seen, n, confidence=confidence)
            at = [(end - estimate.expected) / (1 - estimate.expected) for end in ends]
            low, high = min(low, at[0]), max(high, at[1])
        # Units of one rating move the expected agreement only, so the value itself can be below -1.
        low, high = max(min(-1.0, estimate.value), low), min(1.0, high)
    return Agreement(
        value=estimate.value,
        low=low,
        high=high,
        se=se,
        n=n,
        observed=estimate.observed,
        expected=estimate.expected,
        base_rate=estimate.base_rate,
        method=method,
        confidence=confidence,
        warning=_warning(estimate),
    )


def is_table(codes: IntArray) -> bool:
    """Whether the codes are two raters' labels without a gap."""
    return codes.shape[1] == 2 and bool((codes != MISSING).all())


def undefined(units: FloatArray, base_rate: float = float("nan")) -> Estimate:
    """The estimate where nothing was rated twice."""
    nan = float("nan")
    return Estimate(nan, np.full(units.shape, nan), units, observed=nan, expected=nan, base_rate=base_rate)


def _warning(estimate: Estimate) -> str | None:
    if math.isnan(estimate.observed):
        return "no unit has two ratings, so there is no agreement to measure"
    if math.isnan(estimate.value):
        return "only one label was used, so agreement beyond chance is undefined; read the percent agreement"
    if estimate.skewable and round(estimate.observed, 12) >= HIGH_AGREEMENT and round(estimate.value, 12) < GOOD:
        return (
            f"kappa paradox: raters agree on {estimate.observed:.0%}, but {estimate.base_rate:.0%} of the labels are"
            " the same one, which drives this coefficient down; read Gwet's AC1 beside it"
        )
    return None
