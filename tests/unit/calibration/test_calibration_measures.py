"""Published numbers (see the tests' names), hand-computed tables, and what must hold for any rows."""

from __future__ import annotations

import copy
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_core.calibration import (
    Estimate,
    auroc,
    brier_score,
    debiased_calibration_error,
    expected_calibration_error,
    log_loss,
    maximum_calibration_error,
    perfect_forecaster_error,
    reliability_table,
    smooth_calibration_error,
)
from hitl_core.domain.errors import InputError

FIVE = [0.25, 0.25, 0.55, 0.75, 0.75]
FIVE_RIGHT = [0, 0, 1, 1, 1]
LINE = np.linspace(0.02, 0.98, 40)
LINE_RIGHT = np.array([(7 * i % 40) < 40 * p for i, p in enumerate(LINE)])


def test_calibration_error_of_five_rows_by_hand() -> None:
    assert expected_calibration_error(FIVE, FIVE_RIGHT, bins=2) == pytest.approx(0.29, abs=1e-9)
    assert expected_calibration_error(FIVE, FIVE_RIGHT, bins=2, norm="l2") == pytest.approx(0.29183328, abs=1e-6)
    assert maximum_calibration_error(FIVE, FIVE_RIGHT, bins=2) == pytest.approx(0.31666667, abs=1e-6)


def test_smooth_error_is_the_one_of_its_authors_program() -> None:
    confidence = np.repeat([0.9, 0.6], 50)
    right = np.r_[np.arange(50) < 35, np.arange(50) < 30]
    assert smooth_calibration_error(confidence, right) == pytest.approx(0.1006036, abs=1e-7)
    assert expected_calibration_error(confidence, right) == pytest.approx(0.1, abs=1e-9)
    assert smooth_calibration_error(LINE, LINE_RIGHT) == pytest.approx(0.0552301, abs=1e-7)


def test_a_perfect_forecaster_is_not_at_zero() -> None:
    generator = np.random.default_rng(1)
    seen, predicted, debiased = [], [], []
    for _ in range(300):
        confidence = generator.beta(5, 2, 250)
        right = generator.random(250) < confidence
        seen.append(expected_calibration_error(confidence, right, replicates=0))
        debiased.append(debiased_calibration_error(confidence, right, replicates=0))
        predicted.append(perfect_forecaster_error(confidence, replicates=50))
    assert np.mean(seen) == pytest.approx(0.068, abs=0.002)
    assert np.mean(predicted) == pytest.approx(np.mean(seen), abs=0.002)
    assert np.mean(debiased) < 0.65 * np.mean(seen)


def test_the_band_of_a_perfect_forecaster_holds_95_percent_of_them() -> None:
    generator = np.random.default_rng(2)
    inside = 0
    for seed in range(200):
        confidence = generator.beta(5, 2, 250)
        band = perfect_forecaster_error(confidence, replicates=300, seed=seed)
        seen = expected_calibration_error(confidence, generator.random(250) < confidence, replicates=0)
        inside += band.low <= seen <= band.high
    assert inside >= 182


def test_intervals_of_the_errors_cover_a_known_gap() -> None:
    generator = np.random.default_rng(3)
    covered = {"plain": 0, "smooth": 0}
    for seed in range(150):
        confidence = generator.uniform(0.55, 0.95, 1500)
        right = generator.random(1500) < confidence - 0.15
        plain = expected_calibration_error(confidence, right, seed=seed, replicates=200)
        smooth = smooth_calibration_error(confidence, right, seed=seed, replicates=100)
        covered["plain"] += plain.low <= 0.15 <= plain.high
        covered["smooth"] += smooth.low <= 0.15 <= smooth.high
    assert min(covered.values()) >= 0.9 * 150, covered


def test_weights_undo_selective_labels() -> None:
    """Above .8 only one row in ten is labelled; the weighted error is that of all rows, the naive one is not."""
    generator = np.random.default_rng(4)
    confidence = generator.beta(5, 2, 60_000)
    right = generator.random(60_000) < np.where(confidence > 0.8, confidence - 0.2, confidence)
    inclusion = np.where(confidence > 0.8, 0.1, 1.0)
    seen = generator.random(60_000) < inclusion
    everything = expected_calibration_error(confidence, right, replicates=0)
    naive = expected_calibration_error(confidence[seen], right[seen])
    weighted = expected_calibration_error(confidence[seen], right[seen], weights=1 / inclusion[seen])
    assert weighted == pytest.approx(everything, abs=0.015)
    assert naive < 0.4 * everything
    assert weighted.low <= everything <= weighted.high
    assert weighted.effective_n < weighted.n
    table = reliability_table(confidence[seen], right[seen], weights=1 / inclusion[seen], bins=5)
    assert table["share"][-1] == pytest.approx(np.mean(confidence >= 0.8), abs=0.01)


def test_reliability_table_by_hand() -> None:
    table = reliability_table(FIVE, FIVE_RIGHT, bins=2, weights=[1, 3, 1, 1, 1])
    assert table["n"].to_list() == [2, 3]
    assert table["effective_n"].to_list() == pytest.approx([16 / 10, 3])
    assert table["accuracy"].to_list() == [0, 1]
    assert table["mean_confidence"].to_list() == pytest.approx([0.25, 2.05 / 3])
    assert table["share"].to_list() == pytest.approx([4 / 7, 3 / 7])
    assert not table["flagged"].any()


@pytest.mark.parametrize(
    ("rows", "right", "flagged"),
    [(10, 7, False), (30, 22, False), (100, 70, True), (100, 77, False), (1000, 770, True), (1000, 810, False)],
)
def test_a_bucket_is_flagged_when_it_is_off_by_a_tenth_and_n_supports_it(rows: int, right: int, flagged: bool) -> None:
    table = reliability_table(np.full(rows, 0.9), np.arange(rows) < right)
    assert table["flagged"].to_list() == [flagged]


def test_equal_mass_puts_as_many_rows_into_each_bin_and_keeps_ties_together() -> None:
    generator = np.random.default_rng(5)
    even = reliability_table(generator.beta(5, 2, 1000), np.ones(1000), strategy="mass", bins=10)
    assert even["n"].to_list() == [100] * 10
    tied = reliability_table(np.repeat([0.2, 0.9], [10, 90]), np.ones(100), strategy="mass", bins=10)
    assert tied.height == 2
    assert tied["n"].to_list() == [10, 90]


def test_brier_score_is_the_sum_of_murphys_parts() -> None:
    score = brier_score(LINE, LINE_RIGHT, bins=7)
    assert score == pytest.approx(np.mean((LINE - LINE_RIGHT) ** 2))
    assert score.reliability - score.resolution + score.uncertainty == pytest.approx(score)
    assert score.low < score < score.high
    two = brier_score([0.2, 0.2, 0.8, 0.8], [0, 1, 1, 1])
    assert (two.reliability, two.resolution, two.uncertainty) == pytest.approx((0.065, 0.0625, 0.1875))


def test_auroc_by_counting_pairs() -> None:
    confidence, right = np.round(LINE, 1), LINE_RIGHT
    pairs = [(a > b) + (a == b) / 2 for a in confidence[right] for b in confidence[~right]]
    assert auroc(confidence, right) == pytest.approx(np.mean(pairs))
    assert np.isnan(auroc([0.2, 0.4], [1, 1]))
    perfect = auroc([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])
    assert (perfect.value, perfect.high) == (1, 1)
    assert perfect.low < 0.5


def test_auroc_interval_covers() -> None:
    generator = np.random.default_rng(6)
    covered = 0
    for _ in range(300):
        right = np.arange(120) < 80
        area = auroc(np.clip(generator.normal(0.5 + 0.1 * right, 0.1), 0, 1), right)
        covered += area.low <= 0.76025 <= area.high
    assert covered >= 0.92 * 300


def test_log_loss_by_hand() -> None:
    loss = log_loss([0.5, 0.8, 1.0], [1, 0, 1], weights=[1, 2, 1])
    assert loss == pytest.approx((-np.log(0.5) - 2 * np.log(0.2)) / 4, abs=1e-5)


def test_an_estimate_is_a_frozen_float() -> None:
    score = brier_score(LINE, LINE_RIGHT)
    with pytest.raises(AttributeError, match="frozen"):
        score.low = 0.0
    assert isinstance(score, float)
    assert copy.copy(score).resolution == score.resolution
    plain = Estimate(0.5, 0.4, 0.6, 10, 8.0)
    for copied in (copy.copy(plain), copy.deepcopy(plain)):
        assert (copied.value, copied.interval, copied.n, copied.effective_n) == (0.5, (0.4, 0.6), 10, 8.0)


@pytest.mark.parametrize(
    ("confidence", "correct", "options", "message"),
    [
        ([0.5, 1.5], [1, 1], {}, "row 1 has 1.5"),
        ([0.5, float("nan")], [1, 1], {}, "row 1"),
        ([0.5], [1, 0], {}, "one entry a row"),
        ([], [], {}, "no row"),
        ([0.5], [2], {}, "true or false"),
        ([0.5], [None], {}, "correct must"),
        ([0.5], [1], {"weights": [0]}, "positive"),
        ([0.5], [1], {"weights": [1, 1]}, "one entry a row"),
        ([0.5], [1], {"bins": 0}, "bins"),
        ([0.5], [1], {"strategy": "depth"}, "width or mass"),
        ([0.5], [1], {"level": 95}, "0.95"),
    ],
)
def test_what_cannot_be_used_is_said(
    confidence: list[float], correct: list[float], options: dict[str, object], message: str
) -> None:
    for function in (expected_calibration_error, reliability_table, brier_score):
        with pytest.raises(InputError, match=message):
            function(confidence, correct, **options)  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40), st.randoms())
def test_measures_stay_in_range_and_do_not_depend_on_the_order_of_rows(
    rows: list[tuple[float, bool]], random: Random
) -> None:
    shuffled = random.sample(rows, len(rows))
    for measure in (
        lambda c, y: expected_calibration_error(c, y, replicates=0),
        lambda c, y: debiased_calibration_error(c, y, replicates=0),
        lambda c, y: smooth_calibration_error(c, y, replicates=0),
        brier_score,
    ):
        value = measure(*zip(*rows, strict=True))
        assert 0 <= value <= 1 + 1e-9
        assert measure(*zip(*shuffled, strict=True)) == pytest.approx(value, abs=1e-9)
    table = reliability_table(*zip(*rows, strict=True))
    assert table["n"].sum() == len(rows)
    assert table.select((pl.col("accuracy_low") <= pl.col("accuracy") + 1e-12).all()).item()
