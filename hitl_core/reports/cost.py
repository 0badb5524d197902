"""What a threshold costs: people, models, and the errors that escape, with a band; where the optimum lies.

Public: `Prices`, `cost_curve`, `CostCurve`, `CostPoint`, `choose_cheapest`. Pure.

For an item below the threshold a person is paid, who misses a wrong output with probability `reviewer_miss`; an item at
or above it goes out as it is. Models are paid for either way. With error rate e(c) at confidence c, review is worth its
price where (1 - reviewer_miss) · e(c) · escaped_error > human: that is the break-even error rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from hitl_core.domain.errors import InputError
from hitl_core.domain.policy_cost import Prices

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
GRID = 200
REPLICATES = 1000
MANY_KINDS = 5_000
REVIEW_ALL = float(np.nextafter(1.0, 2.0))
"""The threshold above every confidence: everything is reviewed."""


@dataclass(frozen=True)
class CostPoint:
    """One threshold: cost per item in USD with its interval, share reviewed, errors that escape per item."""

    threshold: float
    cost_usd: float
    low: float
    high: float
    share_reviewed: float
    escaped: float


@dataclass(frozen=True)
class CostCurve:
    """Expected cost per item over the threshold.

    Attributes:
        frame: threshold, cost_usd, low, high (pointwise, by bootstrap over rows), share_reviewed, escaped, human_usd,
            escaped_usd, model_usd; thresholds rising; the last one reviews everything.
        best: the cheapest threshold, chosen on the smoothed error rate.
        best_low, best_high: percentile interval of the cheapest threshold over the resamples.
        review_all: reviewing everything; `saved_usd` per item is against it, with its interval.
        n, effective_n: labelled rows, and Kish's number of them.
        break_even: error rate above which a review is worth its price.
    """

    frame: pl.DataFrame
    best: CostPoint
    best_low: float
    best_high: float
    review_all: CostPoint
    saved_usd: float
    saved_low: float
    saved_high: float
    n: int
    effective_n: float
    break_even: float


def choose_cheapest(
    confidence: ArrayLike, correct: ArrayLike, *, prices: Prices, weights: ArrayLike | None = None
) -> float:
    """Return the threshold with the least expected cost: auto-approve at or above it; above 1 means review everything.

    The error rate is smoothed by isotonic regression (it does not rise with confidence); the cheapest threshold is
    where the fit falls to the break-even rate, which is the empirical minimum (Barlow and Brunk 1972).

    Raises:
        InputError: the arrays do not fit.
    """
    c, wrong, w = _checked(confidence, correct, weights)
    return _cheapest(*_pooled(c, wrong, w), prices)


def cost_curve(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    prices: Prices,
    weights: ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> CostCurve:
    """Return the expected cost per item over the threshold.

    Args:
        confidence: shape (n,), in [0, 1], of labelled items.
        correct: shape (n,), whether the output was right.
        prices: what things cost.
        weights: shape (n,), 1 / inclusion probability; None where all items were labelled.
        level: of the band and the intervals.
        seed: of the bootstrap.

    Raises:
        InputError: the arrays do not fit, or there is no row.
    """
    import polars as pl

    c, wrong, w = _checked(confidence, correct, weights)
    edges = _edges(c)
    thresholds = np.append(edges, REVIEW_ALL)
    place = np.searchsorted(edges, c, side="right") - 1
    here = _costs(*_binned(place, wrong, w, edges.size), prices)
    many = _costs(*_resampled(place, wrong, w, seed), prices)["cost_usd"]
    tails = ((1 - level) / 2, 1 - (1 - level) / 2)
    low, high = np.quantile(many, tails, axis=0)
    frame = pl.DataFrame({"threshold": thresholds, **here, "low": low, "high": high})
    at = int(np.searchsorted(thresholds, _cheapest(*_pooled(c, wrong, w), prices), side="left"))
    best_low, best_high = np.quantile(thresholds[np.argmin(many, axis=1)], tails)
    saved_low, saved_high = np.quantile(many[:, -1] - many[:, at], tails)
    best, everything = _point(frame, at), _point(frame, edges.size)
    return CostCurve(
        frame=frame,
        best=best,
        best_low=float(best_low),
        best_high=float(best_high),
        review_all=everything,
        saved_usd=everything.cost_usd - best.cost_usd,
        saved_low=float(saved_low),
        saved_high=float(saved_high),
        n=int(c.size),
        effective_n=float(w.sum() ** 2 / (w**2).sum()),
        break_even=prices.break_even,
    )


def _checked(
    confidence: ArrayLike, correct: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, NDArray[np.bool_], Floats]:
    c = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(correct)
    w = np.ones(c.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if c.ndim != 1 or not c.size or right.shape != c.shape or w.shape != c.shape:
        raise InputError(
            f"confidence, correct and weights must be rows of one length, at least 1; "
            f"got shapes {c.shape}, {right.shape} and {w.shape}"
        )
    if not (np.isfinite(c).all() and (c >= 0).all() and (c <= 1).all()):
        raise InputError("a confidence is outside [0, 1] or not finite; leave such rows out")
    if not np.isin(right, (0, 1)).all():
        raise InputError("correct must be true or false (1 or 0) in each row; leave rows without a label out")
    if not (np.isfinite(w).all() and (w > 0).all()):
        raise InputError("a weight is not a positive number; it is 1 / inclusion probability")
    return c, ~right.astype(bool), w


def _edges(c: Floats) -> Floats:
    """Return candidate thresholds: every confidence that occurs, or quantiles where there are many."""
    values = np.unique(c)
    if values.size <= GRID:
        return values
    return np.unique(np.quantile(c, np.linspace(0, 1, GRID), method="lower"))


def _binned(place: NDArray[np.int64], wrong: NDArray[np.bool_], w: Floats, bins: int) -> tuple[Floats, Floats]:
    mass: Floats = np.bincount(place, weights=w, minlength=bins).astype(np.float64)
    return mass, np.bincount(place, weights=w * wrong, minlength=bins).astype(np.float64)


def _resampled(place: NDArray[np.int64], wrong: NDArray[np.bool_], w: Floats, seed: int) -> tuple[Floats, Floats]:
    """Return bootstrap replicates of `_binned`, by resampling how often each kind of row occurs."""
    rows = np.column_stack([place, wrong, w])
    kinds, counts = np.unique(rows, axis=0, return_counts=True)
    starts = np.searchsorted(kinds[:, 0], np.arange(int(kinds[-1, 0]) + 1))
    replicates = REPLICATES if kinds.shape[0] <= MANY_KINDS else REPLICATES // 5
    draws = np.random.default_rng(seed).multinomial(place.size, counts / place.size, size=replicates) * kinds[:, 2]
    return np.add.reduceat(draws, starts, axis=1), np.add.reduceat(draws * kinds[:, 1], starts, axis=1)


def _costs(mass: Floats, errors: Floats, prices: Prices) -> dict[str, Floats]:
    """Return costs per item when the bins from each one up go out by themselves, and last when none does."""
    total = mass.sum(axis=-1, keepdims=True)
    reviewed = _below(mass) / total
    seen = _below(errors) / total
    slipped = errors.sum(axis=-1, keepdims=True) / total - (1 - prices.reviewer_miss) * seen
    human, escaped = reviewed * prices.review_usd, slipped * prices.escaped_error_usd
    model = np.full(human.shape, prices.model_usd + prices.judge_usd)
    return {
        "cost_usd": model + human + escaped,
        "share_reviewed": reviewed,
        "escaped": slipped,
        "human_usd": human,
        "escaped_usd": escaped,
        "model_usd": model,
    }


def _below(parts: Floats) -> Floats:
    """Return, for each threshold, the sum of the bins below it; one more than there are bins."""
    return np.concatenate([np.zeros((*parts.shape[:-1], 1)), np.cumsum(parts, axis=-1)], axis=-1)


def _pooled(c: Floats, wrong: NDArray[np.bool_], w: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the distinct confidences, the error rate at each, and its weight."""
    values, place = np.unique(c, return_inverse=True)
    mass: Floats = np.bincount(place, weights=w).astype(np.float64)
    return values, np.bincount(place, weights=w * wrong) / mass, mass


def _cheapest(values: Floats, rates: Floats, mass: Floats, prices: Prices) -> float:
    fit = optimize.isotonic_regression(rates, weights=mass, increasing=False).x
    good = np.flatnonzero(fit <= prices.break_even)
    return float(values[good[0]]) if good.size else REVIEW_ALL


def _point(frame: pl.DataFrame, at: int) -> CostPoint:
    row: dict[str, Any] = frame.row(at, named=True)
    return CostPoint(**{name: row[name] for name in CostPoint.__dataclass_fields__})
