"""Cascades of two judges whose true error is known: what joint thresholds win, and what spending delta twice breaks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from evals.rivals import naive_cascade, split_cascade
from evals.worlds import DELTA, TARGET, Floats
from hitl_core.calibration import answering_tier, choose_cascade_thresholds

Flags = NDArray[np.bool_]
POPULATION = 200_000


def boundary_cascade(generator: np.random.Generator, n: int) -> tuple[Floats, Flags]:
    """Two tiers that are wrong just more often than the target at every confidence."""
    return generator.random((n, 2)), generator.random((n, 2)) >= TARGET + 0.0005


def difficulty_cascade(generator: np.random.Generator, n: int) -> tuple[Floats, Flags]:
    """A cheap and a better judge that find the same items hard, with noisy confidences."""
    hard = generator.random(n)
    chance = np.stack([1 - 0.45 * hard**1.5, 1 - 0.25 * hard**2], axis=1)
    asked = np.clip(chance + generator.normal(0, [0.08, 0.05], (n, 2)), 0, 1)
    return asked, generator.random((n, 2)) < chance


def good_cascade(generator: np.random.Generator, n: int) -> tuple[Floats, Flags]:
    """A first judge that is good above .6, and a second that is good above .3."""
    asked = generator.random((n, 2))
    chance = np.stack([np.where(asked[:, 0] > 0.6, 0.985, 0.6), np.where(asked[:, 1] > 0.3, 0.97, 0.5)], axis=1)
    return asked, generator.random((n, 2)) < chance


CASCADES = {"boundary": boundary_cascade, "shared difficulty": difficulty_cascade, "good": good_cascade}


def outcome(
    asked: Floats, right: Flags, thresholds: list[float], answers: list[bool] | None = None
) -> tuple[float, float]:
    """Coverage and error of a cascade on a population; a tier that may not answer passes to a person."""
    tier = answering_tier(asked, thresholds)
    accepted = tier >= 0
    if answers is not None:
        accepted &= np.asarray(answers)[np.maximum(tier, 0)]
    rows = np.flatnonzero(accepted)
    return float(accepted.mean()), float(np.mean(~right[rows, tier[rows]])) if rows.size else 0.0


def cascade_rows(runs: int, count: int = 800) -> tuple[list[tuple[str | int | float, ...]], bool]:
    """Return a row for each cascade: violations and coverage of three choosers, and whether ours broke its promise."""
    allowed = int(stats.binom.ppf(0.999, runs, DELTA))
    rows: list[tuple[str | int | float, ...]] = []
    broken = False
    for name, draw in CASCADES.items():
        population = draw(np.random.default_rng(0), POPULATION)
        found = [_three(draw(np.random.default_rng([seed, count]), count), population, seed) for seed in range(runs)]
        covered, error = np.array(found).transpose(2, 1, 0)
        # The population's own error is known to about .05 points.
        violations = (error > TARGET + 1e-9).sum(axis=1)
        broken |= bool(violations[0] > allowed)
        coverage = [round(float(each), 3) for each in covered.mean(axis=1)]
        rows.append((name, count, runs, int(violations[0]), allowed, int(violations[2]), *coverage[:2]))
    return rows, broken


def _three(sample: tuple[Floats, Flags], population: tuple[Floats, Flags], seed: int) -> list[tuple[float, float]]:
    ours = choose_cascade_thresholds(*sample, target_error=TARGET, delta=DELTA, seed=seed).thresholds
    return [
        outcome(*population, [np.inf if each is None else each for each in ours]),
        outcome(*population, *split_cascade(*sample, TARGET, DELTA, seed)),
        outcome(*population, naive_cascade(*sample, TARGET)),
    ]
