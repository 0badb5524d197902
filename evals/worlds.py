"""Worlds whose true error is known at every threshold: what a promise about thresholds is tried out on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TARGET, DELTA = 0.05, 0.1
GRID = 4001
TIES = np.array([0.5, 0.7, 0.8, 0.9, 0.95])


@dataclass(frozen=True)
class World:
    """Items with confidence = `draw(generator, n)` that are wrong with probability `risk(confidence)`.

    `inclusion` is the chance of a label; `group` rows of one group are wrong together.
    """

    rows: int
    draw: Callable[[np.random.Generator, int], Floats]
    risk: Callable[[Floats], Floats]
    inclusion: Callable[[Floats], Floats] = np.ones_like
    group: int = 1


def even(generator: np.random.Generator, n: int) -> Floats:
    """Confidences spread evenly."""
    return generator.random(n)


def tied(generator: np.random.Generator, n: int) -> Floats:
    """Confidences of five values only."""
    return generator.choice(TIES, n)


def flat(rate: float) -> Callable[[Floats], Floats]:
    """One error rate at every confidence."""
    return lambda confidence: np.full_like(confidence, rate)


def edge(at: float, above: float, below: float) -> Callable[[Floats], Floats]:
    """One error rate from a confidence upwards, another below."""
    return lambda confidence: np.where(confidence >= at, above, below)


def dip(confidence: Floats) -> Floats:
    """Worst at the very top, better below, then just too bad: nothing here falls with confidence."""
    return np.where(confidence > 0.9, 0.08, np.where(confidence > 0.4, 0.042, 0.065))


def audited(confidence: Floats) -> Floats:
    """All labelled below .6, one in ten above."""
    return np.where(confidence >= 0.6, 0.1, 1.0)


def graded(confidence: Floats) -> Floats:
    """Three chances of a label."""
    return np.where(confidence >= 0.8, 0.1, np.where(confidence >= 0.4, 0.3, 1.0))


# Half of the worlds stand at the boundary: one step looser and the error is just above the target.
WORLDS = {
    "boundary, flat": World(400, even, flat(0.0505)),
    "boundary, few rows": World(120, even, flat(0.0505)),
    "boundary, edge at .6": World(500, even, edge(0.6, 0.0505, 0.3)),
    "boundary, last step": World(400, even, edge(0.3, 0.045, 0.065)),
    "boundary, ties": World(400, tied, edge(0.8, 0.0505, 0.2)),
    "boundary, not monotone": World(500, even, dip),
    "boundary, selective": World(2500, even, flat(0.0505), audited),
    "boundary, selective edge": World(2500, even, edge(0.5, 0.0505, 0.01), audited),
    "boundary, groups": World(1500, even, flat(0.0505), group=5),
    "tiny": World(40, even, flat(0.06)),
    "59 rows": World(59, even, flat(0.052)),
    "all wrong": World(200, even, flat(1.0)),
    "all right": World(200, even, flat(0.0)),
    "good": World(400, even, flat(0.02)),
    "good above .7": World(600, even, edge(0.7, 0.01, 0.3)),
    "ties, good": World(400, tied, edge(0.8, 0.02, 0.2)),
    "selective, good": World(3000, even, edge(0.4, 0.02, 0.2), audited),
    "selective, three levels": World(4000, even, edge(0.5, 0.02, 0.3), graded),
}


def labels(world: World, seed: int) -> tuple[Floats, NDArray[np.bool_], Floats, NDArray[np.int64]]:
    """Draw items, let the labels arrive by their chances; rows of one group share their fate."""
    generator = np.random.default_rng([seed, 17])
    groups = world.rows // world.group
    confidence = np.repeat(world.draw(generator, groups), world.group)
    wrong = np.repeat(generator.random(groups), world.group) < world.risk(confidence)
    inclusion = np.asarray(world.inclusion(confidence), dtype=np.float64)
    seen = generator.random(confidence.size) < inclusion
    return confidence[seen], ~wrong[seen], inclusion[seen], np.repeat(np.arange(groups), world.group)[seen]


def true_error(world: World, threshold: float) -> float:
    """The error at or above a threshold, by the world's own curve."""
    above = TIES[threshold <= TIES] if world.draw is tied else np.linspace(threshold, 1, GRID)
    return float(np.mean(world.risk(above)))


def naive_threshold(confidence: Floats, right: NDArray[np.bool_]) -> float | None:
    """Return the lowest threshold whose observed error looks good: what a promise must not be built on."""
    order = np.argsort(-confidence)
    seen = np.cumsum(~right[order]) / np.arange(1, right.size + 1)
    good = np.flatnonzero((seen <= TARGET) & (np.arange(1, right.size + 1) >= 30))
    return float(confidence[order][good[-1]]) if good.size else None
