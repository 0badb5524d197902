"""Where a share moved for good: change-points of a series of counts, at a stated rate of false alarms. Pure.

Public: `find_changes`, `moves`, `Move`.

Binary segmentation (Scott and Knott, Biometrics 30, 1974) on the binomial likelihood ratio. Whether the best split of a
stretch is more than chance is told by a permutation test over its periods: on a series that does not change it is
wrong with probability `FALSE_ALARMS` at most, however much the periods scatter, as long as their order says nothing.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hitl_core.domain.errors import InputError
from hitl_core.stats import wilson

if TYPE_CHECKING:
    import polars as pl

FALSE_ALARMS = 0.01
FEWEST = 3
"""Periods on either side of a change: one odd day is none."""
PERMUTATIONS = 999
Floats = NDArray[np.float64]


class Level(NamedTuple):
    """A share of one stretch with its interval and n."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.1%} ({self.low:.1%} to {self.high:.1%}, n = {self.n:,})"


class Move(NamedTuple):
    """A share that moved: the period (its date) with which the new level begins, and both levels."""

    at: str
    before: Level
    after: Level


def find_changes(hits: ArrayLike, total: ArrayLike, *, false_alarms: float = FALSE_ALARMS, seed: int = 0) -> list[int]:
    """Return the positions at which a new level begins, rising.

    Args:
        hits: how many counted in each period, in the order of time.
        total: of how many; periods of 0 say nothing.
        false_alarms: chance of a change on a series without one; each stretch between changes is tested anew.
        seed: of the permutations, so that the same rows always give the same answer.

    Raises:
        InputError: the two differ in length, or more counted than there were.
    """
    k, n = np.asarray(hits, dtype=np.float64), np.asarray(total, dtype=np.float64)
    if k.shape != n.shape or k.ndim != 1 or bool(((k < 0) | (k > n)).any()):
        raise InputError("hits and total must be as long as each other, with 0 <= hits <= total")
    return sorted(_split(k, n, 0, false_alarms, np.random.default_rng(seed)))


def moves(figures: pl.DataFrame, metric: str, *, level: float = 0.95) -> list[Move]:
    """Return the moves of one share.

    Args:
        figures: as `compute_figures` gives them by day, week, month or quarter.
        metric: a share without weights, such as human_review_rate.
        level: of the intervals.
    """
    import polars as pl

    rows = figures.filter(pl.col("metric") == metric).sort("group")
    k, n = rows["numerator"].to_numpy(), rows["denominator"].to_numpy()
    found = find_changes(k, n)
    if not found:
        return []
    levels = [_level(k[a:b].sum(), n[a:b].sum(), level) for a, b in pairwise([0, *found, rows.height])]
    return [Move(rows["group"][at], *pair) for at, pair in zip(found, pairwise(levels), strict=True)]


def _split(k: Floats, n: Floats, offset: int, false_alarms: float, generator: np.random.Generator) -> list[int]:
    if k.size < 2 * FEWEST:
        return []
    gains = _gains(k[None], n[None])[0]
    best, place = float(gains.max()), FEWEST + int(gains.argmax())
    order = generator.permuted(np.tile(np.arange(k.size), (PERMUTATIONS, 1)), axis=1)
    as_good = int((_gains(k[order], n[order]).max(axis=1) >= best - 1e-9).sum())
    if (1 + as_good) / (1 + PERMUTATIONS) > false_alarms:
        return []
    left = _split(k[:place], n[:place], offset, false_alarms, generator)
    return [*left, offset + place, *_split(k[place:], n[place:], offset + place, false_alarms, generator)]


def _gains(k: Floats, n: Floats) -> Floats:
    """Return the log likelihood ratio of each split into two levels; shape (series, splits)."""
    hits, total = k.cumsum(axis=1), n.cumsum(axis=1)
    inner = slice(FEWEST - 1, k.shape[1] - FEWEST)
    all_hits, everything = hits[:, -1:], total[:, -1:]
    left = _likelihood(hits[:, inner], total[:, inner])
    right = _likelihood(all_hits - hits[:, inner], everything - total[:, inner])
    found: Floats = left + right - _likelihood(all_hits, everything)
    return found


def _likelihood(hits: Floats, total: Floats) -> Any:
    """Return the binomial log likelihood at its maximum, without the part that no level changes."""
    from scipy.special import xlogy

    share = hits / np.maximum(total, 1)
    return xlogy(hits, share) + xlogy(total - hits, 1 - share)


def _level(hits: float, total: float, level: float) -> Level:
    return Level(hits / total, *wilson(hits, total, confidence=level), int(total))
