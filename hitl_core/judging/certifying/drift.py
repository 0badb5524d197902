"""Whether a judge speaks as it did when it was certified: its probabilities then and now, in fixed bins (pure).

Public: `Spread`, `spread_of`, `Drift`, `compare_spreads`, `LARGE_PSI`, `DRIFT_LEVEL`, `FEWEST_RECENT`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy import stats

from hitl_core.domain.records import Record

BINS = 10
LARGE_PSI = 0.25
"""A population stability index that credit scoring calls a major shift."""
DRIFT_LEVEL = 0.01
"""The shift must also be unlikely by chance: chi-square test of equal shares."""
FEWEST_RECENT = 50
"""With fewer recent verdicts nothing is said."""

Spread = tuple[int, ...]
"""Verdicts in ten equal bins of p_correct, then abstentions: eleven counts."""


class Drift(Record):
    """A comparison; `drifted` needs a large and an unlikely shift on enough verdicts."""

    psi: float
    p_value: float
    n: int
    drifted: bool


def spread_of(p_correct: Iterable[float | None]) -> Spread:
    """Return how probabilities spread; None is an abstention."""
    counts = np.zeros(BINS + 1, dtype=np.int64)
    for each in p_correct:
        counts[BINS if each is None else min(BINS - 1, int(each * BINS))] += 1
    return tuple(int(count) for count in counts)


def compare_spreads(then: Spread, now: Spread) -> Drift:
    """Compare two spreads.

    The index is the sum over bins of (now - then) × log(now / then), with half a verdict added to each bin, less what
    chance alone would give it, (bins - 1) × (1 / n + 1 / m) (Yurdakul and Naranjo, "Statistical properties of the
    population stability index", Journal of Risk Model Validation 14, 2020).
    """
    before, after = np.asarray(then, dtype=np.float64), np.asarray(now, dtype=np.float64)
    n, m = before.sum(), after.sum()
    used = (before + after) > 0
    if not n or not m or used.sum() < 2:
        return Drift(psi=0.0, p_value=1.0, n=int(m), drifted=False)
    a, b = ((each[used] + 0.5) / (each[used] + 0.5).sum() for each in (before, after))
    psi = float(((b - a) * np.log(b / a)).sum()) - float((used.sum() - 1) * (1 / n + 1 / m))
    p_value = float(stats.chi2_contingency(np.vstack([before[used], after[used]])).pvalue)
    drifted = m >= FEWEST_RECENT and psi >= LARGE_PSI and p_value < DRIFT_LEVEL
    return Drift(psi=psi, p_value=p_value, n=int(m), drifted=bool(drifted))
