"""The suites cascade and committee: votes from recorded texts, replay through the real cascade, absent sets."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from evals.harness.cases import Dataset, dataset
from evals.suite import SuiteContext, dumps
from evals.suites import _ballots, _openqa, cascade, committee
from evals.suites._alike_by_embedding import alike_by_embedding
from evals.suites._telling_words import same_answers, telling_words
from hitl_core import embedding
from hitl_core.domain.errors import ModelUnavailableError

FOLDER = Path(__file__).parents[4] / "shared" / "data"
there = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no data sets at {FOLDER}")


def answers(questions: int = 60, seed: int = 0) -> Dataset:
    """Three judges of rising skill on two answers to each question."""
    draw = np.random.default_rng(seed)
    n = 2 * questions
    right = draw.random(n) < 0.5
    said = {name: right ^ (draw.random(n) > skill) for name, skill in (("d", 0.8), ("g", 0.9))}
    p = np.clip(np.where(right, 0.8, 0.2) + draw.normal(0, 0.25, n), 0.01, 0.99)
    words = {name: ["Yes, it is." if yes else "No." for yes in values] for name, values in said.items()}
    return dataset(
        "openqa_eval",
        pl.DataFrame(
            {
                "case_id": [f"c{at}" for at in range(n)],
                "group": [f"q{at // 2}" for at in range(n)],
                "label": right,
                "bem_prob": p,
                "bem_verdict": ["Yes" if each >= 0.5 else "No" for each in p],
                "davinci003_output": words["d"],
                "gpt4_output": words["g"],
            }
        ),
    )


@pytest.mark.parametrize(
    ("text", "vote"),
    [
        ("Yes, the candidate is correct.", "approve"),
        (" yes", "approve"),
        ("No.", "reject"),
        ("The candidate is partially correct.", "reject"),
        ("I cannot determine", "reject"),
        ("", "reject"),
        (None, "reject"),
    ],
)
def test_a_recorded_text_approves_only_if_it_begins_with_yes(text: str | None, vote: str) -> None:
    assert _openqa.read_judge_text(text) == vote


def test_a_silent_judge_counts_as_wrong_whatever_people_say() -> None:
    rows = pl.DataFrame({"right": [True, False, True], "bem": ["abstain", "abstain", "approve"]})
    assert (_openqa.as_labels(rows, "bem") == rows["right"].to_numpy()).tolist() == [False, False, True]


def test_replay_goes_through_the_cascade_and_costs_what_was_asked() -> None:
    rows = _openqa.judged(answers())
    judges = cascade.recorded_judges(rows)
    everything = cascade.replay(rows, [judges["bem"]], 0.0)
    assert everything.model_usd.tolist() == pytest.approx([float(cascade.PRICES["bem"])] * rows.height)
    point = cascade.replay(rows, [judges["bem"], judges["gpt4"]], 0.8)
    dearest = float(cascade.PRICES["bem"] + cascade.PRICES["gpt4"])
    assert set(np.round(point.model_usd, 6)) <= {float(cascade.PRICES["bem"]), round(dearest, 6)}
    assert set(point.ended) <= {"bem", "gpt4", "person"}
    assert [end == "person" for end in point.ended] == (~point.accepted).tolist()


def test_an_answers_probability_is_learned_on_other_questions_only() -> None:
    data = answers()
    before = cascade.recorded_judges(_openqa.judged(data))["bem"]
    flipped = data.frame.with_columns(label=pl.when(pl.col("group") == "q0").then(~pl.col("label")).otherwise("label"))
    after = cascade.recorded_judges(_openqa.judged(Dataset("openqa_eval", flipped)))["bem"]
    key = (cascade.PROJECT, "c0")
    assert before._verdicts[key] == after._verdicts[key]
    assert before.fingerprint != after.fingerprint


def test_the_summary_adds_people_to_the_cost() -> None:
    rows = _openqa.judged(answers())
    nothing = cascade.Point(
        ("bem",), 0.9, np.zeros(rows.height, bool), np.full(rows.height, 0.01), ("person",) * rows.height
    )
    summary = cascade.summarise([nothing], rows)
    first, people = summary.to_dicts()
    assert first["cost"] == pytest.approx(0.01 + cascade.PERSON_USD)
    assert (people["name"], people["quality"], people["cost"]) == ("people only", 1.0, cascade.PERSON_USD)
    assert min(cascade.PRICES.values()) > Decimal(0)


def test_unanimity_is_of_all_and_a_silence_is_no_agreement() -> None:
    votes = {"a": ["approve", "approve", "reject", "abstain"], "b": ["approve", "reject", "reject", "approve"]}
    ballots = _ballots.Ballots("x", list("1234"), list("1234"), np.array([True, True, False, True]), votes)
    approved, agreed = _ballots.unanimous(ballots)
    assert approved.tolist() == [True, False, False, False]
    assert agreed.tolist() == [True, False, True, False]
    assert _ballots.hits(np.array(votes["a"]), ballots.right).tolist() == [True, True, True, False]


def test_the_panel_is_measured_on_questions_it_has_not_seen() -> None:
    one = committee.compare(_ballots.openqa_ballots(answers(200)))
    seen = {f"q{n}" for n in range(200)} - set(one.test.group)
    assert one.panel.groups == len(seen)
    assert one.panel.rows + one.test.right.size == 400
    assert one.panel.best == "gpt4" or one.panel.best == "bem"


def test_answers_that_say_the_same() -> None:
    question = "when is the next deadpool movie being released"
    texts = ["May 18, 2018", "The next Deadpool movie was released on May 18, 2018.", "It is released in June 2019."]
    assert same_answers(question, texts).tolist() == [[True, True, False], [True, True, False], [False, False, True]]
    assert telling_words(question, texts[1]) == {"18", "2018"}  # "may" is a small word too
    assert same_answers(question, ["", "the movie"]).tolist() == [[False, False], [False, True]]


def test_answers_compared_by_embedding_stand_beside_those_compared_by_words(monkeypatch: pytest.MonkeyPatch) -> None:
    five = [
        {"case_id": f"q{at}:{system}", "group": f"q{at}", "query": "Capital?", "output": "Paris", "label": at != 1}
        | {"model": system, "improper": False}
        for at in range(3)
        for system in _ballots.SYSTEMS
    ]
    data = dataset("evouna", pl.DataFrame(five))
    alike = SimpleNamespace(encode=lambda texts: np.ones((len(texts), 4)))
    monkeypatch.setattr(embedding, "load_embedder", lambda: alike)
    ((table,), notes) = alike_by_embedding(data, 0)
    assert notes == ()
    assert [row[0] for row in table.rows][:2] == ["telling words", "cosine ≥ 0.6"]
    assert {row[1] for row in table.rows} == {"1.0000"}
    assert {row[2] for row in table.rows} == {"0.6667"}

    def absent() -> None:
        raise ModelUnavailableError("no weights")

    monkeypatch.setattr(embedding, "load_embedder", absent)
    assert alike_by_embedding(data, 0) == ((), ("skipped: answers compared by embedding: no weights",))


@pytest.mark.parametrize("suite", [cascade, committee])
def test_an_absent_set_is_a_note(suite: object, tmp_path: Path) -> None:
    for folder in (None, tmp_path):
        result = suite.run(SuiteContext(data=folder))  # type: ignore[attr-defined]
        assert result.measures == ()
        assert all(note.startswith("skipped:") for note in result.notes)
        assert result.notes


@pytest.mark.real_data
@there
@pytest.mark.parametrize("suite", [cascade, committee])
def test_a_few_questions_are_enough_to_run(suite: object) -> None:
    result = suite.run(SuiteContext(data=FOLDER, limit=90))  # type: ignore[attr-defined]
    dumps(result)
    assert result.cases is not None
    assert all(each.n > 0 for each in result.measures)
    assert {"case_id", "group"} <= set(result.cases.columns)
