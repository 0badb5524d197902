"""Dawid and Skene's own numbers, and what holds for any votes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_core.agreement import dawid_skene, mace, majority_vote
from hitl_core.agreement.consensus import votes as reading
from hitl_core.domain.errors import InputError

# Dawid and Skene (1979), table 1: 45 patients; observer 1 three times, observers 2 to 5 once.
PATIENTS = """
1111111 3334334 1122122 2223121 2223222 2223322 1222111 3333433 2222223 2322223 4444444 2223343 1111111 2223212
1211111 1112111 1111111 1111111 2222221 2221322 2222222 2222221 2223222 2212222 1111111 1111111 2322222 1111111
1111111 1121121 1111111 3333233 1111111 2222222 2223232 4334343 2212232 2323233 3333432 1111111 1111111 1212111
2322222 1211111 2222222
"""


def votes(rows: list[str]) -> pl.DataFrame:
    """A digit a vote; the first three are observer 1's."""
    cells = [(task, "1112345"[column], int(label)) for task, row in enumerate(rows) for column, label in enumerate(row)]
    return pl.DataFrame(cells, schema=["task_id", "rater_id", "label"], orient="row")


def test_the_published_estimate() -> None:
    found = dawid_skene(votes(PATIENTS.split()).with_columns(pl.col("task_id") + 1))
    assert found.priors == pytest.approx([0.3996, 0.4220, 0.1118, 0.0667], abs=5e-5)
    rows = [[0.89, 0.11, 0, 0], [0.07, 0.88, 0.05, 0], [0, 0.34, 0.66, 0], [0, 0, 0.56, 0.44]]
    assert found.confusion["1"] == pytest.approx(np.array(rows), abs=5e-3)
    assert found.log_likelihood == pytest.approx(-192.8909, abs=5e-5)
    assert (found.iterations, found.converged) == (25, True)
    assert found.labels[3] == 2
    assert found.classes == (1, 2, 3, 4)
    assert found.raters == ("1", "2", "3", "4", "5")


def test_too_few_iterations_are_told() -> None:
    found = dawid_skene(votes(PATIENTS.split()), iterations=5)
    assert (found.iterations, found.converged) == (5, False)


def test_one_step_by_hand() -> None:
    # Shares (1, 0), (1/2, 1/2): priors 3/4, 1/4. Rater a said x, x; b said x, y.
    found = dawid_skene([["x", "x"], ["x", "y"]], iterations=1)
    assert found.priors == pytest.approx([0.75, 0.25])
    assert found.confusion[0] == pytest.approx(np.array([[1, 0], [1, 0]]))
    assert found.confusion[1] == pytest.approx(np.array([[2 / 3, 1 / 3], [0, 1]]))
    # Task 0: x .75 * 2/3 against 0. Task 1: x .75 * 1/3 = .25 against y .25 * 1.
    assert found.posterior == pytest.approx(np.array([[1, 0], [0.5, 0.5]]))
    assert found.log_likelihood == pytest.approx(math.log(0.5) + math.log(0.5))
    assert found.ties == (1,)
    assert found.labels == {0: "x", 1: "x"}


def test_good_raters_outvote_a_careless_majority() -> None:
    generator = np.random.default_rng(11)
    truth = generator.integers(0, 3, 2000)
    accuracy = (0.95, 0.9, 0.4, 0.4, 0.4)
    rows = np.column_stack(
        [np.where(generator.random(2000) < share, truth, generator.integers(0, 3, 2000)) for share in accuracy]
    )
    plain, fitted, knowing = (algorithm(rows) for algorithm in (majority_vote, dawid_skene, mace))
    right = [np.mean(np.array(list(found.labels.values())) == truth) for found in (plain, fitted, knowing)]
    assert right[1] > right[0] + 0.03
    assert right[2] > right[0] + 0.03
    for found in (fitted, knowing):
        assert found.converged
        order = [found.competence[rater] for rater in range(5)]
        assert order[0] > order[1] > max(order[2:])
    assert [knowing.competence[rater] for rater in range(5)] == pytest.approx(accuracy, abs=0.06)


def test_tasks_with_the_same_votes_are_one_task_many_times(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[int(each) for each in row] for row in PATIENTS.split()]
    compressed = dawid_skene(rows)
    monkeypatch.setattr(reading, "LARGEST_EXACT", 1)
    plain = dawid_skene(rows)
    assert plain.posterior == pytest.approx(compressed.posterior, abs=1e-9)
    assert plain.log_likelihood == pytest.approx(compressed.log_likelihood, abs=1e-9)
    assert plain.iterations == compressed.iterations


def test_smoothing_keeps_doubt() -> None:
    rows = [["x", "x", "y"], ["y", "y", "y"], ["x", "x", "x"]]
    sure, careful = dawid_skene(rows), dawid_skene(rows, smoothing=0.5)
    assert sure.posterior.max() == pytest.approx(1, abs=1e-6)
    assert careful.posterior.max() < 0.999
    assert careful.labels == sure.labels


def test_thousands_of_votes_do_not_underflow() -> None:
    frame = pl.DataFrame({"task_id": "t", "rater_id": [f"r{each}" for each in range(5000)], "label": ["x", "y"] * 2500})
    found = dawid_skene(frame, smoothing=0.1)
    assert np.isfinite(found.log_likelihood)
    assert found.posterior.sum() == pytest.approx(1)


cells = st.one_of(st.none(), st.integers(0, 2))
tables = st.integers(1, 4).flatmap(
    lambda raters: st.lists(st.lists(cells, min_size=raters, max_size=raters), min_size=1, max_size=10)
)
tables = tables.filter(lambda rows: any(cell is not None for row in rows for cell in row))


@pytest.mark.parametrize("algorithm", [majority_vote, dawid_skene, mace], ids=lambda each: each.__name__)
@settings(max_examples=40, deadline=None)
@given(rows=tables, data=st.data())
def test_order_and_names_do_not_matter(algorithm: Any, rows: list[list[Any]], data: st.DataObject) -> None:
    options = {} if algorithm is majority_vote else {"smoothing": 0.3, "iterations": 10}
    found = algorithm(rows, **options)
    assert found.tasks == tuple(index for index, row in enumerate(rows) if any(cell is not None for cell in row))
    assert found.posterior.sum(axis=1) == pytest.approx(np.ones(len(found.tasks)))
    assert found.posterior.min() >= 0
    assert found.priors.sum() == pytest.approx(1)
    assert set(found.labels.values()) <= set(found.classes)
    order = data.draw(st.permutations(range(len(rows))))
    moved = algorithm([rows[index] for index in order], **options)
    back = [moved.tasks.index(order.index(task)) for task in found.tasks]
    assert moved.posterior[back] == pytest.approx(found.posterior, abs=1e-9)
    names = data.draw(st.permutations(["approve", "edit", "reject"]))
    renamed = algorithm([[None if cell is None else names[cell] for cell in row] for row in rows], **options)
    columns = [renamed.classes.index(names[label]) for label in found.classes]
    assert renamed.posterior[:, columns] == pytest.approx(found.posterior, abs=1e-9)


@pytest.mark.parametrize("algorithm", [majority_vote, dawid_skene, mace])
def test_one_rater_is_repeated(algorithm: Any) -> None:
    found = algorithm([["x"], ["y"], ["x"]])
    assert found.labels == {0: "x", 1: "y", 2: "x"}
    assert found.converged


@pytest.mark.parametrize("algorithm", [majority_vote, dawid_skene, mace])
def test_one_class_is_certain(algorithm: Any) -> None:
    found = algorithm([["x", "x"], ["x", None]])
    assert found.posterior == pytest.approx(np.ones((2, 1)))
    assert found.ties == ()
    assert found.to_frame()["entropy"].to_list() == pytest.approx([0, 0])


@pytest.mark.parametrize("algorithm", [majority_vote, dawid_skene, mace])
def test_no_votes_are_refused(algorithm: Any) -> None:
    with pytest.raises(InputError, match="no label yet"):
        algorithm([[None, None]])
    with pytest.raises(InputError, match="lacks the columns"):
        algorithm(pl.DataFrame({"task_id": [1]}))
    with pytest.raises(InputError, match="array of tasks × raters"):
        algorithm([1, 2])


@pytest.mark.parametrize("option", [{"smoothing": -1}, {"iterations": 0}, {"tolerance": 0}])
def test_options_out_of_range_are_refused(option: dict[str, Any]) -> None:
    for algorithm in (dawid_skene, mace):
        with pytest.raises(InputError):
            algorithm([["x", "y"]], **option)
