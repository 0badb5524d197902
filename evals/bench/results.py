"""What a part of the bench hands back: tables, and aims that were met or missed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from evals.databases import Databases
from evals.figures import percentile


class Aim(NamedTuple):
    """Something promised: `value` must be below `limit`."""

    text: str
    value: float
    limit: float

    @property
    def met(self) -> bool:
        """Whether the figure keeps the promise."""
        return self.value < self.limit


@dataclass
class Part:
    """One table of figures with its aims and what a reader must know about them."""

    title: str
    header: Sequence[str]
    rows: list[list[Any]] = field(default_factory=list)
    aims: list[Aim] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Setup(NamedTuple):
    """What every part gets: databases, their kinds, sizes (`large`) and a factor for tests of the bench itself."""

    databases: Databases
    kinds: Sequence[str]
    large: bool = False
    scale: float = 1.0

    def size(self, count: int, *, least: int = 8) -> int:
        """Return a number of rows or calls, scaled."""
        return max(least, int(count * self.scale))


Measure = Callable[[Setup], list[Part]]


def alternate(rounds: int, *measures: Callable[[], Sequence[float]]) -> list[list[float]]:
    """Run each measure in turn, round after round, so that a noisy moment hits all alike; return all their values."""
    values: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for found, measure in zip(values, measures, strict=True):
            found.extend(measure())
    return values


def timed(calls: Sequence[Callable[[], object]]) -> list[float]:
    """Return the seconds that each call took."""
    seconds = []
    for call in calls:
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return seconds


def median(values: Sequence[float]) -> float:
    """Return the middle value."""
    return percentile(values, 0.5)


def ms(seconds: float) -> float:
    """Return milliseconds, rounded to what the clock can tell."""
    return round(1000 * seconds, 3)
