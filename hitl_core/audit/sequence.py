"""An interval that holds at all times at once, so that one may look every day and stop when it is clear."""

from __future__ import annotations

import numpy as np

from hitl_core.audit.bets import FloatArray, checked_least, checked_row, log_returns, mixed
from hitl_core.domain.errors import InputError
from hitl_core.stats import Interval

CELLS = 800
# Fine near 0 and 1, where error rates lie: .0005 apart at .02, .002 apart at .5.
GRID = np.sin(np.linspace(0, np.pi / 2, CELLS + 1)) ** 2
KEPT = 64


class ConfidenceSequence:
    """A confidence sequence for a constant mean, by betting (Waudby-Smith and Ramdas 2024, hedged capital).

    For each claimed mean two gamblers bet, one that the truth lies above it and one below; a claim is given up for good
    when either has made 2 / (1 - confidence) out of 1. By Ville's inequality the truth is ever given up with
    probability at most 1 - confidence, whenever and however often one looks. What it says is about a mean that does not
    change.

    Args:
        confidence: between 0 and 1.
        min_inclusion: the least inclusion probability that a row can have; known before the rows come.

    Example:
        >>> sequence = ConfidenceSequence(confidence=0.95)
        >>> for value in [0, 0, 1, 0] * 50:
        ...     sequence.update(value, 1.0)
        >>> low, high = sequence.interval
        >>> bool(0.15 < low < 0.25 < high < 0.36), sequence.n
        (True, 200)
    """

    def __init__(self, *, confidence: float = 0.95, min_inclusion: float = 1.0) -> None:
        if not isinstance(confidence, int | float | np.number) or not 0 < confidence < 1:
            raise InputError(f"confidence must be between 0 and 1, such as 0.95; got {confidence!r}")
        self._least = checked_least(min_inclusion)
        self._needed = float(np.log(2 / (1 - confidence)))
        # The truth is never given up at the ends of the grid: a claim of exactly 0 or 1 is not tested.
        inner = GRID[1:-1]
        self._mean = inner
        self._above = np.zeros((inner.size, len(log_returns(0.0, 1.0, inner[:1], "above")[0])))
        self._below = np.zeros_like(self._above)
        self._low, self._high = 0, inner.size
        self._returns: dict[tuple[float, float], tuple[FloatArray, FloatArray]] = {}
        self._weight = self._squares = self._total = 0.0
        self.n = 0

    def update(self, value: float, inclusion: float = 1.0) -> None:
        """Take in one labelled row; rows come in the order in which they were decided.

        Args:
            value: in [0, 1]; 1 for an error where the mean is an error rate.
            inclusion: the probability with which the row was chosen to be labelled, at least `min_inclusion`.

        Raises:
            InputError: one of them is out of range.
        """
        checked_row(value, inclusion, self._least)
        above, below = self._returns_of(float(value), float(inclusion))
        self._above += above
        self._below += below
        self.n += 1
        self._weight += 1 / inclusion
        self._squares += 1 / inclusion**2
        self._total += value / inclusion
        self._give_up()

    @property
    def interval(self) -> Interval:
        """The means that were never given up, rounded outwards to the grid; (0, 1) before the first row."""
        low = self._mean[self._low - 1] if self._low > 0 else 0.0
        high = self._mean[self._high] if self._high < self._mean.size else 1.0
        return Interval(float(min(low, high)), float(max(low, high)))

    @property
    def value(self) -> float:
        """The weighted mean so far; NaN before the first row."""
        return self._total / self._weight if self.n else float("nan")

    @property
    def effective_n(self) -> float:
        """Kish's effective number of rows."""
        return self._weight**2 / self._squares if self.n else 0.0

    def _give_up(self) -> None:
        """Move the bounds inwards; wealth is monotone in the claim, so looking at the bounds is enough."""
        size = self._mean.size
        while self._low < size and mixed(self._above[self._low]) >= self._needed:
            self._low += 1
        while self._high > 0 and mixed(self._below[self._high - 1]) >= self._needed:
            self._high -= 1

    def _returns_of(self, value: float, inclusion: float) -> tuple[FloatArray, FloatArray]:
        key = (value, inclusion)
        found = self._returns.get(key)
        if found is None:
            scale = min(1.0, self._least / inclusion)
            found = (
                log_returns(value, scale, self._mean, "above"),
                log_returns(value, scale, self._mean, "below"),
            )
            if len(self._returns) < KEPT:
                self._returns[key] = found
        return found


def clean_rows_needed(target: float, *, confidence: float = 0.95, most: int = 10_000) -> int:
    """Return how many rows without an error bring the upper bound down to `target`, all equally likely to be labelled.

    Raises:
        InputError: target or confidence is not between 0 and 1.
    """
    if not 0 < target < 1:
        raise InputError(f"target must be between 0 and 1, such as 0.05; got {target!r}")
    sequence = ConfidenceSequence(confidence=confidence)
    while sequence.interval.high > target and sequence.n < most:
        sequence.update(0.0)
    return sequence.n
