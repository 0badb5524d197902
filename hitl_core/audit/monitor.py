"""Has the error rate risen above its target? A test that starts over all the time, so that good years hide nothing.

Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric framework for sequential change detection" (2023): the
Shiryaev-Roberts sum of e-processes, one begun at each row. Stopping when it reaches A has a mean run length of at least
A rows while the error is at most the target, whatever the distribution.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hitl_core.audit.bets import FRACTIONS, FloatArray, checked_least, checked_row, log_returns, mixed
from hitl_core.domain.errors import InputError


@dataclass(frozen=True)
class Watch:
    """What a monitor saw: `n` rows in all, and whether and at which row (counted from 1) it raised the alarm.

    `strength` is the statistic's share of what raises the alarm, on a logarithmic scale, in [0, 1]. `since` is the row
    at which the evidence began, as far as it can be told. False alarms come once in `run_length` rows or less often.
    """

    n: int
    errors: int
    breached_at: int | None
    since: int | None
    strength: float
    target: float
    run_length: float

    @property
    def breached(self) -> bool:
        """Whether the alarm was raised."""
        return self.breached_at is not None


class BreachMonitor:
    """Watches rows in decision order for "the error rate is at most `target`".

    Args:
        target: the error rate that must hold, between 0 and 1.
        run_length: mean number of labelled rows between false alarms, at least; above 1.
        min_inclusion: the least inclusion probability that a row can have.
    """

    def __init__(self, *, target: float, run_length: float = 5000, min_inclusion: float = 1.0) -> None:
        if not 0 < target < 1:
            raise InputError(f"target must be between 0 and 1, such as 0.05; got {target!r}")
        if not run_length > 1:
            raise InputError(f"run_length is a number of rows above 1; got {run_length!r}")
        self._target, self._run_length, self._least = float(target), float(run_length), checked_least(min_inclusion)
        self._needed = float(np.log(run_length))
        self._sums = np.full(FRACTIONS.size, -np.inf)
        self._wealth = np.zeros(FRACTIONS.size)
        self._lowest, self._began = 0.0, 0
        self._n = self._errors = 0
        self._breached_at: int | None = None
        self._since: int | None = None

    def update(self, error: float, inclusion: float = 1.0) -> bool:
        """Take in one labelled row; return whether the alarm is raised.

        Raises:
            InputError: a value out of range.
        """
        checked_row(error, inclusion, self._least)
        self._n += 1
        self._errors += error > 0
        if self._breached_at is None:
            scale = min(1.0, self._least / inclusion)
            returns = log_returns(error, scale, np.array([self._target]), "above")[0]
            self._sums = np.logaddexp(self._sums, 0.0) + returns
            self._note_beginning(returns)
            if self._level() >= self._needed:
                self._breached_at, self._since = self._n, self._began + 1
        return self._breached_at is not None

    def watch(self) -> Watch:
        """Return what was seen so far."""
        level = self._needed if self._breached_at is not None else max(0.0, self._level()) if self._n else 0.0
        return Watch(
            n=self._n,
            errors=self._errors,
            breached_at=self._breached_at,
            since=self._since,
            strength=min(1.0, level / self._needed),
            target=self._target,
            run_length=self._run_length,
        )

    def _level(self) -> float:
        return float(mixed(self._sums))

    def _note_beginning(self, returns: FloatArray) -> None:
        """Remember where the gambler's purse was lowest: that is where the rise began."""
        self._wealth = self._wealth + returns
        level = float(mixed(self._wealth))
        if level < self._lowest:
            self._lowest, self._began = level, self._n


def watch_rows(
    rows: Iterable[tuple[float, float]], *, target: float, run_length: float = 5000, min_inclusion: float = 1.0
) -> Watch:
    """Return what a monitor sees in rows of (error, inclusion probability), in decision order.

    Raises:
        InputError: a value out of range.
    """
    monitor = BreachMonitor(target=target, run_length=run_length, min_inclusion=min_inclusion)
    for error, inclusion in rows:
        monitor.update(error, inclusion)
    return monitor.watch()
