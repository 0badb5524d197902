"""The scorer suite: on a small made-up set by hand, without data, and on the real sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evals.harness.cases import dataset
from evals.suite import SuiteContext
from evals.suites import scorer
from hitl_core.stats.ranking import ranking_auroc

DATA = Path(__file__).parents[4] / "shared" / "data"


def test_without_data_it_says_what_was_skipped() -> None:
    result = scorer.run(SuiteContext())
    assert result.measures == ()
    assert result.cases is None
    assert len(result.notes) == len(scorer.SETS)
    assert all(note.startswith("skipped:") for note in result.notes)


def test_the_mean_place_is_the_area() -> None:
    rng = np.random.default_rng(0)
    right = rng.uniform(size=80) < 0.4
    scores = np.round(right + rng.normal(size=80), 1)
    placed = scorer._placed(scores, right)
    assert placed[right].mean() == pytest.approx(ranking_auroc(scores, right))
    assert placed[~right].mean() == pytest.approx(ranking_auroc(scores, right))


def made(n: int = 80) -> scorer.Measured:
    rows = [
        {
            "case_id": f"c{number}",
            "group": f"g{number // 2}",
            "query": "When?",
            "context": ["The tower was opened in 1889 by the mayor."],
            "output": "It was opened in 1889." if number % 2 else f"It burnt down in {1900 + number}.",
            "label": bool(number % 2) if number else None,
        }
        for number in range(n)
    ]
    return scorer.measured(dataset("made", pl.DataFrame(rows), source="made", grouped_by="group"))


def test_cases_without_a_label_are_left_out_and_the_rest_is_ranked() -> None:
    part = made()
    assert len(part.right) == 79
    scores, signal = scorer.scores_of(part, [made()], 0)
    assert signal
    for name in scorer.METHODS:
        assert ranking_auroc(scores[name], part.right) > 0.95, name


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason="the real sets are not here")
def test_on_real_sets_it_beats_chance_at_home_and_every_figure_has_its_interval() -> None:
    result = scorer.run(SuiteContext(data=DATA, limit=250))
    assert result.cases is not None
    assert not result.notes
    for each in result.measures:
        assert each.n > 0
        if each.name.startswith("AUROC"):
            assert each.baseline
            assert each.low is not None
            assert each.high is not None
            assert each.low <= each.value <= each.high
    fitted = {each.slice: each for each in result.measures if each.name.startswith("AUROC fitted on the set")}
    assert fitted["set=defacto"].low is not None
    assert fitted["set=defacto"].low > 0.5
