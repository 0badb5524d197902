"""PPI++: by hand, its limits, and where the exact interval is shown instead."""

from __future__ import annotations

import numpy as np
import pytest

from hitl_core.audit import prediction_powered_mean
from hitl_core.domain.errors import InputError
from hitl_core.stats import clopper_pearson

GENERATOR = np.random.default_rng(5)
TRUTH = (GENERATOR.random(4000) < 0.2).astype(float)
GOOD = np.where(GENERATOR.random(4000) < 0.95, TRUTH, 1 - TRUTH)
FIRST = slice(0, 400)


def test_perfect_predictions_give_the_mean_of_all_predictions() -> None:
    found = prediction_powered_mean(TRUTH[FIRST], 0.5 + TRUTH[FIRST] / 4, 0.5 + TRUTH / 4)
    assert found.power == pytest.approx(4, rel=0.02)
    assert found.value == pytest.approx(TRUTH.mean(), abs=0.002)


def test_useless_predictions_cost_nothing() -> None:
    found = prediction_powered_mean(TRUTH[FIRST], np.ones(400), np.ones(4000))
    assert (found.power, found.gain) == (0.0, 1.0)
    assert found.value == pytest.approx(TRUTH[FIRST].mean())


def test_the_gain_is_what_theory_says() -> None:
    rho = np.corrcoef(TRUTH, GOOD)[0, 1]
    theory = 1 / (1 - rho**2 * 3600 / 4000)
    for every in (GOOD, GOOD[400:]):
        found = prediction_powered_mean(TRUTH[FIRST], GOOD[FIRST], every)
        assert found.gain == pytest.approx(theory, rel=0.15)
        assert found.method == "prediction-powered"


@pytest.mark.parametrize("errors", [0, 1, 9])
def test_fewer_than_ten_errors_show_the_exact_interval(errors: int) -> None:
    labels = np.r_[np.ones(errors), np.zeros(200 - errors)]
    found = prediction_powered_mean(labels, labels, np.zeros(1000))
    assert found.method == "exact"
    assert found.interval == pytest.approx(clopper_pearson(errors, 200))
    assert prediction_powered_mean(1 - labels, labels, np.zeros(1000)).method == "exact"


def test_weights_are_used() -> None:
    """Half of the errors were drawn ten times as often as the rest."""
    labels = np.r_[np.ones(40), np.zeros(60)]
    inclusion = np.r_[np.full(20, 1.0), np.full(80, 0.1)]
    found = prediction_powered_mean(labels, np.zeros(100), np.zeros(500), inclusion=inclusion)
    assert found.value == pytest.approx((20 + 200) / (20 + 800))
    assert found.effective_n == pytest.approx(820**2 / (20 + 80 * 100))


@pytest.mark.parametrize(
    "arguments",
    [
        ([], [], [0.5]),
        ([1.0], [0.5], []),
        ([1.0, 0.0], [0.5], [0.5]),
        ([2.0], [0.5], [0.5]),
        ([1.0], [float("nan")], [0.5]),
    ],
)
def test_bad_rows_are_refused(arguments: tuple[list[float], ...]) -> None:
    with pytest.raises(InputError):
        prediction_powered_mean(*arguments)


@pytest.mark.parametrize("given", [["a"] * 400, [[1], [1, 2]], [1j] * 400, {1, 2}, None])
def test_what_is_no_number_is_refused_in_each_place(given: object) -> None:
    right = (TRUTH[FIRST], GOOD[FIRST], GOOD)
    for place in range(3):
        with pytest.raises(InputError):
            prediction_powered_mean(*(given if at == place else each for at, each in enumerate(right)))  # type: ignore[arg-type]
    with pytest.raises(InputError):
        prediction_powered_mean(*right, inclusion=given if given is not None else [5e-324] * 400)  # type: ignore[arg-type]
