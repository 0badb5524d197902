"""What `choose_threshold` answers in cases one can work out by hand, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from hitl_core.calibration import LabelError, choose_threshold, clean_rows
from hitl_core.calibration.thresholds.boundary import allowed_errors, touch_probability
from hitl_core.calibration.thresholds.exact_tests import (
    candidate_counts,
    most_errors,
    predicted_power,
    rows_to_pass,
    starts,
    walk,
)
from hitl_core.calibration.thresholds.labelled_rows import equal_chances, labelled_rows, one_of_each_group, set_aside
from hitl_core.domain.errors import InputError


def rows(n: int, wrong: int) -> tuple[np.ndarray, np.ndarray]:
    """n rows of rising confidence, the wrong ones spread evenly."""
    right = np.ones(n, dtype=bool)
    right[np.linspace(0, n - 1, wrong).round().astype(int)] = False
    return np.linspace(0.3, 0.99, n), right


@pytest.mark.parametrize(
    ("target", "delta", "n"), [(0.05, 0.05, 59), (0.1, 0.1, 22), (0.1, 0.05, 29), (0.02, 0.05, 149)]
)
def test_this_many_clean_labels_certify_and_one_less_does_not(target: float, delta: float, n: int) -> None:
    assert clean_rows(target, delta) == n
    enough = choose_threshold(*rows(n, 0), target_error=target, delta=delta, min_labels=1)
    assert enough.threshold == pytest.approx(0.3)
    assert enough.coverage == 1
    assert enough.labels_needed == 0
    assert enough.bound == pytest.approx(1 - delta ** (1 / n))
    short = choose_threshold(*rows(n - 1, 0), target_error=target, delta=delta, min_labels=1)
    assert (short.threshold, short.bound, short.coverage, short.labels_needed) == (None, None, 0, 1)


def test_without_labels_everything_is_reviewed() -> None:
    nothing = choose_threshold([], [], target_error=0.05, delta=0.05)
    assert (nothing.threshold, nothing.n, nothing.labels_needed) == (None, 0, 59)


def test_all_wrong_certifies_nothing() -> None:
    hopeless = choose_threshold(*rows(300, 300), target_error=0.05, delta=0.05)
    assert hopeless.threshold is None
    assert hopeless.labels_needed == 59


def test_the_bound_is_the_exact_one_of_the_rows_tested() -> None:
    found = choose_threshold(*rows(1000, 10), target_error=0.05, delta=0.1)
    assert found.threshold is not None
    assert found.bound is not None
    assert found.method == "boundary"
    step = next(each for each in found.steps if each.threshold == found.threshold)
    assert step.passed
    assert found.bound == pytest.approx(stats.beta.ppf(1 - step.level, found.errors + 1, found.n - found.errors))
    assert found.bound <= 0.05
    assert found.n == found.labels == 1000


@pytest.mark.parametrize("rows_given", [59, 200, 1000])
def test_the_boundary_is_touched_by_the_worst_walk_as_often_as_delta(rows_given: int) -> None:
    allowed, level = allowed_errors(rows_given, 0.05, 0.1, 30)
    walks = np.random.default_rng(5).random((20_000, rows_given)) < 0.05
    touched = np.mean((np.cumsum(walks, axis=1) <= allowed).any(axis=1))
    assert touched == pytest.approx(touch_probability(allowed, 0.05), abs=0.007)
    assert 0.085 < touch_probability(allowed, 0.05) <= 0.1
    assert level <= 0.1
    assert (np.diff(allowed) >= 0).all()


def test_two_rows_touch_a_boundary_by_hand() -> None:
    """At most one error among two rows: 1 - .5²; the first already right: .5, then wrong and right is not enough."""
    assert touch_probability(np.array([-1, 1]), 0.5) == pytest.approx(0.75)
    assert touch_probability(np.array([0, 0]), 0.5) == pytest.approx(0.5)
    assert touch_probability(np.array([0, 1]), 0.5) == pytest.approx(0.75)
    assert touch_probability(np.array([-1, -1]), 0.5) == 0


def test_where_wrong_rows_lie_higher_the_boundary_is_touched_less_often() -> None:
    """The lemma behind the boundary: errors above the target at each threshold, in whatever shape, touch it less."""
    generator = np.random.default_rng(6)
    allowed, _ = allowed_errors(300, 0.05, 0.1, 30)
    shapes = [np.linspace(0.1, 0.0, 300), np.where(np.arange(300) < 60, 0.05, 0.05), np.r_[[0.2] * 75, [0.0] * 225]]
    touched = [
        np.mean((np.cumsum(generator.random((8000, 300)) < shape, axis=1) <= allowed).any(axis=1)) for shape in shapes
    ]
    assert max(touched[0], touched[2]) <= touched[1] + 0.01


@pytest.mark.parametrize("rows_given", [700, 5000])
def test_many_rows_have_a_boundary_in_stairs_that_spends_delta(rows_given: int) -> None:
    allowed, _ = allowed_errors(rows_given, 0.05, 0.1, 30)
    assert 0.095 < touch_probability(allowed, 0.05) <= 0.1
    assert allowed[-1] < 0.05 * rows_given


def test_no_seed_changes_what_plain_rows_certify() -> None:
    confidence, right = rows(500, 8)
    found = [choose_threshold(confidence, right, target_error=0.05, delta=0.1, seed=seed) for seed in range(3)]
    assert found[0] == found[1] == found[2]


def test_min_labels_holds_even_for_a_generous_target() -> None:
    assert choose_threshold(*rows(29, 0), target_error=0.3, delta=0.3).threshold is None
    assert choose_threshold(*rows(30, 0), target_error=0.3, delta=0.3).threshold is not None


def test_labels_needed_are_about_enough() -> None:
    confidence, right = rows(100, 2)
    short = choose_threshold(confidence, right, target_error=0.03, delta=0.05, min_labels=30)
    assert short.threshold is None
    n = 100 + short.labels_needed
    most = most_errors(np.array([n]), 0.03, 0.05)[0]
    assert most >= 0
    assert rows_to_pass(0.02, 0.05, 0.05) == pytest.approx(208, abs=40)
    assert rows_to_pass(0.0, 0.05, 0.05) == 59
    assert rows_to_pass(0.05, 0.05, 0.05) is None


def test_ties_stay_together() -> None:
    confidence = np.repeat([0.9, 0.6], [200, 200])
    right = np.r_[np.ones(200), np.arange(200) % 3 > 0]
    found = choose_threshold(confidence, right, target_error=0.05, delta=0.1)
    assert found.threshold == 0.9
    assert found.coverage == 0.5
    assert candidate_counts(np.sort(confidence)[::-1], 30).tolist() == [200, 400]


def test_the_same_seed_gives_the_same_answer_whatever_the_order() -> None:
    confidence, right = rows(500, 8)
    first = choose_threshold(confidence, right, target_error=0.05, delta=0.1, seed=3)
    again = choose_threshold(confidence[::-1], right[::-1], target_error=0.05, delta=0.1, seed=3)
    assert first == again


def test_reviewers_errors_are_taken_off_at_both_ends() -> None:
    """A judge wrong 2 % of the time, labelled by people wrong 5 % of the time, shows 6.8 % disagreement."""
    generator = np.random.default_rng(0)
    wrong = generator.random(3000) < 0.02
    labelled_right = np.where(generator.random(3000) < 0.05, wrong, ~wrong)
    confidence = generator.random(3000)
    raw = choose_threshold(confidence, labelled_right, target_error=0.05, delta=0.1)
    assert (raw.threshold, raw.claim) == (None, "disagreement with reviewers")
    known = choose_threshold(
        confidence, labelled_right, target_error=0.05, delta=0.1, label_error=((0.03, 0.07), (0.04, 0.06))
    )
    assert known.claim == "error"
    assert known.coverage > 0.9
    assert known.bound is not None
    assert 0.02 < known.bound <= 0.05
    careful = choose_threshold(
        confidence, labelled_right, target_error=0.05, delta=0.1, label_error=((0, 0.07), (0, 1e-3))
    )
    assert careful.threshold is None, "false alarms that may not exist explain nothing"


def test_label_error_by_hand() -> None:
    reviewers = LabelError(0.0, 0.1, 0.02, 0.05)
    assert reviewers.disagreement(0.05) == pytest.approx(0.05 * 0.9 + 0.95 * 0.02)
    assert reviewers.error(reviewers.disagreement(0.05)) == pytest.approx(0.05)
    assert reviewers.error(0.01) == 0


def test_one_row_of_each_group_stands_for_it() -> None:
    generator = np.random.default_rng(1)
    group = np.repeat(np.arange(40), np.arange(40) % 4 + 1)
    everything = labelled_rows(generator.random(group.size), generator.random(group.size) < 0.9, None, group)
    one = one_of_each_group(everything, generator)
    assert one.group.size == 40
    assert one.weight.sum() == group.size
    assert (np.diff(one.confidence) <= 0).all()
    development, rest = set_aside(everything, generator)
    assert not set(development.group) & set(rest.group)
    assert np.unique(development.group).size == 8


def test_grouped_copies_are_worth_one_label_each() -> None:
    confidence = np.repeat(np.linspace(0.5, 0.9, 50), 4)
    alone = choose_threshold(confidence, np.ones(200), target_error=0.05, delta=0.05)
    grouped = choose_threshold(
        confidence, np.ones(200), target_error=0.05, delta=0.05, groups=[f"q{i // 4}" for i in range(200)]
    )
    assert alone.threshold is not None
    assert (grouped.threshold, grouped.n, grouped.labels_needed) == (None, 50, 36)


def test_thinning_gives_every_item_one_chance() -> None:
    generator = np.random.default_rng(2)
    inclusion = np.where(np.arange(40_000) < 20_000, 0.5, 0.125)
    seen = generator.random(40_000) < inclusion
    confidence = np.where(np.arange(40_000) < 20_000, 0.4, 0.8)
    everything = labelled_rows(confidence[seen], np.ones(seen.sum()), inclusion[seen], None)
    kept, others = equal_chances(everything, generator)
    assert (kept.confidence == 0.4).mean() == pytest.approx(0.5, abs=0.03)
    assert others.confidence.max() == 0.4
    assert np.ptp(kept.weight) == 0
    assert others.weight.sum() == pytest.approx(20_000, rel=0.05)


def test_coverage_counts_items_not_labels() -> None:
    generator = np.random.default_rng(3)
    confidence = generator.random(20_000)
    inclusion = np.where(confidence > 0.5, 0.1, 1.0)
    seen = generator.random(20_000) < inclusion
    right = generator.random(20_000) >= np.where(confidence > 0.5, 0.01, 0.4)
    found = choose_threshold(confidence[seen], right[seen], target_error=0.05, delta=0.1, inclusion=inclusion[seen])
    assert found.threshold is not None
    assert found.coverage == pytest.approx(1 - found.threshold, abs=0.03)
    assert found.coverage > 0.4
    assert found.effective_n <= found.n


@pytest.mark.parametrize("level", [0.02, 0.1, 0.3])
def test_most_errors_is_the_edge_of_the_exact_test(level: float) -> None:
    n = np.array([1, 10, 44, 45, 59, 100, 1000, 100_000])
    k = most_errors(n, 0.05, level)
    assert (stats.binom.cdf(k, n, 0.05) <= level).all()
    assert (stats.binom.cdf(k + 1, n, 0.05) > level).all()


def test_a_sequence_stops_and_carries_its_delta_to_the_next_start() -> None:
    confidence, wrong = np.linspace(1, 0, 400), np.zeros(400)
    counts = np.array([60, 100, 200, 400])
    shares = np.array([0.05, 0.0, 0.0, 0.05])
    assert [step.level for step in walk(confidence, wrong, counts, shares, 0.05)] == [0.05, 0.05, 0.05, 0.1]
    wrong[50:70] = 1
    steps = walk(confidence, wrong, counts, shares, 0.05)
    assert [(step.n, step.level, step.passed) for step in steps] == [(60, 0.05, False), (400, 0.05, False)]


def test_starts_share_delta_and_the_first_can_pass() -> None:
    counts, share = starts(np.linspace(1, 0, 2000), 0.05, 0.1, 30)
    assert counts.size == 5
    assert share == pytest.approx(0.02)
    assert counts[0] == math.ceil(math.log(0.1 / 5) / math.log(0.95)) == 77
    assert counts[-1] == 2000
    few, whole = starts(np.linspace(1, 0, 50), 0.05, 0.1, 30)
    assert (few.tolist(), whole) == ([50], 0.1)


def test_predicted_power_is_what_simulation_finds() -> None:
    generator = np.random.default_rng(4)
    rate = generator.beta(3.5, 97.5, 200_000)
    simulated = np.mean(generator.binomial(400, rate) <= most_errors(np.array([400]), 0.05, 0.1)[0])
    found = predicted_power(np.array([0.03]), np.array([100.0]), np.array([400]), 0.05, 0.1)
    assert found[0] == pytest.approx(simulated, abs=0.01)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_error": 0.0}, "target_error"),
        ({"target_error": 5}, "target_error"),
        ({"delta": 1.0}, "delta"),
        ({"min_labels": 0}, "min_labels"),
        ({"method": "best"}, "method"),
        ({"inclusion": [0.5, 0.0]}, "inclusion"),
        ({"inclusion": [0.5]}, "one entry a row"),
        ({"groups": ["a"]}, "groups"),
        ({"label_error": 0.05}, "label_error"),
        ({"label_error": ((0.2, 0.1), 0)}, "low <= high"),
        ({"label_error": {"missing": 0.1}}, "missing"),
        ({"label_error": (0.6, 0.5)}, "below 1"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object], message: str) -> None:
    asked: dict[str, object] = {"target_error": 0.05, "delta": 0.1} | options
    with pytest.raises(InputError, match=message):
        choose_threshold([0.5, 0.6], [1, 1], **asked)  # type: ignore[arg-type]
