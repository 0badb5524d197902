"""How many wrong outputs a policy lets go, from the labels there are. Pure.

Public: `Stratum`, `Weights`, `count_wrong`, `rate`, `rate_change`.

Outputs fall into strata by where they went, where they would go, and how probable a look at them was. What went to a
person has labels of probability 1: the wrong ones are counted, and those not reviewed yet may all be right or all be
wrong. What went out is known by audits, a random sample: its number of wrong ones has the exact interval of a finite
population. What nobody ever looks at is bounded by none and all. Intervals of strata add up by their squared distances
(Zou and Donner, "Construction of confidence limits about effect measures", Statistics in Medicine 27, 2008), what is
unknown adds up as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from scipy import special

from hitl_core.reports.whatif.result import Figure
from hitl_core.stats.finite import hypergeometric_bounds
from hitl_core.stats.intervals import wilson

OUT, PERSON, HELD = "out", "person", "held"
"""Without a person; to a person; rejected without one."""
CERTAIN = 1.0 - 1e-9


class Stratum(NamedTuple):
    """Outputs with the same fate: how many, how many have a label drawn by design, how many of these say wrong."""

    old: str
    new: str
    probability: float
    outputs: int
    labelled: int
    wrong: int

    @property
    def certain(self) -> bool:
        """Whether everybody in it is looked at, sooner or later."""
        return self.probability >= CERTAIN


Weights = Callable[[Stratum], float]
"""What a wrong output of a stratum counts."""


def count_wrong(strata: Iterable[Stratum], weights: Weights, *, level: float = 0.95, plus: float = 0.0) -> Figure:
    """Return the weighted number of wrong outputs, with its interval.

    Args:
        strata: all of them.
        weights: what a wrong output of a stratum counts; may be negative.
        level: of the interval.
        plus: added to all three numbers.
    """
    value, low, high = plus, plus, plus
    below = above = 0.0
    labels = concerned = 0
    for stratum in strata:
        weight = weights(stratum)
        if not (weight and stratum.outputs):
            continue
        labels, concerned = labels + stratum.labelled, concerned + stratum.outputs
        expected = stratum.wrong * stratum.outputs / stratum.labelled if stratum.labelled else 0.0
        value += weight * expected
        if stratum.certain or not stratum.labelled:
            unknown = weight * (stratum.outputs - stratum.labelled)
            low += weight * stratum.wrong + min(0.0, unknown)
            high += weight * stratum.wrong + max(0.0, unknown)
            continue
        bounds = hypergeometric_bounds(stratum.wrong, stratum.labelled, stratum.outputs, confidence=level)
        ends = sorted((weight * (bounds.low - expected), weight * (bounds.high - expected)))
        low, high = low + weight * expected, high + weight * expected
        below, above = below + ends[0] ** 2, above + ends[1] ** 2
    low, high = low - math.sqrt(below), high + math.sqrt(above)
    return Figure(value if labels or not concerned else None, low, high, labels)


def unlabelled(strata: Iterable[Stratum], weights: Weights) -> int:
    """Return how many outputs are in strata that count and have no label at all."""
    return sum(each.outputs for each in strata if weights(each) and not each.labelled)


def rate(part: int, n: int, level: float = 0.95) -> Figure:
    """Return a share with Wilson's interval."""
    if not n:
        return Figure(None, 0.0, 1.0, 0)
    bounds = wilson(part, n, confidence=level)
    return Figure(part / n, bounds.low, bounds.high, n)


def rate_change(more: int, fewer: int, n: int, level: float = 0.95) -> Figure:
    """Return the change of a share on the same n outputs, of which `more` joined it and `fewer` left it.

    Bonett and Price, "Adjusted Wald confidence interval for a difference of binomial proportions based on paired data",
    Journal of Educational and Behavioral Statistics 37 (2012).
    """
    if not n:
        return Figure(None, -1.0, 1.0, 0)
    joined, left = (more + 1) / (n + 2), (fewer + 1) / (n + 2)
    centre = joined - left
    half = float(special.ndtri((1 + level) / 2)) * math.sqrt((joined + left - centre**2) / (n + 2))
    return Figure((more - fewer) / n, max(-1.0, centre - half), min(1.0, centre + half), n)
