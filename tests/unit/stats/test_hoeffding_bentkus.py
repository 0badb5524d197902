"""Published p-values; monotone in the risk, and valid: under the null it is small as rarely as it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_core.domain.errors import InputError
from hitl_core.stats import hoeffding_bentkus_p_value


@pytest.mark.parametrize(
    ("risk", "n", "alpha", "expected"),
    [
        (0.05, 500, 0.1, 9.62303e-05),
        (0.08, 500, 0.1, 0.204114),
        (0, 50, 0.1, 0.00515378),
        (0.02, 100, 0.05, 0.296919),
    ],
)
def test_published_values(risk: float, n: int, alpha: float, expected: float) -> None:
    assert hoeffding_bentkus_p_value(risk, n, alpha) == pytest.approx(expected, rel=5e-6)


def test_no_loss_by_hand() -> None:
    # Both bounds are powers of (1 - alpha); Hoeffding's has no factor e.
    assert hoeffding_bentkus_p_value(0, 50, 0.1) == pytest.approx(0.9**50, rel=1e-12)


def test_float_noise_does_not_add_an_error() -> None:
    # 100 * .07 is 7.000000000000001 in floats.
    assert 100 * 0.07 > 7
    noisy, exact = hoeffding_bentkus_p_value(0.07, 100, 0.2), hoeffding_bentkus_p_value(7 / 100 - 1e-16, 100, 0.2)
    assert noisy == pytest.approx(exact, rel=1e-12)


@given(st.integers(1, 300), st.floats(0.01, 0.99), st.floats(0, 1), st.floats(0, 1))
def test_more_risk_is_less_evidence(n: int, alpha: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    p_low, p_high = hoeffding_bentkus_p_value(low, n, alpha), hoeffding_bentkus_p_value(high, n, alpha)
    assert 0 <= p_low <= p_high + 1e-12
    assert p_high <= 1


def test_it_is_valid_by_enumeration() -> None:
    n, alpha = 60, 0.15
    chance = np.array([math.comb(n, k) * alpha**k * (1 - alpha) ** (n - k) for k in range(n + 1)])
    values = np.array([hoeffding_bentkus_p_value(k / n, n, alpha) for k in range(n + 1)])
    for level in (0.01, 0.05, 0.1, 0.2, 0.5):
        assert chance[values <= level].sum() <= level


def test_without_losses_there_is_no_evidence() -> None:
    assert hoeffding_bentkus_p_value(0, 0, 0.1) == 1.0


@pytest.mark.parametrize(
    ("risk", "n", "alpha"), [(-0.1, 5, 0.1), (1.1, 5, 0.1), (0.1, -1, 0.1), (0.1, 5, 0), (0.1, 5, 1)]
)
def test_arguments_out_of_range_are_refused(risk: float, n: int, alpha: float) -> None:
    with pytest.raises(InputError):
        hoeffding_bentkus_p_value(risk, n, alpha)
