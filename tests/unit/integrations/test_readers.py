from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hitl_core.domain.errors import InputError
from hitl_core.integrations.lines import numbered_lines
from hitl_core.integrations.readers import open_source
from hitl_core.integrations.rows import Row


def read(path: Path, data: bytes) -> list[Row]:
    path.write_bytes(data)
    return list(open_source(path).rows())


def test_jsonl_counts_physical_lines_and_skips_empty_ones(tmp_path: Path) -> None:
    rows = read(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"a": 1}\r\n\n  \r\n{"a": 2}\n{"a": "\xe2\x80\xa8"}')
    assert [(row.line, row.values) for row in rows] == [(1, {"a": 1}), (4, {"a": 2}), (5, {"a": "\u2028"})]
    assert rows[-1].position == (tmp_path / "a.jsonl").stat().st_size


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "is not JSON: expecting property name"),
        (b"[" * 100_000, "nested too deeply"),
        (b"7", "is a JSON number; expected an object"),
        (b'{"a": "\xff"}', "not valid UTF-8: byte 0xff at position 7"),
        (b'{"a": ' + b"1" * 5000 + b"}", "is not usable JSON"),
    ],
)
def test_a_bad_line_is_one_refused_row_between_good_ones(tmp_path: Path, line: bytes, reason: str) -> None:
    first, bad, last = read(tmp_path / "a.jsonl", b'{"a": 1}\n' + line + b'\n{"a": 2}\n')
    assert (first.values, last.values) == ({"a": 1}, {"a": 2})
    assert (bad.line, bad.values) == (2, None)
    assert reason in bad.problem


def test_an_endless_line_is_skipped_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"first\n" + b"x" * 5000 + b"\nlast\n")
    lines = list(numbered_lines(path, max_bytes=100))
    assert [(line.number, line.text[:5], bool(line.problem)) for line in lines] == [
        (1, "first", False),
        (2, "xxxxx", True),
        (3, "last", False),
    ]
    assert lines[1].position == 6 + 5001


def test_csv_keeps_quoted_line_ends_and_reports_where_a_record_starts(tmp_path: Path) -> None:
    rows = read(tmp_path / "a.csv", b'a,b\r\n1,"x\r\ny"\r\n\r\n2,\xff\r\n3,"tail" junk\r\n4,5,6\r\n7,8\r\n')
    assert [(row.line, row.values) for row in rows if row.values] == [
        (2, {"a": "1", "b": "x\r\ny"}),
        (8, {"a": "7", "b": "8"}),
    ]
    refused = {row.line: row.problem for row in rows if row.values is None}
    assert set(refused) == {5, 6, 7}
    assert "not valid UTF-8" in refused[5]
    assert "not valid CSV" in refused[6]
    assert refused[7] == "has 3 fields, the header has 2"


@pytest.mark.parametrize(("name", "data"), [("a.csv", b"a;b\n1;2\n"), ("a.tsv", b"a\tb\n1\t2\n")])
def test_the_delimiter_is_told_from_the_header(tmp_path: Path, name: str, data: bytes) -> None:
    assert [row.values for row in read(tmp_path / name, data)] == [{"a": "1", "b": "2"}]


def test_parquet_rows_are_python_values_with_row_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    frame = pl.DataFrame({"n": [1, None], "list": [["x"], []], "struct": [{"k": 1.5}, {"k": None}]})
    frame.write_parquet(path, row_group_size=1)
    source = open_source(path)
    assert (source.columns, source.total) == (("n", "list", "struct"), 2)
    assert [(row.line, row.values) for row in source.rows()] == [
        (1, {"n": 1, "list": ["x"], "struct": {"k": 1.5}}),
        (2, {"n": None, "list": [], "struct": {"k": None}}),
    ]


def test_a_json_array_is_read_element_by_element(tmp_path: Path) -> None:
    good, bad = read(tmp_path / "a.json", b'[{"a": 1}, 2]')
    assert (good.line, good.values) == (1, {"a": 1})
    assert "expected an object" in bad.problem


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.xlsx", b"", "cannot tell the format"),
        ("a.parquet", b"not parquet at all", "cannot be read as Parquet"),
        ("a.csv", b"", "is empty; expected a header line"),
        ("a.csv", b"a,a\n", "the column 'a' appears twice"),
        ("a.jsonl", "{}".encode("utf-16"), "is UTF-16"),
        ("a.json", b"{}", "holds a JSON object; expected an array"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_line(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=message) as caught:
        open_source(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        open_source(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="is a folder"):
        open_source(tmp_path, "csv")
