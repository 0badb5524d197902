"""A consensus that hears a judge, and the tables that say what each rater does."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from hitl_core.agreement import (
    cohen_kappa,
    crowdlab,
    judge_against_people,
    majority_vote,
    rater_confusion,
    rater_table,
)
from hitl_core.domain.errors import InputError
from hitl_core.stats import wilson


def judged(p: list[float | None], label: str = "yes") -> pl.DataFrame:
    return pl.DataFrame({"task_id": range(len(p)), "label": label, "p": p})


def crowd(size: int, seed: int) -> tuple[np.ndarray, list[list[str | None]], pl.DataFrame]:
    """A world of two sloppy votes a task and a calibrated judge."""
    generator = np.random.default_rng(seed)
    p = generator.beta(0.5, 0.5, size)
    truth = generator.random(size) < p
    right = generator.random((size, 4)) < np.array([0.9, 0.75, 0.6, 0.6])
    rows = np.where(right == truth[:, None], "yes", "no").astype(object)
    hidden = np.argsort(generator.random((size, 4)), axis=1) < 2
    rows[hidden] = None
    return truth, rows.tolist(), judged(p.tolist())


def test_a_calibrated_judge_improves_on_two_votes() -> None:
    truth, rows, judge = crowd(3000, seed=4)
    said = np.where(truth, "yes", "no")
    heard, alone = (np.array(list(found.labels.values())) for found in (crowdlab(rows, judge), majority_vote(rows)))
    assert np.mean(heard == said) > np.mean(alone == said) + 0.05
    assert np.mean(heard == said) > np.mean((judge["p"].to_numpy() > 0.5) == truth)


def test_raters_and_judge_are_weighed_by_their_agreement() -> None:
    _, rows, judge = crowd(3000, seed=4)
    found = crowdlab(rows, judge)
    order = [found.competence[rater] for rater in range(4)]
    assert min(order[:2]) > max(order[2:])
    assert 0.6 < found.judge_competence < 0.9
    noise = crowdlab(rows, judge.with_columns(p=pl.col("p").shuffle(seed=1)))
    assert noise.judge_competence < 0.6
    # A judge that agrees no more than by chance leaves undisputed votes alone.
    plain = majority_vote(rows)
    clear = [index for index, task in enumerate(plain.tasks) if task not in set(plain.ties)]
    assert [found for index, found in enumerate(noise.labels.values()) if index in set(clear[:200])] == [
        label for index, label in enumerate(plain.labels.values()) if index in set(clear[:200])
    ]


def test_tasks_without_a_judge_keep_the_votes() -> None:
    rows = [["yes", "yes"], ["no", "no"], ["yes", "no"], ["no", "no"]]
    found = crowdlab(rows, judged([0.9, 0.2, 0.8, None]))
    assert found.labels == {0: "yes", 1: "no", 2: "yes", 3: "no"}
    assert found.posterior.sum(axis=1) == pytest.approx(np.ones(4))
    unheard = crowdlab(rows, judged([]).cast({"task_id": pl.Int64, "p": pl.Float64}))
    assert unheard.labels == majority_vote(rows).labels


def test_probabilities_are_checked() -> None:
    rows = [["yes", "no"]]
    with pytest.raises(InputError, match="probability in"):
        crowdlab(rows, judged([1.2]))
    with pytest.raises(InputError, match="'maybe'"):
        crowdlab(rows, judged([0.5], label="maybe"))
    with pytest.raises(InputError, match="lacks the columns p"):
        crowdlab(rows, judged([0.5]).drop("p"))


def test_confusion_by_hand() -> None:
    votes: list[list[str | None]] = [["a", "a"], ["a", "b"], ["b", "b"], ["a", None], ["b", "b"]]
    truth = {0: "a", 1: "a", 2: "b", 3: "c", 4: None}
    found = rater_confusion(votes, truth)
    first = found.filter(pl.col("rater_id") == 0, pl.col("truth") == "a", pl.col("label") == "a").row(0, named=True)
    assert (first["count"], first["n"], first["share"]) == (2, 2, 1.0)
    assert (first["low"], first["high"]) == pytest.approx(wilson(2, 2))
    second = found.filter(pl.col("rater_id") == 1, pl.col("truth") == "a")
    assert dict(second.select("label", "count").iter_rows()) == {"a": 1, "b": 1, "c": 0}
    assert found.filter(pl.col("truth") == "c")["rater_id"].unique().to_list() == [0]


def test_the_raters_table_by_hand() -> None:
    votes: list[list[str | None]] = [["a", "a", "b"], ["a", "b", None], ["b", "b", None], [None, None, "a"]]
    found = rater_table(votes, {0: "a", 1: "b", 2: "b"})
    assert found["labels"].to_list() == [3, 3, 2]
    assert found["count"].to_list() == [2, 3, 0]
    assert found["n"].to_list() == [3, 3, 1]
    assert found["share"].to_list() == pytest.approx([2 / 3, 1, 0])
    assert found["peers"].to_list() == pytest.approx([2 / 4, 2 / 4, 0])
    assert found["peer_pairs"].to_list() == [4, 4, 2]


def test_a_rater_is_no_peer_of_oneself() -> None:
    frame = pl.DataFrame({"task_id": [1, 1, 1], "rater_id": ["x", "x", "y"], "label": ["a", "a", "b"]})
    found = rater_table(frame, majority_vote(frame))
    assert found["peers"].to_list() == [0, 0]
    assert found["peer_pairs"].to_list() == [2, 2]
    alone = rater_table(frame.head(2), majority_vote(frame))
    assert alone["peers"].to_list() == [None]


def test_a_judge_against_people() -> None:
    people = ["yes"] * 10 + ["no"] * 5 + [None]
    judge = ["yes"] * 8 + ["no"] * 2 + ["no"] * 4 + ["yes"] + ["yes"]
    found = judge_against_people(people, judge, positive="yes")
    assert (found.tpr, found.tnr, found.positives, found.negatives) == (0.8, 0.8, 10, 5)
    assert found.tpr_interval == wilson(8, 10)
    assert found.tnr_interval == wilson(4, 5)
    assert found.kappa == cohen_kappa(people, judge)
    none = judge_against_people(["no", "no"], ["yes", "no"], positive="yes")
    assert math.isnan(none.tpr)
    assert none.tpr_interval == (0, 1)
    with pytest.raises(InputError, match="positive label 'Yes'"):
        judge_against_people(people, judge, positive="Yes")
