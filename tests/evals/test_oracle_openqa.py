"""OpenQA-eval: the known agreement of people, BEM, davinci-003 and GPT-4 comes out of our readers and statistics."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from evals import datasets
from evals.harness.cases import Dataset
from evals.suites import _openqa

FOLDER = Path(__file__).parents[3] / "shared" / "data"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no data sets at {FOLDER}"),
]


@pytest.fixture(scope="module")
def data() -> Dataset:
    return datasets.load_set(_openqa.SET, FOLDER)


@pytest.fixture(scope="module")
def rows(data: Dataset) -> pl.DataFrame:
    return _openqa.judged(data)


def test_people(data: Dataset) -> None:
    agree, kappa, both = _openqa.human_agreement(data)
    assert (round(agree, 4), round(kappa, 3), both) == (0.8685, 0.735, 1483)


@pytest.mark.parametrize(
    ("judge", "accuracy", "kappa"), [("bem", 0.8054, 0.614), ("davinci003", 0.8356, 0.671), ("gpt4", 0.8483, 0.696)]
)
def test_each_judge(rows: pl.DataFrame, judge: str, accuracy: float, kappa: float) -> None:
    found = _openqa.accuracy_and_kappa(rows, judge)
    assert (round(found[0], 4), round(found[1], 3), rows.height) == (accuracy, kappa, 1490)


def test_two_judges_together(rows: pl.DataFrame) -> None:
    agree, there, elsewhere = _openqa.pair_accuracy(rows, "davinci003", "gpt4")
    assert (round(agree, 3), round(there, 4), round(elsewhere, 4)) == (0.889, 0.8845, 0.5576)


def test_reading_only_a_first_word_and_calling_an_empty_reply_wrong_gives_less(data: Dataset) -> None:
    replies = data.frame.filter(pl.col("gpt4_output").is_not_null())
    said = [_openqa.read_judge_text(text) == "approve" for text in replies["gpt4_output"]]
    hits = sum(a == b for a, b in zip(said, replies["label"], strict=True))
    assert round(hits / 1490, 4) == 0.8477


def test_calibration_error_of_bem_on_half_splits(rows: pl.DataFrame) -> None:
    raw, _ = _openqa.bem_calibration_error(rows)
    assert raw == pytest.approx(0.129, abs=0.0015)


@pytest.mark.parametrize("method", ["venn_abers", "isotonic", "beta"])
def test_calibration_error_after_recalibrating(rows: pl.DataFrame, method: str) -> None:
    error, _ = _openqa.bem_calibration_error(rows, method, splits=20)  # type: ignore[arg-type]
    assert error == pytest.approx(0.040, abs=0.005)
