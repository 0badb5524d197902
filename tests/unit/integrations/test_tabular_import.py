from __future__ import annotations

import json
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest

from hitl_core.domain.records import Item
from hitl_core.integrations.readers import open_source
from hitl_core.integrations.tabular import RejectedRows, Submitted, import_rows, plan_columns


def accept(items: Sequence[Item]) -> Submitted:
    return Submitted(["manual"] * len(items))


def write(path: Path, rows: int) -> Path:
    with path.open("w", encoding="utf-8") as stream:
        for number in range(rows):
            stream.write(json.dumps({"id": str(number), "query": "q" * 50, "output": "o" * 500}) + "\n")
    return path


def test_refusals_of_the_store_are_reported_by_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"query": "q", "output": "1"}\n\nbroken\n{"query": "q", "output": "2"}\n', encoding="utf-8")
    source = open_source(path)
    side_file = tmp_path / "bad.jsonl"

    def refuse_last(items: Sequence[Item]) -> Submitted:
        return Submitted(["manual"] * (len(items) - 1), [(len(items) - 1, "not today")])

    with RejectedRows(side_file) as rejected:
        report = import_rows(source, plan_columns(source, {}, {}, rest=False), refuse_last, rejected)
    assert (report.read, report.accepted, report.rejected, report.routes) == (3, 1, 2, {"manual": 1})
    rows = [json.loads(line) for line in side_file.read_text(encoding="utf-8").splitlines()]
    assert [row["line"] for row in rows] == [3, 4]
    assert rows[0]["row"] == "broken"
    assert rows[1] == {"line": 4, "reason": "not today", "row": {"query": "q", "output": "2"}}


def test_batches_have_the_asked_size_and_progress_ends_at_the_total(tmp_path: Path) -> None:
    source = open_source(write(tmp_path / "a.jsonl", 25))
    sizes: list[int] = []
    seen: list[int] = []

    def count(items: Sequence[Item]) -> Submitted:
        sizes.append(len(items))
        return accept(items)

    columns = plan_columns(source, {}, {}, rest=False)
    import_rows(source, columns, count, RejectedRows(None), batch=10, on_progress=seen.append)
    assert sizes == [10, 10, 5]
    assert seen[-1] == source.total
    assert seen == sorted(seen)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for rows in (2_000, 10_000):
        source = open_source(write(tmp_path / f"{rows}.jsonl", rows))
        columns = plan_columns(source, {}, {}, rest=False)
        tracemalloc.start()
        import_rows(source, columns, accept, RejectedRows(None), batch=200)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]


@pytest.mark.parametrize("replace", [True, False])
def test_only_our_own_old_side_file_is_removed(tmp_path: Path, replace: bool) -> None:
    old = tmp_path / "old.jsonl"
    old.write_text("kept?", encoding="utf-8")
    with RejectedRows(old, replace=replace):
        pass
    assert old.exists() is not replace


def test_a_file_without_one_readable_row_refuses_each(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\x89PNG\n\x00\n")
    source = open_source(path)
    report = import_rows(source, plan_columns(source, {}, {}, rest=False), accept, RejectedRows(None))
    assert (report.read, report.accepted, report.rejected) == (2, 0, 2)


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n\n")
    source = open_source(path)
    assert import_rows(source, plan_columns(source, {}, {}, rest=False), accept, RejectedRows(None)).read == 0
