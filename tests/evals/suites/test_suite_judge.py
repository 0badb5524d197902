"""The judge suite on the real recorded judges: oracle 16, and every figure with its interval."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from evals.suite import SuiteContext, SuiteResult
from evals.suites import find

DATA = Path(__file__).parents[4] / "shared" / "data"


def test_without_data_it_says_what_is_missing() -> None:
    found = find("judge").run(SuiteContext())
    assert not found.measures
    assert sum(note.startswith("skipped:") for note in found.notes) == 2


@pytest.fixture(scope="module")
def result() -> SuiteResult:
    if not DATA.is_dir():
        pytest.skip("the real data are not there")
    return find("judge").run(SuiteContext(data=DATA))


@pytest.mark.real_data
@pytest.mark.parametrize(("judge", "accuracy", "kappa"), [("davinci003", 0.8356, 0.671), ("gpt4", 0.8483, 0.696)])
def test_published_figures_of_the_judges(result: SuiteResult, judge: str, accuracy: float, kappa: float) -> None:
    found = {each.name: each for each in result.measures if each.slice == f"set=openqa_eval, judge={judge}"}
    assert found["accuracy"].value == pytest.approx(accuracy, abs=5e-5)
    assert found["kappa"].value == pytest.approx(kappa, abs=5e-4)
    assert found["accuracy"].n == 1490


@pytest.mark.real_data
def test_every_figure_has_n_an_interval_and_what_to_hold_it_against(result: SuiteResult) -> None:
    assert len(result.measures) > 20
    for each in result.measures:
        assert each.n > 500
        assert each.baseline
        assert each.low is not None
        assert each.high is not None
        assert each.low <= each.value <= each.high
        assert math.isfinite(each.value)


@pytest.mark.real_data
def test_only_a_judge_with_probabilities_has_an_auroc(result: SuiteResult) -> None:
    ranked = [each.slice for each in result.measures if each.name == "AUROC"]
    assert ranked == ["set=openqa_eval, judge=bem"]
    assert result.cases is not None
    assert result.cases.height == 1490
