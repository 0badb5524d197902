"""The bootstrap: right spread for a mean, seeded, quick on many rows, honest when undefined."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_core.domain.errors import InputError
from hitl_core.stats import bootstrap_counts
from hitl_core.stats.bootstrap import FloatArray


def share(weights: FloatArray) -> FloatArray:
    """The share of the first pattern."""
    return np.asarray(weights[:, 0] / weights.sum(axis=1))


def test_a_share_has_its_textbook_error() -> None:
    estimate = bootstrap_counts(share, [300, 700], replicates=5000, seed=1)
    se = math.sqrt(0.3 * 0.7 / 1000)
    assert estimate.value == 0.3
    assert estimate.se == pytest.approx(se, rel=0.05)
    assert (estimate.low, estimate.high) == pytest.approx((0.3 - 1.96 * se, 0.3 + 1.96 * se), abs=0.1 * se)


def test_the_seed_decides() -> None:
    assert bootstrap_counts(share, [3, 7], seed=5) == bootstrap_counts(share, [3, 7], seed=5)
    assert bootstrap_counts(share, [30, 71], seed=5) != bootstrap_counts(share, [30, 71], seed=6)


def test_acceleration_follows_the_skew() -> None:
    # The variance of a small skewed sample is underestimated; the accelerated interval moves up.
    values = np.array([0.0, 1.0, 2.0, 9.0])

    def variance(weights: FloatArray) -> FloatArray:
        n = weights.sum(axis=1)
        return np.asarray((weights @ values**2) / n - ((weights @ values) / n) ** 2)

    plain = bootstrap_counts(variance, [12, 6, 3, 2], seed=2)
    accelerated = bootstrap_counts(variance, [12, 6, 3, 2], seed=2, method="bca")
    assert accelerated.low > plain.low
    assert accelerated.high > plain.high


def test_groups_are_resampled_whole() -> None:
    # 40 documents of ten equal rows: the error is that of 40 observations, not of 400.
    hits = np.array([10.0, 0.0] * 20)
    sizes = np.full(40, 10.0)
    estimate = bootstrap_counts(lambda w: (w @ hits) / (w @ sizes), np.ones(40), seed=3)
    assert estimate.se == pytest.approx(0.5 / math.sqrt(40), rel=0.1)


def test_an_undefined_statistic_has_no_interval() -> None:
    estimate = bootstrap_counts(lambda w: np.full(len(w), np.nan), [3, 4])
    assert all(math.isnan(each) for each in estimate)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 50), min_size=2, max_size=6).filter(any), st.sampled_from(["percentile", "bca"]))
def test_bounds_are_ordered_and_possible(counts: list[int], method: str) -> None:
    estimate = bootstrap_counts(share, counts, replicates=200, method=method)  # type: ignore[arg-type]
    assert 0 <= estimate.low <= estimate.high <= 1
    assert estimate.se >= 0


@pytest.mark.parametrize("counts", [[], [0, 0], [-1, 3], [1.5, 2], [[1, 2]], [float("nan"), 1]])
def test_what_is_no_count_is_refused(counts: list[float]) -> None:
    with pytest.raises(InputError, match="counts"):
        bootstrap_counts(share, counts)


@pytest.mark.parametrize("option", [{"confidence": 1}, {"replicates": 5}, {"method": "magic"}])
def test_options_out_of_range_are_refused(option: dict[str, object]) -> None:
    with pytest.raises(InputError):
        bootstrap_counts(share, [1, 2], **option)  # type: ignore[arg-type]
