"""Ratings come as arrays, lists and the long frame, and mean the same in each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from hitl_core.agreement import (
    bootstrap_agreement,
    cohen_kappa,
    conger_kappa,
    dawid_skene,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
    pairwise_kappa,
    read_ratings,
)
from hitl_core.domain.errors import InputError
from tests.unit.agreement.agreement_cases import FOUR_RATERS


def long(rows: list[list[Any]]) -> pl.DataFrame:
    cells = [
        (f"t{unit:02d}", f"r{rater}", "human", label, datetime(2026, 1, 1, tzinfo=UTC))
        for unit, row in enumerate(rows)
        for rater, label in enumerate(row)
    ]
    return pl.DataFrame(cells, schema=["task_id", "rater_id", "rater_kind", "label", "created_at"], orient="row")


@pytest.mark.parametrize("coefficient", [gwet_ac1, fleiss_kappa, conger_kappa, krippendorff_alpha])
def test_every_form_means_the_same(coefficient: Any) -> None:
    expected = coefficient(FOUR_RATERS)
    numbers = np.array([[np.nan if cell is None else cell for cell in row] for row in FOUR_RATERS], dtype=float)
    texts = [[None if cell is None else str(cell) for cell in row] for row in FOUR_RATERS]
    frame = long(FOUR_RATERS)
    shuffled = frame.sample(fraction=1, shuffle=True, seed=1)
    for form in (numbers, np.array(FOUR_RATERS, dtype=object), texts, frame, shuffled, frame.drop("created_at")):
        found = coefficient(form)
        assert (found.value, found.se, found.n) == pytest.approx((expected.value, expected.se, expected.n), abs=1e-12)


def test_the_last_label_of_a_rater_counts() -> None:
    frame = long([["a", "a"], ["b", "b"], ["a", "b"]])
    later = frame.tail(1).with_columns(label=pl.lit("a"), created_at=pl.lit(datetime(2026, 1, 2, tzinfo=UTC)))
    for together in (pl.concat([frame, later]), pl.concat([later, frame])):
        assert fleiss_kappa(together).value == pytest.approx(1)


def test_numbers_written_as_texts_are_in_their_order() -> None:
    assert read_ratings([["10", "9"], ["2", "10"]]).categories == ("2", "9", "10")
    assert krippendorff_alpha([["10", "9"], ["2", "2"]], level="interval").value == pytest.approx(
        krippendorff_alpha([[10, 9], [2, 2]], level="interval").value
    )


def test_words_have_no_order_of_their_own() -> None:
    rows = [["poor", "good"], ["fair", "fair"], ["good", "good"], ["poor", "fair"]]
    with pytest.raises(InputError, match="categories="):
        krippendorff_alpha(rows, level="ordinal")
    with pytest.raises(InputError, match="categories="):
        gwet_ac1(rows, weights="linear")
    with pytest.raises(InputError, match="needs numbers; got the label 'fair'"):
        krippendorff_alpha(rows, level="interval")
    named = krippendorff_alpha(rows, level="ordinal", categories=("poor", "fair", "good"))
    assert named.value == pytest.approx(krippendorff_alpha([[1, 3], [2, 2], [3, 3], [1, 2]], level="ordinal").value)


def test_a_scale_value_that_nobody_used_can_be_named() -> None:
    a, b = [1, 5, 1, 5], [1, 5, 5, 4]
    narrow, full = cohen_kappa(a, b, weights="linear"), cohen_kappa(a, b, weights="linear", categories=range(1, 6))
    assert narrow.observed == pytest.approx(1 - (2 / 2 + 1 / 2) / 4)
    assert full.observed == pytest.approx(1 - (4 / 4 + 1 / 4) / 4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1, 2, 3], "two dimensions"),
        ([[1, 2], [1]], "equal length"),
        ([[1, [2]], [1, 2]], "label must be"),
        (pl.DataFrame({"task": ["a"], "label": ["b"]}), "lacks the columns task_id, rater_id"),
        (long([["a"], ["b"]]), "at least two raters"),
        (long([["a", "b"]]).clear(), "at least two raters"),
    ],
)
def test_what_is_no_table_of_ratings_is_refused(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fleiss_kappa(given)


def test_mistakes_are_named() -> None:
    with pytest.raises(InputError, match="did you mean 'approve'"):
        gwet_ac1([["aprove", "reject"]], categories=("approve", "reject"))
    with pytest.raises(InputError, match="twice"):
        gwet_ac1([["a", "a"]], categories=("a", "a"))
    with pytest.raises(InputError, match="got 2 and 3"):
        cohen_kappa([1, 2], [1, 2, 3])
    with pytest.raises(InputError, match="identity, linear, quadratic"):
        cohen_kappa([1, 2], [1, 2], weights="cubic")
    with pytest.raises(InputError, match=r"shape \(2, 2\)"):
        cohen_kappa([1, 2], [1, 2], weights=np.eye(3))
    with pytest.raises(InputError, match="symmetric"):
        cohen_kappa([1, 2], [1, 2], weights=[[1.0, 0.0], [0.5, 1.0]])
    with pytest.raises(InputError, match="nominal, ordinal"):
        krippendorff_alpha([[1, 2]], level="cardinal")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="from 0"):
        krippendorff_alpha([[-1, 2], [1, 1]], level="ratio")
    with pytest.raises(InputError, match="between 0 and 1"):
        fleiss_kappa([[1, 2]], confidence=95)
    with pytest.raises(InputError, match="keep_raters"):
        conger_kappa(read_ratings(long([["a", "b"]])))


def test_many_raters_and_labels_need_no_common_number() -> None:
    # 30 raters × 9 labels do not fit 64 bits; the answer is that of the plain formula.
    generator = np.random.default_rng(0)
    wide = generator.integers(0, 9, (40, 30))
    counts = np.array([np.bincount(row, minlength=9) for row in wide])
    share = counts.sum(axis=0) / counts.sum()
    observed = ((counts * (counts - 1)).sum(axis=1) / (30 * 29)).mean()
    expected = share @ share
    assert fleiss_kappa(wide).value == pytest.approx((observed - expected) / (1 - expected), abs=1e-12)


def test_each_pair_of_raters() -> None:
    found = pairwise_kappa(long(FOUR_RATERS))
    assert found.select("rater_a", "rater_b").row(1) == ("r0", "r2")
    columns = list(zip(*FOUR_RATERS, strict=True))
    for row, (a, b) in zip(found.iter_rows(named=True), [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)], strict=True):
        single = cohen_kappa(columns[a], columns[b])
        assert (row["kappa"], row["se"], row["n"]) == pytest.approx((single.value, single.se, single.n), abs=1e-12)


def test_a_pair_that_never_met_has_no_kappa() -> None:
    found = pairwise_kappa([["a", "b", None], ["a", None, "a"]])
    assert found["n"].to_list() == [1, 1, 0]
    assert found["kappa"].to_list()[2] is None


@pytest.mark.parametrize("coefficient", [fleiss_kappa, gwet_ac1, conger_kappa, krippendorff_alpha])
def test_the_bootstrap_agrees_with_the_analytic_interval(coefficient: Any) -> None:
    generator = np.random.default_rng(5)
    truth = generator.integers(0, 3, (300, 1))
    rows = np.where(generator.random((300, 3)) < 0.75, truth, generator.integers(0, 3, (300, 3)))
    analytic = coefficient(rows)
    drawn = bootstrap_agreement(coefficient, rows, replicates=400)
    assert (drawn.value, drawn.n) == (analytic.value, analytic.n)
    assert drawn.se == pytest.approx(analytic.se, rel=0.15)
    assert (drawn.low, drawn.high) == pytest.approx((analytic.low, analytic.high), abs=0.02)
    assert drawn.method.endswith("bootstrap")
    assert drawn == bootstrap_agreement(coefficient, rows, replicates=400)


def test_the_long_frame_may_be_of_pandas_lazy_or_a_mapping() -> None:
    """A frame of pandas was read as an array whose columns are raters, and gave an agreement of -.1 without a word."""
    pandas = pytest.importorskip("pandas")
    frame = long(FOUR_RATERS)
    expected = krippendorff_alpha(frame)
    columns = frame.select("task_id", "rater_id", "label").to_dict(as_series=False)
    with_holes = {name: [*values, *values[:1]] for name, values in columns.items()}
    with_holes["rater_id"][-1], with_holes["label"][-1] = "r9", None
    for given in (pandas.DataFrame(columns), pandas.DataFrame(with_holes), frame.lazy(), columns):
        found = krippendorff_alpha(given)
        assert found.value == pytest.approx(expected.value)
        assert found.n == expected.n
        assert dawid_skene(given).labels == dawid_skene(frame).labels


@pytest.mark.parametrize("label", [[1], {"a": 1}])
def test_labels_that_hold_several_values_are_refused(label: Any) -> None:
    frame = pl.DataFrame({"task_id": ["1", "1"], "rater_id": ["a", "b"], "label": [label, label]})
    for function in (krippendorff_alpha, dawid_skene):
        with pytest.raises(InputError, match="a label must be"):
            function(frame)


@pytest.mark.parametrize("given", [None, 0.5, "abc"])
def test_labels_of_one_rater_that_are_no_row_are_refused(given: Any) -> None:
    with pytest.raises(InputError, match="one row of values"):
        cohen_kappa(given, given)
