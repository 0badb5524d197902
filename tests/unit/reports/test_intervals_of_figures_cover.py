"""In repeated seeded worlds each interval of the report holds the truth as often as it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from hitl_core.reports.metrics import compute_figures, prepare
from hitl_core.store.frames.facts import DECISIONS, REVIEWS, packed_types

WORLDS, OUTPUTS, AUDITS, LEVEL = 150, 1_500, 0.15, 0.9
RIGHT = {"auto_approve": 0.93, "sync_review": 0.7}
AUTO_SHARE = 0.6
MEDIAN_SECONDS = 50.0
TRUE_POSITIVES, MISSED = AUTO_SHARE * RIGHT["auto_approve"], (1 - AUTO_SHARE) * RIGHT["sync_review"]
ESCAPED = AUTO_SHARE * (1 - RIGHT["auto_approve"])
TRUTH = {
    "human_review_rate": 1 - AUTO_SHARE,
    "accuracy": TRUE_POSITIVES + MISSED,
    "escaped_error_rate": 1 - RIGHT["auto_approve"],
    "f1": 2 * TRUE_POSITIVES / (2 * TRUE_POSITIVES + ESCAPED + MISSED),
    "review_seconds_median": MEDIAN_SECONDS,
    "review_seconds_p95": MEDIAN_SECONDS * float(np.exp(0.5 * stats.norm.ppf(0.95))),
    "judge_cost_usd": 0.002,
}


def world(seed: int) -> pl.DataFrame:
    """Outputs of which most go out, and fewer of those that do not are right."""
    chance = np.random.default_rng(seed)
    auto = chance.random(OUTPUTS) < AUTO_SHARE
    right = chance.random(OUTPUTS) < np.where(auto, RIGHT["auto_approve"], RIGHT["sync_review"])
    asked = ~auto | (chance.random(OUTPUTS) < AUDITS)
    decided = typed(
        DECISIONS,
        decision=np.arange(OUTPUTS),
        item=np.arange(OUTPUTS),
        route=np.where(auto, "auto_approve", "sync_review"),
        cost_usd=chance.exponential(TRUTH["judge_cost_usd"], OUTPUTS),
    )
    numbers = np.flatnonzero(asked)
    given = typed(
        REVIEWS,
        review=numbers,
        item=numbers,
        decision=numbers,
        kind=np.full(numbers.size, "review"),
        stage=np.where(auto, "audit", "human")[numbers],
        origin=np.full(numbers.size, "design"),
        reviewer=np.full(numbers.size, "ana"),
        route=np.where(auto, "auto_approve", "sync_review")[numbers],
        verdict=np.where(right, "approve", "reject")[numbers],
        review_reasons=np.full(numbers.size, "[]"),
        inclusion_probability=np.where(auto, AUDITS, 1.0)[numbers],
        active_seconds=MEDIAN_SECONDS * chance.lognormal(0, 0.5, numbers.size),
    )
    return compute_figures(prepare(decided, given), level=LEVEL)


def typed(fact: Any, **columns: Any) -> pl.DataFrame:
    types = packed_types(fact)
    given = pl.DataFrame(columns)
    return given.select(
        (pl.col(name) if name in columns else pl.lit(None)).cast(types[name]).alias(name) for name in types
    )


@pytest.fixture(scope="module")
def worlds() -> pl.DataFrame:
    return pl.concat([world(seed) for seed in range(WORLDS)])


@pytest.mark.parametrize("metric", sorted(TRUTH))
def test_intervals_hold_the_truth_as_often_as_they_say(worlds: pl.DataFrame, metric: str) -> None:
    rows = worlds.filter(pl.col("metric") == metric)
    assert rows.height == WORLDS
    held = int(((rows["low"] <= TRUTH[metric]) & (rows["high"] >= TRUTH[metric])).sum())
    assert held >= stats.binom.ppf(0.001, WORLDS, LEVEL)


@pytest.mark.parametrize("metric", ["accuracy", "escaped_error_rate", "f1"])
def test_estimates_from_audits_are_not_biased(worlds: pl.DataFrame, metric: str) -> None:
    values = worlds.filter(pl.col("metric") == metric)["value"].to_numpy()
    assert abs(values.mean() - TRUTH[metric]) < 4 * values.std() / np.sqrt(WORLDS)


def test_intervals_are_no_wider_than_three_times_what_the_worlds_scatter(worlds: pl.DataFrame) -> None:
    """A report that covers by saying nothing would be of no use."""
    for metric in ("human_review_rate", "accuracy", "escaped_error_rate", "review_seconds_median", "judge_cost_usd"):
        rows = worlds.filter(pl.col("metric") == metric)
        width = float((rows["high"] - rows["low"]).mean())  # type: ignore[arg-type]
        assert width < 3 * 2 * 1.645 * float(rows["value"].std()), metric  # type: ignore[arg-type]
