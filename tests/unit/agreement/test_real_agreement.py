"""Published agreement of real judgements; skipped where the data is absent."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from hitl_core.agreement import cohen_kappa, dawid_skene, majority_vote, pairwise_kappa, percent_agreement

DATA = Path(__file__).parents[4] / "shared" / "data"
pytestmark = pytest.mark.real_data


def read(name: str) -> pl.DataFrame:
    if not (DATA / name).exists():
        pytest.skip(f"the data is not beside the project: {DATA / name}")
    return pl.read_csv(DATA / name) if name.endswith("csv") else pl.read_parquet(DATA / name)


def test_open_question_answers() -> None:
    data = read("openqa_eval/nq301.parquet")
    people = data.select("annotator1", "annotator2")
    kappa = cohen_kappa(people["annotator1"], people["annotator2"])
    assert kappa.n == 1483
    assert kappa.value == pytest.approx(0.735, abs=5e-4)
    assert kappa.low < 0.735 < kappa.high
    assert percent_agreement(people.to_numpy()).value == pytest.approx(0.8685, abs=5e-5)


def test_preferences_of_three_annotators() -> None:
    annotators = read("pandalm/testset_v1.parquet").select("annotator1", "annotator2", "annotator3")
    pairs = pairwise_kappa(annotators.to_numpy())
    assert sorted(pairs["kappa"].to_list()) == pytest.approx([0.852, 0.862, 0.879], abs=5e-4)
    assert pairs["kappa"].to_list() == pytest.approx([0.852, 0.879, 0.862], abs=5e-4)
    majority = majority_vote(annotators.to_numpy())
    assert Counter(majority.labels.values()) == {0: 105, 1: 422, 2: 472}
    assert majority.ties == ()


def test_the_anaesthetists() -> None:
    wide = read("ds_anesthesia.csv")
    votes = wide.unpivot(index="patient", variable_name="occasion", value_name="label")
    found = dawid_skene(votes.select(task_id="patient", rater_id=pl.col("occasion").str.slice(1, 1), label="label"))
    assert found.log_likelihood == pytest.approx(-192.8909, abs=5e-5)
    assert found.iterations == 25
