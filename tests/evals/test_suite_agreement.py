"""The agreement suite: ties and silence by hand, without data, and on the real sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evals.suite import SuiteContext
from evals.suites import _raters, agreement
from evals.suites._thresholds import folds_of
from hitl_core.agreement import majority_vote

DATA = Path(__file__).parents[3] / "shared" / "data"


def made(n: int = 400, seed: int = 0) -> _raters.Panel:
    """Two good raters who err apart, and two bad ones who copy each other."""
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.5
    good = [np.where(rng.random(n) < 0.9, truth, ~truth) for _ in range(3)]
    bad = np.where(rng.random(n) < 0.55, truth, ~truth)
    flips = rng.random(n) < 0.05
    votes = {f"good {k}": each for k, each in enumerate(good)} | {"bad 1": bad, "bad 2": np.where(flips, ~bad, bad)}
    words = {rater: np.where(each, "approve", "reject").tolist() for rater, each in votes.items()}
    ids = [str(number) for number in range(n)]
    return _raters.Panel("made", ids, ids, np.where(truth, "approve", "reject").tolist(), words)


def test_without_data_it_says_what_was_skipped() -> None:
    result = agreement.run(SuiteContext())
    assert result.measures == ()
    assert result.tables == ()
    assert result.cases is None
    assert len(result.notes) == len(agreement.SETS)
    assert all(note.startswith("skipped:") for note in result.notes)


def test_ties_count_by_lot_and_silence_is_a_miss() -> None:
    votes = {"a": ["x", "x", None, None], "b": ["x", "y", "y", None]}
    panel = _raters.Panel("four", list("1234"), list("1234"), ["x", "x", "x", "x"], votes)
    found = majority_vote(_raters.long(panel, ["a", "b"]))
    assert _raters.credit(found, panel.truth).tolist() == [1.0, 0.5, 0.0, 0.0]
    assert _raters.rater_credits(panel)["a"].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert _raters.credit(found, ["z", "y", "y", "x"]).tolist() == [0.0, 0.5, 1.0, 0.0]


def test_differences_are_paired_and_the_best_rater_is_named() -> None:
    one = agreement.settle([made(), made(seed=1)])
    found = {each.name: each for each in agreement.measures_of(one, 0)}
    accuracy = {name: found[f"accuracy: {name}"].value for name in one.credits}
    assert one.raters.startswith("good")
    for method in ("Dawid-Skene", "MACE"):
        gain = found[f"{method} - majority"]
        assert gain.value == pytest.approx(accuracy[method] - accuracy["majority"])
        assert gain.low is not None
        assert gain.low <= gain.value
        assert gain.n == 800
    assert "CROWDLAB" not in accuracy


def test_a_judge_with_a_probability_is_heard() -> None:
    panel = made()
    truth = np.array(panel.truth) == "approve"
    sure = np.where(truth, 0.99, 0.01)
    two = {rater: panel.votes[rater] for rater in ("good 0", "good 1")}
    heard = panel._replace(votes=two, judge=_raters._judge(sure, "approve"), heard=tuple(two))
    found = _raters.credits_of(heard)
    assert found["majority"].mean() == pytest.approx(0.9, abs=0.03)  # the two differ on a fifth: decided by lot
    assert found["CROWDLAB"].mean() > found["majority"].mean() + 0.05


def test_calibration_never_learns_from_the_group_it_is_for() -> None:
    groups = [f"g{number // 10}" for number in range(200)]
    fold = folds_of(groups, 0)
    right = np.isin(fold, [0])
    found = _raters.calibrated(np.full(200, 0.5), right, groups, 0)
    # The fold that is all right is told by the four that are all wrong.
    assert found[fold == 0] == pytest.approx(0.0, abs=0.02)
    assert found[fold != 0] == pytest.approx(0.25, abs=0.02)


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason="the real sets are not here")
def test_published_agreement_comes_out_and_every_figure_has_its_interval() -> None:
    result = agreement.run(SuiteContext(data=DATA))
    assert not result.notes
    found = {(each.slice, each.name): each for each in result.measures}
    for one, other, known in (("1", "2", 0.852), ("1", "3", 0.879), ("2", "3", 0.862)):
        kappa = found["set=pandalm", f"kappa: annotator{one} with annotator{other}"]
        assert kappa.value == pytest.approx(known, abs=5e-4)
        assert kappa.n == 999
    assert found["set=openqa_eval", "kappa: two annotators"].value == pytest.approx(0.735, abs=5e-4)
    assert found["set=ds_anesthesia", "Dawid-Skene log-likelihood"].value == pytest.approx(-192.8909, abs=5e-5)
    again = {(row[0], row[1]): row[2:4] for row in result.tables[1].rows}
    assert again["pandalm", "majority labels 0, 1, 2"] == ("105, 422, 472", "105, 422, 472")
    assert again["ds_anesthesia", "label of patient 3"] == ("2", "2")
    for each in result.measures:
        assert each.n > 0
        if each.name.startswith("accuracy") or " - " in each.name:
            assert each.low is not None
            assert each.high is not None
            assert each.low <= each.value <= each.high
    gain = found["set=pandalm", "Dawid-Skene - majority"]
    assert gain.low is not None
    assert gain.low > 0
