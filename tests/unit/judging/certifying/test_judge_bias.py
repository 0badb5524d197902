"""Probes of bias: pairs that differ in what must not matter, and shifts by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hitl_core.domain.records import Item
from hitl_core.judging.certifying.bias import PROBES, paired_shift, probe_pair, rate_gap, verbosity_slope
from hitl_core.judging.judge.injection import injection_flags

ITEM = Item(query="How long?", context=["First.", "Second."], output="30 days.\nOr 10.")


@pytest.mark.parametrize("probe", PROBES)
def test_a_twin_says_the_same_and_does_not_look_like_an_attack(probe: str) -> None:
    pair = probe_pair(ITEM, probe)  # type: ignore[arg-type]
    assert pair is not None
    first, twin = pair
    assert first == ITEM
    assert twin != ITEM
    assert twin.query == ITEM.query
    assert sorted(each.text for each in twin.context) == ["First.", "Second."]
    assert "30 days." in twin.output
    assert injection_flags(twin) == ()


def test_a_probe_that_does_not_apply_is_none() -> None:
    assert probe_pair(ITEM.model_copy(update={"context": ITEM.context[:1]}), "position") is None
    assert probe_pair(ITEM.model_copy(update={"output": " "}), "length") is None


def test_a_shift_is_the_mean_change_of_pairs_with_a_verdict() -> None:
    shift = paired_shift([0.4, 0.6, 0.8, None], [0.6, 0.7, 0.9, 0.1])
    assert shift is not None
    assert shift.value == pytest.approx(0.4 / 3)
    assert (shift.n, shift.flips) == (3, 1)
    assert shift.low <= shift.value <= shift.high
    assert paired_shift([0.5], [0.9]) is None


def test_a_shift_is_shown_only_where_its_interval_leaves_zero_out() -> None:
    rng = np.random.default_rng(0)
    before = rng.uniform(0.2, 0.6, 200)
    noise = rng.normal(0, 0.1, 200)
    assert paired_shift(before.tolist(), (before + 0.1 + noise).tolist()).shown  # type: ignore[union-attr]
    assert not paired_shift(before.tolist(), (before + noise - noise.mean()).tolist()).shown  # type: ignore[union-attr]


def test_pairs_of_one_document_count_as_one() -> None:
    rng = np.random.default_rng(1)
    change = np.repeat(rng.normal(0.05, 0.1, 20), 10)
    groups = [str(number // 10) for number in range(200)]
    alone = paired_shift([0.5] * 200, (0.5 + change).tolist())
    grouped = paired_shift([0.5] * 200, (0.5 + change).tolist(), groups=groups)
    assert alone is not None
    assert grouped is not None
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


def test_a_gap_compares_outputs_that_people_judged_the_same() -> None:
    # Right: marked 8 of 10 approved, others 6 of 10. Wrong: marked 4 of 10, others 2 of 10. The gap is .2 in both.
    approved, right, marked = [], [], []
    for is_right, is_marked, yes in ((True, True, 8), (True, False, 6), (False, True, 4), (False, False, 2)):
        approved += [True] * yes + [False] * (10 - yes)
        right += [is_right] * 10
        marked += [is_marked] * 10
    gap = rate_gap(approved, right, marked)
    assert gap is not None
    assert gap.value == pytest.approx(0.2)
    assert not gap.shown


def test_a_better_model_is_no_self_preference() -> None:
    # Marked outputs are right more often; the judge approves exactly what is right.
    right = [True] * 45 + [False] * 5 + [True] * 10 + [False] * 40
    marked = [True] * 50 + [False] * 50
    gap = rate_gap(right, right, marked)
    assert gap is not None
    assert gap.value == 0


def test_a_gap_without_both_kinds_is_none() -> None:
    assert rate_gap([True, False], [True, True], [True, True]) is None
    assert rate_gap([None], [True], [True]) is None


def test_a_preference_counts_beyond_that_of_people() -> None:
    slope = verbosity_slope([True, True, True, False], [True, False, False, False])
    assert slope is not None
    assert slope.value == pytest.approx(0.5)
    assert slope.flips == 2
