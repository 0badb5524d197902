"""Reliability table and calibration errors with intervals on five million rows, in seconds of processor time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evals.bench.agreeing import processor_time
from evals.bench.results import Aim, Part, Setup, alternate, median

ROWS, ROUNDS = 5_000_000, 3


def measure_calibration(setup: Setup) -> list[Part]:
    """Time each measure, in turn with scikit-learn's calibration_curve, which has no interval and no n."""
    from sklearn.calibration import calibration_curve

    from hitl_core import calibration

    rows = setup.size(ROWS)
    generator = np.random.default_rng(0)
    confidence = generator.beta(5, 2, rows)
    right = generator.random(rows) < confidence**1.2
    calls: dict[str, Callable[[], object]] = {
        "scikit-learn calibration_curve, no interval": lambda: calibration_curve(right, confidence, n_bins=15),
        "reliability table, intervals and band": lambda: calibration.reliability_table(confidence, right),
        "ECE with bootstrap interval": lambda: calibration.expected_calibration_error(confidence, right),
        "debiased ECE with interval": lambda: calibration.debiased_calibration_error(confidence, right),
        "smooth ECE with interval": lambda: calibration.smooth_calibration_error(confidence, right),
        "Brier score with parts": lambda: calibration.brier_score(confidence, right),
    }
    found = alternate(ROUNDS, *(processor_time(call) for call in calls.values()))
    seconds = dict(zip(calls, map(median, found), strict=True))
    baseline = next(iter(seconds.values()))
    part = Part(
        f"Calibration, {rows:,} rows",
        ("what", "CPU s", "ratio to calibration_curve"),
        rows=[[name, round(value, 3), round(value / baseline, 1)] for name, value in seconds.items()],
    )
    part.aims = [Aim("ECE with interval, CPU s", seconds["ECE with bootstrap interval"], 3.0)]
    return [part]
