"""Figures of a judge against people, by hand and against other implementations."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hitl_core.agreement import cohen_kappa
from hitl_core.domain.errors import InputError
from hitl_core.judging.certifying.figures import Figure, discrimination, judge_figures


def test_by_hand() -> None:
    # 40 right of which 30 approved, 20 wrong of which 15 rejected, 5 more wrong without a verdict.
    said = [True] * 30 + [False] * 10 + [True] * 5 + [False] * 15 + [None] * 5
    right = [True] * 40 + [False] * 25
    found = judge_figures(said, right)
    assert found.n == 65
    assert (found.tpr.value, found.tpr.n) == (0.75, 40)
    assert (found.tnr.value, found.tnr.n) == (0.75, 20)
    assert found.accuracy.value == pytest.approx(45 / 60)
    assert found.base_rate.value == pytest.approx(40 / 65)
    assert found.abstained.value == pytest.approx(5 / 65)
    assert found.informedness.value == pytest.approx(0.5)
    assert found.has_signal
    expected = (35 * 40 + 25 * 20) / 3600
    assert found.kappa.value == pytest.approx((0.75 - expected) / (1 - expected))
    assert found.auroc.value is None


def test_kappa_and_auroc_are_those_of_the_agreement_room_and_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    right = rng.random(300) < 0.6
    p = np.clip(rng.normal(0.4 + 0.3 * right, 0.25), 0, 1).round(2)
    said = p > 0.5
    found = judge_figures(said.tolist(), right.tolist(), p_correct=p.tolist())
    other = cohen_kappa(said.tolist(), right.tolist())
    assert found.kappa.value == pytest.approx(other.value)
    assert found.kappa.low == pytest.approx(other.low, abs=0.02)
    assert found.kappa.high == pytest.approx(other.high, abs=0.02)
    assert found.auroc.value == pytest.approx(roc_auc_score(right, p))
    grouped = judge_figures(said.tolist(), right.tolist(), p_correct=p.tolist(), groups=[str(n) for n in range(300)])
    assert grouped.auroc.value == pytest.approx(found.auroc.value)
    assert grouped.auroc.low == pytest.approx(found.auroc.low, abs=0.02)
    assert grouped.tpr.low == pytest.approx(found.tpr.low, abs=0.02)


def test_dependent_rows_widen_the_interval() -> None:
    said = [number % 5 > 0 for number in range(100) for _ in range(4)]
    right = [number % 3 > 0 for number in range(100) for _ in range(4)]
    alone = judge_figures(said, right)
    grouped = judge_figures(said, right, groups=[str(number) for number in range(100) for _ in range(4)])
    assert alone.tpr.low is not None
    assert grouped.tpr.low is not None
    assert grouped.tpr.value == alone.tpr.value
    assert grouped.tpr.low < alone.tpr.low


def test_weights_undo_an_unequal_draw() -> None:
    found = judge_figures([True, True, False, False], [True, False, True, False], weights=[1, 1, 3, 3])
    assert found.tpr.value == pytest.approx(0.25)
    assert found.tnr.value == pytest.approx(0.75)


def test_a_judge_that_always_approves_has_no_signal() -> None:
    found = judge_figures([True] * 60, [True] * 40 + [False] * 20)
    assert (found.tpr.value, found.tnr.value, found.informedness.value) == (1.0, 0.0, 0.0)
    assert not found.has_signal


def test_newcombe_1998_table_ii_first_example() -> None:
    # 56/70 - 48/80: .2, score interval .0524 to .3339 (Newcombe's method 10).
    tpr = Figure(value=56 / 70, low=0.6921, high=0.8774, n=70)
    tnr = Figure(value=1 - 48 / 80, low=1 - 0.7007, high=1 - 0.4909, n=80)
    found = discrimination(tpr, tnr, 150)
    assert found.value == pytest.approx(0.2)
    assert found.low == pytest.approx(0.0524, abs=5e-4)
    assert found.high == pytest.approx(0.3339, abs=2e-3)


def test_what_is_undefined_is_none_and_bad_rows_are_refused() -> None:
    found = judge_figures([True, None], [True, True])
    assert found.tnr.value is None
    assert found.informedness.value is None
    assert not found.has_signal
    assert "undefined" in str(found.tnr)
    with pytest.raises(InputError):
        judge_figures([True], [True, False])
    with pytest.raises(InputError):
        judge_figures([True], [True], weights=[0.0])


@pytest.mark.parametrize("grouped", [False, True])
def test_a_judge_without_an_error_has_signal_and_no_interval_of_no_width(grouped: bool) -> None:
    right = [number % 2 > 0 for number in range(40)]
    groups = [str(number) for number in range(40)] if grouped else None
    found = judge_figures(right, right, p_correct=[float(each) for each in right], groups=groups)
    assert found.has_signal
    for figure in (found.kappa, found.tpr, found.tnr, found.accuracy, found.informedness, found.abstained):
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low < figure.high
    perfect = cohen_kappa(right, right)
    assert found.kappa.low == pytest.approx(perfect.low)
