"""The steady choice: by hand, on steps, on noise, and cheaper on unseen rows than what was cheapest on the labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_core import InputError
from hitl_core.domain.policy_cost import Prices
from hitl_core.reports.choosing import choose_steadily
from hitl_core.reports.cost import REVIEW_ALL, choose_cheapest, cost_curve

PRICES = Prices(human_usd=2, model_usd=0.01, escaped_error_usd=20, reviewer_miss=0)


def world(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    confidence = rng.beta(4, 1.5, n)
    return confidence, rng.random(n) < confidence


def cost_of(threshold: float, confidence: np.ndarray, right: np.ndarray) -> float:
    out = confidence >= threshold
    return float(np.mean(np.where(out, 20 * ~right, 2)))


def test_few_values_each_have_their_own_rate() -> None:
    confidence = np.repeat([0.2, 0.8], 50)
    right = np.concatenate([np.arange(50) < 10, np.arange(50) < 49])  # wrong: 80 % and 2 %
    assert choose_steadily(confidence, right, prices=PRICES) == 0.8


def test_nothing_goes_out_before_the_saving_is_shown() -> None:
    # One wrong among twelve is below the break-even rate of a tenth, and well within chance of it.
    assert choose_steadily([0.9] * 12, [True] * 11 + [False], prices=PRICES) == REVIEW_ALL
    assert choose_cheapest([0.9] * 12, [True] * 11 + [False], prices=PRICES) == 0.9
    assert choose_steadily([0.9] * 200, [True] * 190 + [False] * 10, prices=PRICES) == 0.9


def test_a_step_is_found_although_it_is_not_smooth() -> None:
    rng = np.random.default_rng(1)
    confidence = rng.random(4000)
    right = rng.random(4000) < np.where(confidence > 0.9, 0.99, 0.6)
    assert choose_steadily(confidence, right, prices=PRICES) == pytest.approx(0.9, abs=0.01)


def test_on_unseen_rows_it_is_cheaper_than_the_cheapest_on_the_labels() -> None:
    test = world(200_000, 99)
    samples = [world(1500, seed) for seed in range(40)]
    steady, raw = (
        np.mean([cost_of(choose(*each, prices=PRICES), *test) for each in samples])
        for choose in (choose_steadily, choose_cheapest)
    )
    best = cost_of(choose_cheapest(*test, prices=PRICES), *test)
    assert best < steady < raw
    assert steady - best < 0.75 * (raw - best)


def test_weights_stand_for_rows_that_were_not_labelled() -> None:
    confidence, right = world(3000, 5)
    kept = np.random.default_rng(5).random(3000) < np.where(confidence > 0.8, 0.5, 1.0)
    weights = np.where(confidence > 0.8, 2.0, 1.0)[kept]
    found = choose_steadily(confidence[kept], right[kept], prices=PRICES, weights=weights)
    assert found == pytest.approx(choose_steadily(confidence, right, prices=PRICES), abs=0.06)


def test_prices_at_which_review_never_pays_leave_the_plain_choice() -> None:
    confidence, right = world(300, 2)
    free = Prices(human_usd=50, escaped_error_usd=1)
    assert choose_steadily(confidence, right, prices=free) == confidence.min()


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="one length"):
        choose_steadily([0.5], [True, False], prices=PRICES)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60),
    st.floats(0.1, 5),
    st.floats(1, 100),
)
def test_it_is_a_threshold_and_never_dearer_on_the_labels_than_reviewing_everything(
    rows: list[tuple[float, bool]], human: float, escaped: float
) -> None:
    prices = Prices(human_usd=human, escaped_error_usd=escaped, reviewer_miss=0)
    confidence, right = zip(*rows, strict=True)
    found = choose_steadily(confidence, right, prices=prices)
    assert found == REVIEW_ALL or found in confidence
    curve = cost_curve(confidence, right, prices=prices)
    out = np.array(confidence) >= found
    paid = prices.model_usd + np.where(out, escaped * ~np.array(right), human).mean()
    assert paid <= curve.review_all.cost_usd + 1e-9
