"""Two runs against each other: a planted regression is named, noise is not, and the gate says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from evals.comparing.baselines import bare_cases, export, load_results
from evals.comparing.differences import Difference, cluster_p, compare, direction, holm
from evals.comparing.gate import failures, parse_condition
from evals.running.folder import Part, RunFolder
from evals.suite import Measure, SuiteResult
from hitl_core.domain.errors import InputError

MODELS = ("one", "two", "three", "four")


def result(right: np.ndarray, seed: int = 0, *, per_group: int = 1, **more: np.ndarray) -> SuiteResult:
    """A suite's result over so many cases, in four models."""
    n = right.size
    frame = pl.DataFrame(
        {
            "case_id": [f"c{number}" for number in range(n)],
            "group": [f"g{number // per_group}" for number in range(n)],
            "model": [MODELS[number % 4] for number in range(n)],
            "right": right.astype(bool),
            **more,
        }
    )
    return SuiteResult("suite", cases=frame)


def draw(share: float, n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(n) < share


def test_a_planted_regression_is_named() -> None:
    before = draw(0.85, 800, 0)
    after = before & (draw(0.94, 800, 1))
    found = compare(result(before), result(after))
    whole = next(each for each in found if each.slice == "")
    assert whole.verdict == "regression"
    assert whole.change == pytest.approx(after.mean() - before.mean())
    assert whole.low is not None
    assert whole.high is not None
    assert whole.low < whole.change < whole.high < 0
    assert (whole.n, whole.groups, whole.method) == (800, 800, "bootstrap, McNemar exact")


def test_a_regression_of_one_model_is_found_in_its_slice() -> None:
    before = draw(0.9, 1200, 2)
    hit = (np.arange(1200) % 4 == 2) & draw(0.25, 1200, 3)
    found = compare(result(before), result(before & ~hit))
    assert [each.slice for each in found if each.verdict == "regression"] == ["", "model=three"]
    assert {each.verdict for each in found if each.slice in ("model=one", "model=two", "model=four")} == {"same"}


def test_better_is_an_improvement_and_not_a_regression() -> None:
    before = draw(0.6, 600, 4)
    found = compare(result(before), result(before | draw(0.3, 600, 5)))
    assert {each.verdict for each in found} == {"improvement"}


@pytest.mark.parametrize("per_group", [1, 5])
def test_noise_is_called_a_change_no_more_often_than_stated(per_group: int) -> None:
    """Both runs are right with the same chance; groups are right together. 200 worlds at level .1, five comparisons."""
    worlds, level = 200, 0.1
    alarms = 0
    for seed in range(worlds):
        generator = np.random.default_rng([seed, per_group])
        ease = np.repeat(generator.beta(3, 1, 400 // per_group), per_group)
        shift = np.repeat(generator.normal(0, 0.1, 400 // per_group), per_group) * (per_group > 1)
        before = generator.random(400) < ease
        after = generator.random(400) < np.clip(ease + shift, 0, 1)
        found = compare(result(before, per_group=per_group), result(after, per_group=per_group), level=level)
        alarms += any(each.verdict in ("regression", "improvement") for each in found)
    assert alarms <= stats.binom.ppf(0.999, worlds, level)


def test_cases_are_paired_by_id_and_not_by_place() -> None:
    before = result(draw(0.7, 100, 6))
    assert before.cases is not None
    turned = SuiteResult("suite", cases=before.cases.reverse())
    fewer = SuiteResult("suite", cases=before.cases.head(60))
    assert {each.verdict for each in compare(before, turned)} == {"same"}
    assert {each.n for each in compare(before, fewer) if not each.slice} == {60}


def test_measures_without_cases_are_compared_by_their_intervals() -> None:
    def measured(value: float) -> SuiteResult:
        return SuiteResult("suite", (Measure("AUROC", value, value - 0.02, value + 0.02, 500),))

    worse, near, equal = (compare(measured(0.9), measured(value))[0] for value in (0.8, 0.895, 0.9))
    assert (worse.verdict, near.verdict, equal.verdict) == ("regression", "unclear", "same")
    assert worse.low == pytest.approx(-0.1 - 0.02 * np.sqrt(2), abs=1e-6)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_groups_that_change_together_count_once() -> None:
    """Eight groups of fifty equal rows say as much as eight rows."""
    change = np.repeat([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0], 50)
    groups = np.repeat(np.arange(8), 50).tolist()
    by_hand = stats.ttest_1samp(change[::50], 0).pvalue
    assert cluster_p(change, groups) == pytest.approx(by_hand, rel=1e-9)
    assert cluster_p(np.ones(3), [1, 2, 3]) == 1.0
    assert cluster_p(np.ones(10), list(range(10))) == pytest.approx(2 * 0.5**10)


def test_the_direction_is_told_by_the_measure_then_by_the_name() -> None:
    assert direction("coverage", [Measure("coverage", 1, higher_is_better=None)]) is None
    assert [direction(name, []) for name in ("right", "cost_usd", "thing")] == [True, False, None]


def test_the_gate_reads_its_conditions() -> None:
    before = draw(0.9, 400, 7)
    found = compare(result(before), result(before & draw(0.95, 400, 8)))

    def failed(text: str) -> bool:
        return bool(failures(found, [parse_condition(text)]))

    assert failed("right<-0.02")
    assert failed("suite.right < -0.02")
    assert failed("regression")
    assert not failed("right<-0.2")
    assert not failed("right@model=one>0.001")
    with pytest.raises(InputError, match="did you mean 'right'"):
        failed("rigth<-0.02")
    with pytest.raises(InputError, match="expected"):
        parse_condition("right is worse")


def test_a_baseline_holds_figures_and_no_texts(tmp_path: Path) -> None:
    right = draw(0.8, 60, 9)
    full = result(right, p=np.random.default_rng(0).random(60))
    assert full.cases is not None
    texts = full.cases.with_columns(
        answer=pl.Series([f"a long answer in the data {number}" * 3 for number in range(60)])
    )
    assert "answer" not in bare_cases(texts).columns
    path = export(Part(SuiteResult("suite", (Measure("right", 0.8),), cases=texts), {}), {"seed": 0}, tmp_path)
    assert "a long answer" not in path.read_text(encoding="utf-8")
    again = load_results(path)["suite"]
    assert {each.verdict for each in compare(full, again) if each.value == "right"} == {"same"}
    assert load_results(tmp_path).keys() == {"suite"}


def test_a_run_folder_and_a_baseline_compare(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.save(Part(result(draw(0.8, 60, 9)), {}))
    export(folder.parts()[0], {}, tmp_path / "baselines")
    one, two = load_results(tmp_path / "run"), load_results(tmp_path / "baselines")
    found: tuple[Difference, ...] = compare(one["suite"], two["suite"])
    assert {each.verdict for each in found} == {"same"}


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither"):
        load_results(tmp_path)
    (tmp_path / "x.json").write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match="JSON object"):
        load_results(tmp_path / "x.json")
