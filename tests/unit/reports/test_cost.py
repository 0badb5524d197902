"""Costs over the threshold: by hand, then against brute force, then its bands by repetition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_core import InputError
from hitl_core.domain.policy_cost import Prices
from hitl_core.reports.cost import REVIEW_ALL, choose_cheapest, cost_curve

PLAIN = Prices(human_usd=2, model_usd=0.01, escaped_error_usd=20, reviewer_miss=0)


def test_the_cost_of_four_items_by_hand() -> None:
    curve = cost_curve([0.2, 0.4, 0.6, 0.8], [False, False, True, True], prices=PLAIN)
    # From .6 up two go out, both right; two are reviewed for 2 each: 4 / 4 + .01.
    assert curve.frame["cost_usd"].to_list() == pytest.approx([10.01, 5.51, 1.01, 1.51, 2.01])
    assert curve.best.threshold == 0.6
    assert curve.best.cost_usd == pytest.approx(1.01)
    assert curve.review_all.cost_usd == pytest.approx(2.01)
    assert curve.saved_usd == pytest.approx(1.0)
    assert curve.frame["threshold"][-1] == REVIEW_ALL


def test_reviewers_who_miss_errors_make_review_worth_less() -> None:
    assert PLAIN.break_even == pytest.approx(0.1)
    missing = PLAIN.model_copy(update={"reviewer_miss": 0.5})
    assert missing.break_even == pytest.approx(0.2)
    curve = cost_curve([0.2, 0.8], [False, True], prices=missing)
    assert curve.review_all.escaped == pytest.approx(0.25)


def test_the_hourly_rate_takes_the_place_of_the_price_per_item() -> None:
    assert Prices(rate_per_hour_usd=60, minutes_per_review=1.5).review_usd == pytest.approx(1.5)
    rated = Prices(human_usd=7, rate_per_hour_usd=60)
    assert rated.with_measured(3.0).review_usd == pytest.approx(3)
    assert rated.review_usd == 7  # nobody has measured anything yet
    assert Prices(rate_per_hour_usd=60, minutes_per_review=1).with_measured(3.0).review_usd == pytest.approx(1)
    assert Prices().with_measured(3.0) == Prices()


@pytest.mark.parametrize("name", ["model_usd", "judge_usd"])
def test_a_model_is_paid_for_whoever_decides(name: str) -> None:
    curve = cost_curve([0.2, 0.8], [False, True], prices=PLAIN.model_copy(update={name: 0.5}))
    more = np.array(curve.frame["cost_usd"]) - np.array(
        cost_curve([0.2, 0.8], [False, True], prices=PLAIN).frame["cost_usd"]
    )
    assert more == pytest.approx(0.5 - getattr(PLAIN, name))


def test_a_dearer_error_moves_the_optimum_up() -> None:
    generator = np.random.default_rng(3)
    c = generator.random(4000)
    right = generator.random(4000) < c
    found = [
        choose_cheapest(c, right, prices=PLAIN.model_copy(update={"escaped_error_usd": price}))
        for price in (3, 10, 40, 200)
    ]
    assert found == sorted(found)
    assert found[0] < found[-1]


def test_weights_stand_for_the_items_that_were_not_labelled() -> None:
    c, right = [0.3, 0.9, 0.9], [False, True, False]
    weighted = cost_curve(c, right, prices=PLAIN, weights=[1, 10, 10])
    repeated = cost_curve([0.3] + [0.9] * 20, [False] + [True, False] * 10, prices=PLAIN)
    assert weighted.frame["cost_usd"].to_list() == pytest.approx(repeated.frame["cost_usd"].to_list())
    assert weighted.effective_n == pytest.approx(21**2 / 201)


@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9]), st.booleans()), min_size=1, max_size=40),
    st.floats(0.1, 5),
    st.floats(1, 100),
)
def test_the_choice_is_the_cheapest_of_all_thresholds(
    rows: list[tuple[float, bool]], human: float, escaped: float
) -> None:
    c, right = zip(*rows, strict=True)
    prices = Prices(human_usd=human, escaped_error_usd=escaped, reviewer_miss=0.07)
    curve = cost_curve(c, right, prices=prices)
    assert curve.best.cost_usd == pytest.approx(curve.frame["cost_usd"].min())
    assert curve.best.threshold == choose_cheapest(c, right, prices=prices)


def test_the_band_covers_the_true_cost_at_its_level() -> None:
    hits, worlds = 0, 300
    for seed in range(worlds):
        generator = np.random.default_rng(seed)
        c = generator.random(400)
        right = generator.random(400) < c
        frame = cost_curve(c, right, prices=PLAIN, seed=seed).frame
        row = frame.row(int(np.searchsorted(frame["threshold"].to_numpy(), 0.8)), named=True)
        t = row["threshold"]
        truth = 0.01 + 2 * t + 20 * (1 - t) ** 2 / 2
        hits += row["low"] <= truth <= row["high"]
    assert hits >= 0.92 * worlds  # 95 % less three standard errors of 300 worlds


@pytest.mark.parametrize(
    ("c", "right", "weights", "message"),
    [
        ([], [], None, "at least 1"),
        ([0.5], [True, False], None, "one length"),
        ([1.5], [True], None, "outside"),
        ([float("nan")], [True], None, "outside"),
        ([0.5], [True], [0.0], "positive"),
    ],
)
def test_bad_input_is_named(c: list[float], right: list[bool], weights: list[float] | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        cost_curve(c, right, prices=PLAIN, weights=weights)


@pytest.mark.parametrize("missing", [None, float("nan"), 2])
def test_a_label_that_is_not_there_counts_for_nothing(missing: object) -> None:
    """NaN counted as right, None as wrong."""
    with pytest.raises(InputError, match="without a label"):
        cost_curve([0.2, 0.4], [True, missing], prices=PLAIN)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="without a label"):
        choose_cheapest([0.2, 0.4], [True, missing], prices=PLAIN)  # type: ignore[arg-type]
