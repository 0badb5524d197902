"""Betting: wealth by hand, seldom large when the hypothesis is true, a bound that covers."""

from __future__ import annotations

import numpy as np
import pytest

from hitl_core.domain.errors import InputError
from hitl_core.stats.eprocess import largest_log_wealth, log_wealth, loss_payoffs, mean_upper_bound


def test_wealth_of_one_bet_by_hand() -> None:
    wealth = log_wealth([1.0, -0.5], fractions=np.array([0.5]))
    assert np.exp(wealth) == pytest.approx([1.5, 1.125])
    mixed = log_wealth([1.0, -0.5], fractions=np.array([0.0, 0.5]))
    assert np.exp(mixed) == pytest.approx([1.25, 1.0625])
    assert largest_log_wealth([]) == 0


def test_wealth_seldom_reaches_ten_when_the_hypothesis_is_true() -> None:
    generator = np.random.default_rng(0)
    rich = 0
    for _ in range(1000):
        inclusion = np.where(generator.random(600) < 0.5, 0.1, 1.0)
        wrong = generator.random(600) < 0.05
        seen = generator.random(600) < inclusion
        payoffs = loss_payoffs(wrong[seen], 1 / inclusion[seen], 0.05, 10.0)
        rich += largest_log_wealth(payoffs) >= np.log(10)
    assert rich <= 127, "more than a procedure of level .1 exceeds once in a thousand tries"


def test_the_upper_bound_covers_and_shrinks() -> None:
    generator = np.random.default_rng(1)
    bounds = []
    for _ in range(60):
        inclusion = generator.choice([0.2, 1.0], 2000)
        seen = generator.random(2000) < inclusion
        wrong = generator.random(2000) < 0.03
        bounds.append(mean_upper_bound(wrong[seen], 1 / inclusion[seen], delta=0.05, largest_weight=5.0))
    assert np.mean(np.array(bounds) >= 0.03) >= 0.95
    assert np.mean(bounds) < 0.06
    assert mean_upper_bound([], [], delta=0.05, largest_weight=1.0) == pytest.approx(1, abs=1e-9)


def test_a_bet_never_loses_more_than_the_purse() -> None:
    assert loss_payoffs([1.0, 0.0], [10.0, 1.0], 0.05, 10.0).min() == pytest.approx(-1)
    with pytest.raises(InputError, match="below -1"):
        log_wealth([-1.5])
    with pytest.raises(InputError, match="fractions"):
        log_wealth([0.1], fractions=np.array([1.0]))
