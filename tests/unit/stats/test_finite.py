"""Exact bounds in a finite population: against brute force, at its ends, and as a promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from hitl_core import InputError
from hitl_core.stats.finite import hypergeometric_bounds
from hitl_core.stats.intervals import clopper_pearson


def brute(k: int, n: int, size: int, tail: float = 0.025) -> tuple[int, int]:
    """Every total under which neither so few nor so many are too unlikely."""
    possible = [
        total
        for total in range(k, size - (n - k) + 1)
        if hypergeom.cdf(k, size, total, n) > tail and hypergeom.sf(k - 1, size, total, n) > tail
    ]
    return min(possible), max(possible)


@pytest.mark.parametrize(("k", "n", "size"), [(0, 5, 50), (2, 10, 80), (10, 10, 30), (7, 20, 21), (1, 1, 2), (0, 1, 9)])
def test_it_is_the_brute_force_answer(k: int, n: int, size: int) -> None:
    assert hypergeometric_bounds(k, n, size) == brute(k, n, size)


def test_all_of_them_looked_at_leave_no_doubt_and_none_of_them_all_of_it() -> None:
    assert hypergeometric_bounds(3, 10, 10) == (3, 3)
    assert hypergeometric_bounds(0, 0, 10) == (0, 10)
    assert hypergeometric_bounds(0, 0, 0) == (0, 0)


def test_a_small_part_of_many_is_the_binomial_interval() -> None:
    found = hypergeometric_bounds(12, 400, 10_000_000)
    assert np.array(found) / 1e7 == pytest.approx(clopper_pearson(12, 400), rel=1e-3)


def test_it_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    total, size, n = 40, 500, 60
    drawn = rng.hypergeometric(total, size - total, n, size=2000)
    bounds = {k: hypergeometric_bounds(int(k), n, size, confidence=0.9) for k in np.unique(drawn)}
    covered = np.mean([bounds[k].low <= total <= bounds[k].high for k in drawn])
    assert covered >= 0.9 - 3 * np.sqrt(0.09 / 2000)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_bounds_hold_what_was_seen_and_turn_round(k: int, others: int, unseen: int) -> None:
    n, size = k + others, k + others + unseen
    low, high = hypergeometric_bounds(k, n, size)
    assert k <= low <= high <= size - others
    assert hypergeometric_bounds(others, n, size) == (size - high, size - low)


@pytest.mark.parametrize("given", [(2, 1, 5), (1, 6, 5), (-1, 2, 5)])
def test_counts_that_cannot_be_are_refused(given: tuple[int, int, int]) -> None:
    with pytest.raises(InputError, match="0 <= k <= n <= size"):
        hypergeometric_bounds(*given)
    with pytest.raises(InputError, match="between 0 and 1"):
        hypergeometric_bounds(1, 2, 5, confidence=1)
