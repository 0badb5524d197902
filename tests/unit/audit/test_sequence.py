"""The confidence sequence: bounds by hand, monotone, symmetric, and against the wealth computed another way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_core.audit import ConfidenceSequence, clean_rows_needed
from hitl_core.audit.bets import FRACTIONS
from hitl_core.domain.errors import InputError

ROWS = st.lists(st.tuples(st.sampled_from([0.0, 0.3, 1.0]), st.sampled_from([0.05, 0.2, 1.0])), max_size=30)


def filled(values: list[float], **options: float) -> ConfidenceSequence:
    sequence = ConfidenceSequence(**options)
    for value in values:
        sequence.update(value, 1.0)
    return sequence


def test_nothing_is_known_before_the_first_row() -> None:
    assert ConfidenceSequence().interval == (0.0, 1.0)
    assert ConfidenceSequence().n == 0
    assert np.isnan(ConfidenceSequence().value)


def test_the_upper_bound_of_clean_rows_is_where_the_wealth_reaches_two_over_alpha() -> None:
    """After n clean rows a bettor against the claim m has the mean over f of (1 + f m / (1 - m))^n."""
    high = filled([0.0] * 100).interval.high
    wealth = [float(np.mean((1 + FRACTIONS * m / (1 - m)) ** 100)) for m in (high, high - 0.001)]
    assert wealth[0] >= 40 > wealth[1]


def test_rows_of_zeros_and_ones_mirror_each_other() -> None:
    values = [0.0, 0.0, 1.0, 0.0] * 20
    low, high = filled(values).interval
    other = filled([1 - value for value in values]).interval
    assert (1 - other.high, 1 - other.low) == pytest.approx((low, high))


def test_wider_for_more_confidence_and_for_rarer_rows() -> None:
    values = [0.0] * 90 + [1.0] * 10
    low, high = filled(values).interval
    surer = filled(values, confidence=0.99).interval
    assert surer.low <= low < high <= surer.high
    rare = filled(values, min_inclusion=0.05).interval
    assert rare.high - rare.low > 2 * (high - low)


@settings(max_examples=25, deadline=None)
@given(ROWS)
def test_the_interval_only_shrinks_and_stays_in_the_unit_interval(rows: list[tuple[float, float]]) -> None:
    sequence = ConfidenceSequence(min_inclusion=0.05)
    before = sequence.interval
    for value, inclusion in rows:
        sequence.update(value, inclusion)
        now = sequence.interval
        assert 0 <= before.low <= now.low <= now.high <= before.high <= 1
        before = now


def test_weights_bring_the_estimate_back() -> None:
    """Ten rows at probability .1 stand for a hundred."""
    sequence = ConfidenceSequence(min_inclusion=0.1)
    for value, inclusion in [(1.0, 1.0)] * 100 + [(0.0, 0.1)] * 10:
        sequence.update(value, inclusion)
    assert sequence.value == pytest.approx(0.5)
    assert sequence.effective_n == pytest.approx(200**2 / (100 + 10 * 100))


@pytest.mark.parametrize(
    ("value", "inclusion"), [(1.1, 1.0), (-0.1, 1.0), (float("nan"), 1.0), (0.0, 0.4), (0.0, 1.1), (0.0, 0.0)]
)
def test_rows_that_the_bets_were_not_made_for_are_refused(value: float, inclusion: float) -> None:
    with pytest.raises(InputError):
        ConfidenceSequence(min_inclusion=0.5).update(value, inclusion)


@pytest.mark.parametrize("options", [{"confidence": 1.0}, {"confidence": 0.0}, {"min_inclusion": 0.0}])
def test_bad_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(InputError):
        ConfidenceSequence(**options)


@pytest.mark.parametrize("target", [0.05, 0.02, 0.2])
def test_as_many_clean_rows_as_are_said_to_be_needed_are_enough_and_one_less_is_not(target: float) -> None:
    needed = clean_rows_needed(target)
    assert filled([0.0] * needed).interval.high <= target < filled([0.0] * (needed - 1)).interval.high


def test_a_target_that_nothing_can_reach_is_refused() -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        clean_rows_needed(0.0)


@pytest.mark.parametrize("wrong", ["a", None, [1.0], np.arange(2)])
def test_what_is_no_number_is_refused(wrong: object) -> None:
    sequence = ConfidenceSequence()
    for arguments in ((wrong, 1.0), (1.0, wrong)):
        with pytest.raises(InputError):
            sequence.update(*arguments)
    with pytest.raises(InputError):
        ConfidenceSequence(confidence=wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError):
        ConfidenceSequence(min_inclusion=wrong)  # type: ignore[arg-type]
    sequence.update(np.bool_(True), np.float32(1.0))  # type: ignore[arg-type]
    assert sequence.n == 1
