"""Numbers that bring their interval, and the checks every function of the room makes on its arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from hitl_core.domain.errors import InputError

FloatArray = NDArray[np.float64]
# Squares of weights beyond these leave the range of floats.
LEAST_WEIGHT = 1e-100


class Estimate(float):
    """A number with its interval: use it as a float, or read `.value`, `.low`, `.high`, `.n` and `.effective_n`.

    `low` and `high` are NaN where the rows cannot carry an interval; `effective_n` is Kish's, equal to n without
    weights. The value never changes.
    """

    __slots__ = ("effective_n", "high", "low", "n")

    low: float
    high: float
    n: int
    effective_n: float

    def __new__(cls, value: float, low: float, high: float, n: int, effective_n: float) -> Estimate:
        """Make the number; the bounds stand beside it."""
        made = super().__new__(cls, value)
        for name, given in (("low", low), ("high", high), ("n", n), ("effective_n", effective_n)):
            object.__setattr__(made, name, given)
        return made

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an Estimate is frozen; {name} cannot be set")

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy goes through the constructor, because nothing can be set afterwards.
        return type(self), (float(self), self.low, self.high, self.n, self.effective_n)

    @property
    def value(self) -> float:
        """The number itself."""
        return float(self)

    @property
    def interval(self) -> tuple[float, float]:
        """The lower and the upper bound."""
        return (self.low, self.high)

    def __repr__(self) -> str:
        return f"Estimate({float(self):.6g}, [{self.low:.4g}, {self.high:.4g}], n={self.n})"


class Rows(NamedTuple):
    """Checked rows: confidence, whether the output was right (0 or 1), and the weight, each of shape (n,)."""

    confidence: FloatArray
    correct: FloatArray
    weight: FloatArray


def checked_rows(confidence: ArrayLike, correct: ArrayLike, weights: ArrayLike | None = None) -> Rows:
    """Return the rows as arrays of floats.

    Raises:
        InputError: the lengths differ, there is no row, a confidence is outside [0, 1], a label is not 0 or 1, or a
            weight is not positive.
    """
    given = checked_confidence(confidence)
    right = as_array(correct, "correct")
    if right.shape != given.shape:
        raise InputError(f"confidence and correct need one entry a row; got shapes {given.shape} and {right.shape}")
    right = as_floats(right, "correct")
    if not given.size:
        raise InputError("there is no row; at least one labelled row is needed")
    if not np.isin(right, (0.0, 1.0)).all():
        raise InputError("correct must be true or false (1 or 0) in each row; leave rows without a label out")
    return Rows(given, right, checked_weights(weights, given.size))


def checked_confidence(confidence: ArrayLike) -> FloatArray:
    """Return confidences as a one-dimensional array of floats in [0, 1]; raise InputError for anything else."""
    given = as_floats(as_array(confidence, "confidence"), "confidence")
    if given.ndim != 1:
        raise InputError(f"confidence must be one-dimensional; got shape {given.shape}")
    usable = (given >= 0) & (given <= 1)
    if not usable.all():
        row = int(np.argmin(usable))
        raise InputError(f"confidence must lie between 0 and 1; row {row} has {given[row]:g}")
    return given


def checked_weights(weights: ArrayLike | None, rows: int) -> FloatArray:
    """Return positive weights of shape (rows,), ones where none are given."""
    if weights is None:
        return np.ones(rows)
    given = as_floats(as_array(weights, "weights"), "weights")
    if given.shape != (rows,):
        raise InputError(f"weights need one entry a row; got shape {given.shape} for {rows} rows")
    if not (np.isfinite(given) & (given > 0)).all():
        raise InputError("weights must be positive numbers (1 / inclusion probability)")
    if rows and not LEAST_WEIGHT <= given.min() <= given.max() <= 1 / LEAST_WEIGHT:
        raise InputError(f"weights must lie between {LEAST_WEIGHT:g} and {1 / LEAST_WEIGHT:g}; sums of others overflow")
    return given


def group_numbers(groups: ArrayLike | None, rows: int) -> NDArray[np.int64]:
    """Return a whole number for each row's group; each row is its own group where none are given."""
    if groups is None:
        return np.arange(rows, dtype=np.int64)
    given = as_array(groups, "groups")
    if given.shape != (rows,):
        raise InputError(f"groups need one entry a row; got shape {given.shape} for {rows} rows")
    return np.unique(given.astype(str) if given.dtype == object else given, return_inverse=True)[1].astype(np.int64)


def kish_n(weight: FloatArray) -> float:
    """Kish's effective number of rows: (sum of weights)² / sum of squared weights."""
    squares = float(weight @ weight)
    return float(weight.sum()) ** 2 / squares if squares > 0 else 0.0


def mean_estimate(values: FloatArray, weight: FloatArray, level: float) -> Estimate:
    """Return a weighted mean with its large-sample interval; NaN bounds below two rows."""
    z = normal_quantile(level)
    total = weight.sum()
    mean = float(weight @ values / total)
    low = high = float("nan")
    if values.size > 1:
        correction = values.size / (values.size - 1)
        half = z * float(np.sqrt(correction * (weight**2 @ (values - mean) ** 2)) / total)
        low, high = mean - half, mean + half
    return Estimate(mean, low, high, values.size, kish_n(weight))


def normal_quantile(level: float) -> float:
    """The two-sided normal quantile of a confidence level; raise InputError unless it is between 0 and 1."""
    if not isinstance(level, int | float | np.number) or not 0 < level < 1:
        raise InputError(f"a confidence level must be between 0 and 1, such as 0.95; got {level!r}")
    return float(special.ndtri((1 + level) / 2))


def as_array(given: ArrayLike, name: str) -> NDArray[Any]:
    """Return what was given as an array; raise InputError where its rows differ in length."""
    try:
        return np.asarray(given)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be one row of values; {error}") from error


def as_floats(given: NDArray[np.generic], name: str) -> FloatArray:
    """Return an array as floats; raise InputError where it holds anything else."""
    if given.dtype.kind == "c":
        raise InputError(f"{name} must hold real numbers only")
    try:
        return given.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must hold numbers only; {error}") from error
