"""The cost suite: by hand, without data, with too little of it, and on the real sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evals.suite import SuiteContext
from evals.suites import _thresholds, cost
from hitl_core.reports.cost import REVIEW_ALL

DATA = Path(__file__).parents[3] / "shared" / "data"


def made(n: int = 600, seed: int = 0) -> _thresholds.Outputs:
    rng = np.random.default_rng(seed)
    confidence = np.round(rng.random(n), 2)
    right = rng.random(n) < np.where(confidence >= 0.5, 0.995, 0.3)
    groups = [f"g{number // 2}" for number in range(n)]
    domain = ["a" if number % 4 < 2 else "b" for number in range(n)]
    return _thresholds.Outputs("made", [str(number) for number in range(n)], groups, domain, confidence, right)


def test_without_data_it_says_what_was_skipped() -> None:
    result = cost.run(SuiteContext())
    assert result.measures == ()
    assert result.cases is None
    assert len(result.notes) == len(cost.SETS)
    assert all(note.startswith("skipped:") for note in result.notes)


def test_what_four_outputs_cost_by_hand() -> None:
    four = _thresholds.Outputs("four", [], [], [], np.array([0.2, 0.4, 0.6, 0.8]), np.array([True, False, False, True]))
    assert _thresholds.costs(four, 0.5) == pytest.approx([2.01, 2.01, 20.01, 0.01])
    assert _thresholds.cheapest_in_hindsight(four) == 0.8


def test_an_error_target_knows_no_prices() -> None:
    confidence = np.array([0.9] * 30 + [0.5] * 30)
    right = np.array([True] * 29 + [False] + [False] * 30)
    assert _thresholds.choose_accurate(confidence, right) == 0.9
    assert _thresholds.choose_accurate(confidence[30:], right[30:]) == REVIEW_ALL


def test_a_group_is_in_one_fold_and_every_fold_has_its_share() -> None:
    outputs = made()
    fold = _thresholds.folds_of(outputs.group, 0)
    assert (fold[::2] == fold[1::2]).all()
    assert np.bincount(fold).tolist() == [120] * 5
    assert (fold != _thresholds.folds_of(outputs.group, 1)).any()


def test_a_clear_step_has_no_regret_and_a_threshold_away_from_it_has() -> None:
    paid = cost.pay(made(), 0)
    found = {each.name: each for each in cost.measures_of(paid, 0)}
    assert paid.threshold == pytest.approx(0.5, abs=0.02)
    assert found["regret: cheapest on the labels"].value < 0.02
    assert found["regret: steady choice"].value < 0.1  # half of it is smooth, and a step is not
    assert found["regret: fixed .95"].value > 0.5
    assert found["regret: fixed .80"].low is not None
    assert "fixed .80" in found["regret: steady choice"].baseline
    assert "saved: steady choice" in found


def test_where_nothing_can_be_saved_the_excess_stands_in_place_of_the_ratio() -> None:
    hopeless = made()._replace(right=np.zeros(600, dtype=np.bool_))
    found = {each.name: each for each in cost.measures_of(cost.pay(hopeless, 0), 0)}
    assert found["excess over the best: steady choice"].value == pytest.approx(0)
    assert found["excess over the best: fixed .80"].value == pytest.approx(18 * np.mean(hopeless.confidence >= 0.8))
    assert not any(name.startswith("regret") for name in found)


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason="the real sets are not here")
def test_on_real_sets_regret_has_n_interval_and_rivals() -> None:
    result = cost.run(SuiteContext(data=DATA, limit=400))
    assert result.cases is not None
    own = [
        each
        for each in result.measures
        if each.name in ("regret: steady choice", "excess over the best: steady choice")
    ]
    assert {each.slice for each in own} == {f"set={name}" for name in cost.SETS}
    for each in own:
        assert each.n >= cost.LEAST_ROWS
        assert each.low is not None
        assert each.high is not None
        assert each.low <= each.value <= each.high
        assert "cheapest on the labels" in each.baseline


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason="the real sets are not here")
def test_on_translations_with_their_own_confidence_the_aim_is_met() -> None:
    from evals import datasets

    paid = cost.pay(_thresholds.translations(datasets.load_set("mlqe_pe", DATA)), 0)
    found = {each.name: each.value for each in cost.measures_of(paid, 0)}
    assert found["regret: steady choice"] <= 0.02
    assert found["regret: steady choice"] < found["regret: cheapest on the labels"]
    assert found["regret: steady choice by domain"] < 0
