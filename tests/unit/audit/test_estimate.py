"""Weighted and naive error rates: by hand, in extremes, and what unanswered labels can still change."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_core.audit import estimate_error
from hitl_core.domain.errors import InputError
from hitl_core.stats import clopper_pearson

CHANCES = st.sampled_from([0.05, 0.2, 1.0])


def test_reviewed_and_audited_rows_by_hand() -> None:
    """Eight reviewed rows, half wrong; two audited at one in ten, both right, stand for twenty: 4 of 28 are wrong."""
    found = estimate_error([True] * 4 + [False] * 4 + [True] * 2, [1.0] * 8 + [0.1] * 2)
    assert found.weighted.value == pytest.approx(4 / 28)
    assert found.naive.value == pytest.approx(0.4)
    assert (found.n, found.errors) == (10, 4)
    assert found.effective_n == pytest.approx(28**2 / (8 + 2 * 100))
    assert found.naive.effective_n == 10


def test_equal_chances_give_the_exact_interval() -> None:
    found = estimate_error([True] * 57 + [False] * 3, [0.05] * 60)
    assert found.interval == pytest.approx(clopper_pearson(3, 60))
    assert found.interval == pytest.approx(found.naive.interval)
    assert found.worst == found.interval


def test_nothing_answered() -> None:
    found = estimate_error([], [])
    assert math.isnan(found.weighted.value)
    assert (found.interval, found.refused) == ((0.0, 1.0), "no label has arrived")


def test_unanswered_labels_are_bounded_by_all_right_and_all_wrong() -> None:
    found = estimate_error([True] * 18 + [False] * 2, [0.5] * 20, unanswered=[0.5] * 5)
    assert found.unanswered == 5
    assert found.unanswered_share == pytest.approx(0.2)
    assert found.worst.low == pytest.approx(clopper_pearson(2, 25).low)
    assert found.worst.high == pytest.approx(clopper_pearson(7, 25).high)
    assert "5 of 25" in found.refused
    assert estimate_error([True] * 20, [0.5] * 20, unanswered=[0.5], max_unanswered=0.05).refused == ""


def test_a_rare_row_left_unanswered_weighs_more() -> None:
    assert estimate_error([True] * 50, [1.0] * 50, unanswered=[0.05]).unanswered_share == pytest.approx(20 / 70)


def test_answers_to_one_question_count_as_little_as_they_say() -> None:
    """Twenty copies of each of five answers are five answers."""
    correct = [True] * 80 + [False] * 20
    groups = [str(number // 20) for number in range(100)]
    apart, together = (estimate_error(correct, [1.0] * 100, groups=each) for each in (None, groups))
    assert together.weighted.value == apart.weighted.value
    assert together.interval.high - together.interval.low > 2 * (apart.interval.high - apart.interval.low)


@given(st.lists(st.tuples(st.booleans(), CHANCES), min_size=1, max_size=40), st.lists(CHANCES, max_size=10))
def test_bounds_hold_the_estimate(rows: list[tuple[bool, float]], missing: list[float]) -> None:
    found = estimate_error(*zip(*rows, strict=True), unanswered=missing)
    assert 0 <= found.interval.low <= found.weighted.value + 1e-9
    assert found.weighted.value - 1e-9 <= found.interval.high <= 1
    assert found.effective_n <= found.n + 1e-9
    assert found.worst.low <= found.worst.high


@pytest.mark.parametrize(
    ("correct", "inclusion", "unanswered"),
    [([True], [0.0], []), ([True], [1.1], []), ([True], [1.0, 1.0], []), ([0.5], [1.0], []), ([True], [1.0], [0.0])],
)
def test_rows_that_cannot_be_are_refused(correct: list[float], inclusion: list[float], unanswered: list[float]) -> None:
    with pytest.raises(InputError):
        estimate_error(correct, inclusion, unanswered=unanswered)


def test_right_answers_to_few_questions_are_few_rows() -> None:
    spread = estimate_error([True] * 60, [1.0] * 60, groups=list(range(60)))
    clustered = estimate_error([True] * 60, [1.0] * 60, groups=[row % 6 for row in range(60)])
    assert spread.interval.high == pytest.approx(clopper_pearson(0, 60).high)
    assert clustered.interval.high == pytest.approx(clopper_pearson(0, 6).high), "60 rows of 6 questions counted as 60"
