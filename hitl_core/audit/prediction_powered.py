"""A mean from few labels and many predictions: the judges' verdicts tighten what reviewers found, and never replace it.

Angelopoulos, Duchi and Zrnic, "PPI++: Efficient prediction-powered inference" (2023). Not for breakers or certificates:
the interval is a large-sample one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hitl_core.audit.estimate import weighted_share
from hitl_core.domain.errors import InputError
from hitl_core.stats import Interval, clopper_pearson

FloatArray = NDArray[np.float64]
FEWEST_ERRORS = 10
# Squares of 1 / chance leave the range of floats below this.
LEAST_CHANCE = 1e-100


@dataclass(frozen=True)
class PredictionPowered:
    """A mean with its interval.

    `method` says which interval this is: "exact" where there are fewer than 10 labels of the rarer kind. `power` is how
    much weight the predictions got (0: none), `gain` how many times as many labels the interval is worth (1: no gain),
    `n` the labels, `effective_n` Kish's number of them, `predictions` how many predictions there were.
    """

    value: float
    low: float
    high: float
    n: int
    effective_n: float
    predictions: int
    method: Literal["prediction-powered", "exact"]
    power: float
    gain: float
    confidence: float

    @property
    def interval(self) -> Interval:
        """The bounds."""
        return Interval(self.low, self.high)


class _Rows(NamedTuple):
    labels: FloatArray
    seen: FloatArray
    every: FloatArray
    weight: FloatArray


def prediction_powered_mean(
    labels: ArrayLike,
    predictions_labelled: ArrayLike,
    predictions_all: ArrayLike,
    *,
    inclusion: ArrayLike | None = None,
    confidence: float = 0.95,
) -> PredictionPowered:
    """Return the mean label of all items, from the labels of some and predictions for all.

    The predictions' mean is corrected by how far they are off where there are labels; how much they count is chosen so
    that the variance is least, so they never do worse than the labels alone in a large sample. With a correlation of
    rho between label and prediction, n labels and N more predictions, the interval is worth 1 / (1 - rho² N / (n + N))
    times as many labels. The bounds are exact ones (Clopper-Pearson) at the number of labels that the variance is
    worth, because the normal interval covers too seldom where the mean is near 0 or 1.

    Args:
        labels: in [0, 1], shape (n,).
        predictions_labelled: predictions for the same items, shape (n,).
        predictions_all: predictions for all items. The labelled ones are among them; where they are not (a labelled
            prediction does not occur), these count as further items.
        inclusion: each label's probability of having been drawn, shape (n,); equal ones where it is left out.
        confidence: between 0 and 1.

    Raises:
        InputError: shapes or values do not fit.
    """
    rows = _checked(labels, predictions_labelled, predictions_all, inclusion)
    rarer = min(np.count_nonzero(rows.labels > 0), np.count_nonzero(rows.labels < 1))
    classical = weighted_share(rows.labels, rows.weight, confidence=confidence)
    if rarer < FEWEST_ERRORS:
        return _result(rows, classical.interval, classical.value, "exact", 0.0, 1.0, confidence)
    power, variance, alone = _tuned(rows)
    value = float(_mean(rows, rows.labels) - power * (_mean(rows, rows.seen) - rows.every.mean()))
    value = min(1.0, max(0.0, value))
    if not variance > 0 or not 0 < value < 1:
        return _result(rows, classical.interval, classical.value, "exact", 0.0, 1.0, confidence)
    # Spread of labels in [0, 1] is at most that of 0 and 1, whose variance the exact interval knows.
    worth = value * (1 - value) / (variance * (1 + 2 / _telling_rows(rows, power)))
    bounds = clopper_pearson(value * worth, worth, confidence=confidence)
    return _result(rows, bounds, value, "prediction-powered", power, alone / variance, confidence)


def _result(
    rows: _Rows,
    bounds: Interval,
    value: float,
    method: Literal["prediction-powered", "exact"],
    power: float,
    gain: float,
    confidence: float,
) -> PredictionPowered:
    effective = float(rows.weight.sum() ** 2 / (rows.weight @ rows.weight))
    return PredictionPowered(
        value=value,
        low=bounds.low,
        high=bounds.high,
        n=rows.labels.size,
        effective_n=effective,
        predictions=rows.every.size,
        method=method,
        power=power,
        gain=gain,
        confidence=confidence,
    )


def _tuned(rows: _Rows) -> tuple[float, float, float]:
    """Return the power with the least variance, that variance, and the variance without predictions."""
    labels, seen = rows.labels - _mean(rows, rows.labels), rows.seen - _mean(rows, rows.seen)
    scale = rows.labels.size / (rows.labels.size - 1) / float(rows.weight.sum()) ** 2
    squares = rows.weight**2
    alone = scale * float(squares @ labels**2)
    together, predicted = scale * float(squares @ (labels * seen)), scale * float(squares @ seen**2)
    spread = float(rows.every.var()) / rows.every.size
    if _are_among(rows.seen, rows.every):
        together -= _mean(rows, labels * seen) / rows.every.size
        bend = predicted - spread
    else:
        bend = predicted + spread
    if not bend > 1e-15 or together == 0:
        return 0.0, alone, alone
    power = together / bend
    return power, max(0.0, alone - power * together), alone


def _telling_rows(rows: _Rows, power: float) -> float:
    """How many rows the variance rests on: with good predictions only those that are wrong, often a handful.

    (sum of s²)² / sum of s⁴ over the weighted residuals s; a variance known from k such rows is too small by about 1 in
    k.
    """
    residual = rows.labels - power * rows.seen
    squares = (rows.weight * (residual - _mean(rows, residual))) ** 2
    return max(1.0, float(squares.sum() ** 2 / max(squares @ squares, 1e-300)))


def _mean(rows: _Rows, values: FloatArray) -> float:
    return float(rows.weight @ values / rows.weight.sum())


def _are_among(some: FloatArray, every: FloatArray) -> bool:
    """Whether each value occurs among the others at least as often."""
    values, counts = np.unique(some, return_counts=True)
    order = np.sort(every)
    there = np.searchsorted(order, values, "right") - np.searchsorted(order, values, "left")
    return bool((there >= counts).all())


def _floats(given: ArrayLike) -> FloatArray:
    try:
        read = np.asarray(given)
        return read.astype(np.float64, casting="unsafe" if read.dtype.kind in "OUS" else "same_kind")
    except (TypeError, ValueError) as error:
        raise InputError(f"labels, predictions and inclusion must hold numbers only; {error}") from error


def _checked(
    labels: ArrayLike, predictions_labelled: ArrayLike, predictions_all: ArrayLike, inclusion: ArrayLike | None
) -> _Rows:
    given, seen, every = (_floats(each) for each in (labels, predictions_labelled, predictions_all))
    chance = np.ones_like(given) if inclusion is None else _floats(inclusion)
    if given.ndim != 1 or seen.shape != given.shape or chance.shape != given.shape or every.ndim != 1:
        raise InputError(
            "labels, predictions_labelled and inclusion need one entry a label; "
            f"got shapes {given.shape}, {seen.shape} and {chance.shape}"
        )
    if not given.size or not every.size:
        raise InputError("there is no row; at least one label and one prediction are needed")
    if not ((given >= 0) & (given <= 1)).all() or not (np.isfinite(seen).all() and np.isfinite(every).all()):
        raise InputError("labels must lie between 0 and 1 and predictions must be numbers")
    if not ((chance > LEAST_CHANCE) & (chance <= 1)).all():
        raise InputError("inclusion probabilities must lie above 0 and at most at 1")
    return _Rows(given, seen, every, 1 / chance)
