"""Change-points: found where they are, at the stated rate of false alarms, and named by both levels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scipy import stats

from hitl_core import InputError
from hitl_core.domain.ids import new_id
from hitl_core.reports import turns
from hitl_core.reports.periods import Window
from hitl_core.reports.trends import FALSE_ALARMS, find_changes, moves
from hitl_core.stats import wilson
from hitl_core.store.policies import PublishedPolicy
from hitl_core.store.reading.turns import Asked, Fitted

START = datetime(2026, 1, 5, tzinfo=UTC)


def daily(rates: list[float], *, n: int = 200, metric: str = "human_review_rate") -> pl.DataFrame:
    days = [f"{START + timedelta(days=number):%Y-%m-%d}" for number in range(len(rates))]
    hits = [round(rate * n) for rate in rates]
    return pl.DataFrame({"group": days, "metric": metric, "numerator": hits, "denominator": [n] * len(rates)})


def test_a_step_is_found_where_it_is() -> None:
    hits = [60, 58, 63, 61, 59, 60, 62, 20, 22, 19, 21, 18, 20, 21]
    assert find_changes(hits, [200] * 14) == [7]


def test_two_steps_are_found() -> None:
    rates = [0.3] * 10 + [0.15] * 10 + [0.4] * 10
    assert find_changes([rate * 500 for rate in rates], [500] * 30) == [10, 20]


def test_one_odd_day_is_no_change() -> None:
    assert find_changes([20] * 10 + [180] + [20] * 10, [200] * 21) == []


@pytest.mark.parametrize("series", [([], []), ([1], [2]), ([0] * 30, [10] * 30), ([0] * 30, [0] * 30)])
def test_series_without_anything_to_find(series: tuple[list[int], list[int]]) -> None:
    assert find_changes(*series) == []


@pytest.mark.parametrize("series", [([1], [1, 2]), ([3], [2]), ([-1], [2])])
def test_impossible_counts_are_refused(series: tuple[list[int], list[int]]) -> None:
    with pytest.raises(InputError):
        find_changes(*series)


def test_false_alarms_stay_at_their_rate_though_days_scatter() -> None:
    generator = np.random.default_rng(5)
    worlds, false_alarms, alarms = 200, 0.05, 0
    for seed in range(worlds):
        n = generator.integers(5, 80, 40)
        hits = generator.binomial(n, np.clip(generator.normal(0.3, 0.1, 40), 0, 1))  # more spread than binomial
        alarms += bool(find_changes(hits, n, false_alarms=false_alarms, seed=seed))
    assert alarms <= stats.binom.ppf(0.999, worlds, false_alarms)


def test_a_move_names_both_levels() -> None:
    [move] = moves(daily([0.3] * 8 + [0.1] * 8), "human_review_rate")
    assert move.at == "2026-01-13"
    assert move.before == (0.3, *wilson(480, 1600), 1600)
    assert move.after == (0.1, *wilson(160, 1600), 1600)
    assert moves(daily([0.3] * 16), "human_review_rate") == []
    assert moves(daily([0.3] * 16), "override_rate") == []


def test_a_share_that_moved_becomes_a_turn_in_words() -> None:
    [turn] = turns.moved_turns(daily([0.3] * 8 + [0.1] * 8))
    assert (turn.at, turn.kind, turn.name) == (START + timedelta(days=8), "change", "Human review rate falls")
    assert turn.detail.startswith("from 30.0% (27.8% to 32.3%, n = 1,600) to 10.0%")
    assert f"{FALSE_ALARMS:.0%}" in turn.detail


def test_only_a_later_model_of_a_project_is_a_change() -> None:
    rows = [("p", "old", 0), ("p", "new", 3), ("p", "old", 5), ("q", "new", 1), ("p", None, 2)]
    held = pl.DataFrame(
        {
            "project": [row[0] for row in rows],
            "model": [row[1] for row in rows],
            "at": [START + timedelta(days=row[2]) for row in rows],
        }
    )
    assert turns.model_turns(held) == [(START + timedelta(days=3), "model", "new", "first output in project p")]


def test_judges_are_watched_for_other_models_and_prompts() -> None:
    asked = [
        Asked(START, "fast", "m1", "v1"),
        Asked(START + timedelta(days=1), "fast", "m1", "v1"),  # only its examples changed
        Asked(START + timedelta(days=2), "fast", "m1", "v2"),
        Asked(START + timedelta(days=3), "slow", "m9", "v1"),
        Asked(START + timedelta(days=4), "fast", "m2", "v2"),
    ]
    assert [(turn.kind, turn.name) for turn in turns.judge_turns(asked)] == [
        ("prompt", "fast: v2"),
        ("model", "fast: m2"),
    ]


def test_turns_of_a_period_are_in_the_order_of_time() -> None:
    policy = PublishedPolicy(2, "strict", new_id(), {}, "lea", "audit found errors", START + timedelta(days=2))
    fit = Fitted(START, "p", "calibrator", "main", 3)
    found = turns.as_frame([*turns.policy_turns([policy]), *turns.fit_turns([fit])], Window())
    assert found["name"].to_list() == ["calibrator main 3", "policy 2"]
    assert found["detail"][1] == "strict, by lea: audit found errors"
    later = turns.as_frame(turns.policy_turns([policy]), Window(START, START + timedelta(days=2)))
    assert later.rows() == []
    assert later.columns == found.columns
