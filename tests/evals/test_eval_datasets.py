"""The adapters read every real set, and say which is not there."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from evals import datasets
from evals.harness.cases import SCHEMA
from hitl_core.domain.errors import InputError

FOLDER = Path(__file__).parents[3] / "shared" / "data"
there = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no data sets at {FOLDER}")

# Cases, groups, share of good outputs; as the sets' own descriptions give them.
KNOWN = {
    "defacto": (1745, 1744, 505 / 1745),
    "ds_anesthesia": (45, 45, None),
    "evouna": (12660, 2532, None),
    "expertqa_answers": (329, 329, 258 / 328),
    "expertqa_claims": (1898, 329, 1069 / 1810),
    "halueval_general": (3090, 3090, None),
    "mlqe_pe": (24000, 22735, None),
    "openqa_eval": (1490, 301, 816 / 1490),
    "pandalm": (999, None, None),
    "summedits": (3028, 103, 1065 / 3028),
}


@pytest.mark.real_data
@there
@pytest.mark.parametrize("name", datasets.names())
def test_every_set_has_one_shape(name: str) -> None:
    data = datasets.load_set(name, FOLDER)
    cases, groups, good = KNOWN[name]
    assert data.n == cases
    assert groups is None or data.groups == groups
    assert good is None or data.frame["label"].mean() == pytest.approx(good)
    assert data.frame.columns[: len(SCHEMA)] == list(SCHEMA)
    assert data.source
    assert next(data.cases()).id == data.frame["case_id"][0]


@pytest.mark.real_data
@there
def test_majority_of_the_raters_of_pandalm() -> None:
    counts = datasets.load_set("pandalm", FOLDER).frame["majority"].value_counts()
    assert dict(counts.drop_nulls().iter_rows()) == {0: 105, 1: 422, 2: 472}


@pytest.mark.real_data
@there
def test_evidence_of_a_claim_is_a_list_of_passages() -> None:
    frame = datasets.load_set("expertqa_claims", FOLDER).frame
    assert frame["context"].list.len().max() > 0  # type: ignore[operator]
    assert frame.filter(pl.col("domain") == "").is_empty()


def test_an_absent_set_is_a_note(tmp_path: Path) -> None:
    found, notes = datasets.load_sets(["pandalm", "evouna"], tmp_path)
    assert found == {}
    assert [note.startswith("skipped: ") for note in notes] == [True, True]
    assert datasets.load_sets(["pandalm"], None)[1][0].startswith("skipped: pandalm: no data folder")


def test_an_unknown_set_names_the_near_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'pandalm'"):
        datasets.load_set("pandlm", tmp_path)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = datasets.path_of("openqa_eval", tmp_path)
    path.parent.mkdir()
    path.write_bytes(b"not parquet")
    with pytest.raises(InputError, match="cannot be read as the set openqa_eval"):
        datasets.load_set("openqa_eval", tmp_path)
