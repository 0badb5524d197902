from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hitl_core.domain.errors import InputError
from hitl_core.integrations.writers import neutralised, write_rows

COLUMNS: dict[str, type] = {"text": str, "number": float, "nested": list, "flag": bool}
ROWS: list[dict[str, Any]] = [
    {"text": "plain", "number": -1.5, "nested": [{"a": 1}], "flag": True},
    {"text": None, "number": None, "nested": [], "flag": False},
]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_cells_that_a_spreadsheet_would_run_get_an_apostrophe(start: str) -> None:
    assert neutralised(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize("cell", ["1+1", "'=1", "", -5, -0.5, None, True])
def test_other_cells_stay_as_they_are(cell: Any) -> None:
    assert neutralised(cell) is cell


def test_csv_neutralises_every_text_cell_and_no_number(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    write_rows(target, [{"text": "=cmd|' /C calc'!A0\nline", "number": -2.0, "nested": ["=x"], "flag": None}], COLUMNS)
    with target.open(encoding="utf-8", newline="") as stream:
        assert list(csv.reader(stream)) == [
            ["text", "number", "nested", "flag"],
            ["'=cmd|' /C calc'!A0\nline", "-2.0", '["=x"]', ""],
        ]


def test_jsonl_and_parquet_hold_the_same_rows(tmp_path: Path) -> None:
    assert write_rows(tmp_path / "a.jsonl", ROWS, COLUMNS) == 2
    assert write_rows(tmp_path / "a.parquet", ROWS, COLUMNS) == 2
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == ROWS
    flat = [row | {"nested": json.dumps(row["nested"])} for row in ROWS]
    assert pl.read_parquet(tmp_path / "a.parquet").to_dicts() == flat


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_a_failure_half_way_leaves_the_old_file_and_no_other(tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"a.{ending}"
    target.write_text("old", encoding="utf-8")

    def broken() -> Iterator[dict[str, Any]]:
        yield ROWS[0]
        raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError):
        write_rows(target, broken(), COLUMNS)
    assert target.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_standard_output_gets_jsonl(capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(None, ROWS[:1], COLUMNS)
    assert json.loads(capsys.readouterr().out) == ROWS[0]


@pytest.mark.parametrize("name", ["a.json", "a.docx", "missing/a.csv"])
def test_a_target_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        write_rows(tmp_path / name, ROWS, COLUMNS)
