"""Agreement coefficients and Dawid-Skene on 100,000 units of five raters, in seconds of processor time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from evals.bench.results import Aim, Part, Setup, alternate, median

UNITS, RATERS, LABELS, ROUNDS = 100_000, 5, 5, 3


def measure_agreement(setup: Setup) -> list[Part]:
    """Time each coefficient, in turn with scikit-learn's kappa of two raters without an interval."""
    from sklearn.metrics import cohen_kappa_score

    from hitl_core import agreement

    units = setup.size(UNITS)
    cells, votes = ratings(units), long_votes(units)
    first, second = cells[:, 0].astype(int), cells[:, 1].astype(int)
    calls: dict[str, Callable[[], object]] = {
        "scikit-learn kappa, two raters, no interval": lambda: cohen_kappa_score(first, second),
        "Cohen kappa, two raters": lambda: agreement.cohen_kappa(first, second),
        "Fleiss kappa": lambda: agreement.fleiss_kappa(cells),
        "Gwet AC1": lambda: agreement.gwet_ac1(cells),
        "Krippendorff alpha, nominal": lambda: agreement.krippendorff_alpha(cells),
        "Krippendorff alpha, interval": lambda: agreement.krippendorff_alpha(cells, level="interval"),
        "Dawid-Skene, fifty raters": lambda: agreement.dawid_skene(votes),
    }
    found = alternate(ROUNDS, *(processor_time(call) for call in calls.values()))
    seconds = dict(zip(calls, map(median, found), strict=True))
    baseline = next(iter(seconds.values()))
    part = Part(
        f"Agreement, {units:,} units × {RATERS} raters",
        ("what", "CPU s", "ratio to scikit-learn's kappa"),
        rows=[[name, round(value, 3), round(value / baseline, 1)] for name, value in seconds.items()],
    )
    slowest = max(value for name, value in seconds.items() if not name.startswith(("scikit", "Dawid")))
    part.aims = [
        Aim("slowest agreement coefficient, CPU s", slowest, 1.0),
        Aim("Dawid-Skene, CPU s", seconds["Dawid-Skene, fifty raters"], 2.0),
    ]
    return [part]


def processor_time(call: Callable[[], object]) -> Callable[[], list[float]]:
    """Return a measure of one call in seconds of processor time."""

    def measure() -> list[float]:
        began = time.process_time()
        call()
        return [time.process_time() - began]

    return measure


def ratings(units: int) -> Any:
    """Return units × raters labels; seven in ten are the truth."""
    generator = np.random.default_rng(0)
    truth = generator.integers(0, LABELS, (units, 1))
    shape = (units, RATERS)
    return np.where(generator.random(shape) < 0.7, truth, generator.integers(0, LABELS, shape)).astype(float)


def long_votes(units: int) -> pl.DataFrame:
    """Return votes of five of fifty raters a task, so that hardly two tasks have the same votes."""
    generator = np.random.default_rng(1)
    truth = np.repeat(generator.integers(0, LABELS, units), RATERS)
    rater = np.argsort(generator.random((units, 50)), axis=1)[:, :RATERS].ravel()
    right = generator.random(truth.size) < 0.5 + rater / 110
    label = np.where(right, truth, generator.integers(0, LABELS, truth.size))
    return pl.DataFrame({"task_id": np.repeat(np.arange(units), RATERS), "rater_id": rater, "label": label})
