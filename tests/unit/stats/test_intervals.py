"""Published intervals to the digits given; bounds order, nest and mirror for any counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_core.domain.errors import InputError
from hitl_core.stats import clopper_pearson, clopper_pearson_bounds, wilson, wilson_bounds


@pytest.mark.parametrize(
    ("k", "n", "exact", "score"),
    [
        (81, 263, (0.2527, 0.3676), (0.2553, 0.3662)),
        (15, 148, (0.0578, 0.1617), (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1684), (0.0, 0.1611)),
        (1, 29, (0.0009, 0.1776), (0.0061, 0.1718)),
    ],
)
def test_newcombe_1998(k: int, n: int, exact: tuple[float, float], score: tuple[float, float]) -> None:
    assert clopper_pearson(k, n) == pytest.approx(exact, abs=5e-5)
    assert wilson(k, n) == pytest.approx(score, abs=5e-5)


@pytest.mark.parametrize(
    ("k", "n", "error", "upper"),
    [
        (0, 30, 0.1, 1 - 0.1 ** (1 / 30)),
        (0, 59, 0.05, 0.0495076),
        (0, 22, 0.1, 0.0993720),
        (0, 29, 0.05, 0.0981446),
        (5, 100, 0.1, 0.0907715),
        (10, 200, 0.05, 0.0833352),
    ],
)
def test_one_sided_upper_bounds(k: int, n: int, error: float, upper: float) -> None:
    assert clopper_pearson(k, n, confidence=1 - error, side="upper") == pytest.approx((0.0, upper), abs=5e-8)
    assert clopper_pearson(n - k, n, confidence=1 - error, side="lower") == pytest.approx((1 - upper, 1.0), abs=5e-8)


def test_the_rule_of_three_by_hand() -> None:
    # No error in n trials: (1 - p)^n = .05, whatever the library.
    assert clopper_pearson(0, 100, side="upper").high == pytest.approx(1 - 0.05 ** (1 / 100), abs=1e-12)
    assert clopper_pearson(100, 100, side="lower").low == pytest.approx(0.05 ** (1 / 100), abs=1e-12)


def test_no_trials_say_nothing() -> None:
    assert clopper_pearson(0, 0) == (0.0, 1.0)
    assert wilson(0, 0) == (0.0, 1.0)


def test_arrays_answer_like_single_counts() -> None:
    k, n = np.array([[0, 3], [7, 10]]), 10
    for bounds, single in ((clopper_pearson_bounds, clopper_pearson), (wilson_bounds, wilson)):
        low, high = bounds(k, n, confidence=0.9)
        assert low.shape == high.shape == (2, 2)
        assert (low[0, 1], high[0, 1]) == single(3, 10, confidence=0.9)
        assert (low[1, 1], high[1, 1]) == single(10, 10, confidence=0.9)


@given(st.integers(1, 400), st.data(), st.floats(0.5, 0.999))
def test_bounds_order_nest_and_mirror(n: int, data: st.DataObject, confidence: float) -> None:
    k = data.draw(st.integers(0, n))
    for interval in (clopper_pearson, wilson):
        low, high = interval(k, n, confidence=confidence)
        assert 0 <= low <= k / n <= high <= 1
        assert interval(n - k, n, confidence=confidence) == pytest.approx((1 - high, 1 - low), abs=1e-9)
        wider = interval(k, n, confidence=(1 + confidence) / 2)
        assert wider.low <= low + 1e-12
        assert wider.high >= high - 1e-12
        assert interval(k, n, confidence=confidence, side="upper").high <= high + 1e-12


def test_the_exact_interval_covers_by_enumeration() -> None:
    n = 25
    k = np.arange(n + 1)
    low, high = clopper_pearson_bounds(k, n, confidence=0.9)
    for p in np.linspace(0.01, 0.99, 99):
        chance = np.array([_binomial(int(each), n, float(p)) for each in k])
        assert chance[(low <= p) & (p <= high)].sum() >= 0.9 - 1e-12


def _binomial(k: int, n: int, p: float) -> float:
    from math import comb

    return comb(n, k) * p**k * (1 - p) ** (n - k)


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (float("nan"), 5), (1, float("inf"))])
def test_what_is_no_count_is_refused(k: float, n: float) -> None:
    with pytest.raises(InputError, match="0 <= k <= n"):
        clopper_pearson(k, n)
    with pytest.raises(InputError, match="0 <= k <= n"):
        wilson(k, n)


@pytest.mark.parametrize("confidence", [0, 1, 95, -0.1, float("nan")])
def test_confidence_is_a_share(confidence: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        clopper_pearson(1, 5, confidence=confidence)


def test_an_unknown_side_is_refused() -> None:
    with pytest.raises(InputError, match="two, lower, upper"):
        wilson(1, 5, side="both")  # type: ignore[arg-type]
