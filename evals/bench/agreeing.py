"""Agreement coefficients, Dawid-Skene and the whole report on 100,000 units of five raters, in processor seconds.

Rivals run in turn on the same labels: scikit-learn's kappa of two raters, which has no interval, and statsmodels' kappa
of two raters and Fleiss' kappa, from labels to the number.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from evals.bench.results import Aim, Part, Setup, alternate, median

UNITS, RATERS, LABELS, ROUNDS = 100_000, 5, 5, 3
POOL, JUDGES = 50, 5
Calls = dict[str, Callable[[], object]]


def measure_agreement(setup: Setup) -> list[Part]:
    """Time each coefficient in turn with its rivals, Dawid-Skene, and the report that the Agreement page shows."""
    units = setup.size(UNITS)
    ours, rivals, missing = our_calls(units), *rival_calls(units)
    calls = ours | rivals
    found = alternate(ROUNDS, *(processor_time(call) for call in calls.values()))
    seconds = dict(zip(calls, map(median, found), strict=True))
    part = Part(
        f"Agreement, {units:,} units × {RATERS} raters",
        ("what", "CPU s", "rival", "rival's CPU s", "ratio"),
        rows=[_row(name, seconds) for name in ours],
        notes=[f"{name} is not installed (pip install '.[dev]'), so it is not among the rivals" for name in missing],
    )
    slowest = max(value for name, value in seconds.items() if name in ours and not name.startswith(("Dawid", "report")))
    models = max(value for name, value in seconds.items() if name.startswith("Dawid"))
    part.aims = [
        Aim("slowest agreement coefficient, CPU s", slowest, 1.0),
        Aim("Dawid-Skene, CPU s", models, 2.0),
    ]
    return [part]


def our_calls(units: int) -> Calls:
    """Return what is timed of the product."""
    from hitl_core import agreement
    from hitl_core.reports.raters.report import agreement_report

    cells, votes, opinions = ratings(units), long_votes(units), rated(units)
    first, second = cells[:, 0].astype(int), cells[:, 1].astype(int)
    return {
        "Cohen kappa, two raters": lambda: agreement.cohen_kappa(first, second),
        "Scott pi, two raters": lambda: agreement.scott_pi(first, second),
        "Fleiss kappa": lambda: agreement.fleiss_kappa(cells),
        "Gwet AC1": lambda: agreement.gwet_ac1(cells),
        "Gwet AC2, quadratic": lambda: agreement.gwet_ac1(cells, weights="quadratic"),
        "Krippendorff alpha, nominal": lambda: agreement.krippendorff_alpha(cells),
        "Krippendorff alpha, ordinal": lambda: agreement.krippendorff_alpha(cells, level="ordinal"),
        "Krippendorff alpha, interval": lambda: agreement.krippendorff_alpha(cells, level="interval"),
        "Krippendorff alpha, ratio": lambda: agreement.krippendorff_alpha(cells, level="ratio"),
        "Dawid-Skene, five raters": lambda: agreement.dawid_skene(cells),
        f"Dawid-Skene, {POOL} raters": lambda: agreement.dawid_skene(votes),
        f"report of the Agreement page, {POOL} raters": lambda: agreement_report(opinions),
    }


RIVALS = {
    "Cohen kappa, two raters": ("scikit-learn, no interval", "statsmodels kappa"),
    "Fleiss kappa": ("statsmodels Fleiss, no interval",),
}


def rival_calls(units: int) -> tuple[Calls, list[str]]:
    """Return the rivals that are installed, and the names of those that are not."""
    from sklearn.metrics import cohen_kappa_score

    cells = ratings(units).astype(int)
    first, second = cells[:, 0], cells[:, 1]
    calls: Calls = {"scikit-learn, no interval": lambda: cohen_kappa_score(first, second)}
    try:  # by its name: the program itself does not need it
        rater = importlib.import_module("statsmodels.stats.inter_rater")
    except ImportError:
        return calls, ["statsmodels"]
    calls["statsmodels kappa"] = lambda: rater.cohens_kappa(rater.to_table(cells[:, :2])[0])
    calls["statsmodels Fleiss, no interval"] = lambda: rater.fleiss_kappa(rater.aggregate_raters(cells)[0])
    return calls, []


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
    rater = np.argsort(generator.random((units, POOL)), axis=1)[:, :RATERS].ravel()
    right = generator.random(truth.size) < 0.5 + rater / 110
    label = np.where(right, truth, generator.integers(0, LABELS, truth.size))
    return pl.DataFrame({"task_id": np.repeat(np.arange(units), RATERS), "rater_id": rater, "label": label})


def rated(units: int) -> pl.DataFrame:
    """Return the long frame of raters, as `rater_frame` makes it: right or wrong by people and judges over a year."""
    generator = np.random.default_rng(2)
    rows = units * RATERS
    task = np.repeat(np.arange(units), RATERS)
    rater = np.argsort(generator.random((units, POOL)), axis=1)[:, :RATERS].ravel()
    truth = np.repeat(generator.random(units) < 0.7, RATERS)
    right = np.where(generator.random(rows) < 0.6 + rater / 150, truth, ~truth)
    judge = rater >= POOL - JUDGES
    began = datetime(2026, 1, 1, tzinfo=UTC)
    columns: dict[str, Any] = {
        "task_id": pl.Series(task, dtype=pl.UInt64),
        "rater_id": np.array([f"{'judge:' * (each >= POOL - JUDGES)}{each}" for each in range(POOL)])[rater],
        "rater_kind": np.where(judge, "judge", "person"),
        "label": np.where(right, "right", "wrong"),
        "verdict": np.where(right, "approve", np.where(generator.random(rows) < 0.5, "edit", "reject")),
        "created_at": pl.Series(task * (365 * 86_400_000_000 // units)).cast(pl.Duration("us")) + began,
        "domain": np.repeat(generator.choice(["law", "tax", "health"], units), RATERS),
        "reasons": np.where(right, "[]", np.where(generator.random(rows) < 0.5, '["style"]', '["wrong_fact"]')),
        "stage": np.where(judge, "judge", "human"),
        "overlap": pl.Series(np.full(rows, 2), dtype=pl.Int32),
        "review": pl.Series(np.arange(rows), dtype=pl.UInt64),
        "made_ms": np.arange(rows),
    }
    constant = {"project": "p", "origin": "design", "inclusion_probability": 1.0}
    return pl.DataFrame(columns).with_columns(pl.lit(value).alias(name) for name, value in constant.items())


def _row(name: str, seconds: dict[str, float]) -> list[Any]:
    rivals = [rival for rival in RIVALS.get(name, ()) if rival in seconds]
    if not rivals:
        return [name, round(seconds[name], 3), "", "", ""]
    times = [seconds[rival] for rival in rivals]
    ratios = [seconds[name] / max(each, 1e-9) for each in times]
    joined = ("; ".join(f"{value:.3g}" for value in values) for values in (times, ratios))
    return [name, round(seconds[name], 3), "; ".join(rivals), *joined]
