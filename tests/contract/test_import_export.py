from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hitl_core import Item, Loop, Review
from hitl_core.cli.main import run
from hitl_core.domain.clock import ManualClock
from tests.hostile_corpus import HostileRow, write_hostile_jsonl


@pytest.fixture
def hitl(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Run a command on the test's database and return its exit code."""
    monkeypatch.setenv("HITL_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: run([str(argument) for argument in arguments])


def rejected_lines(path: Path) -> dict[int, dict[str, Any]]:
    return {row["line"]: row for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())}


def test_each_hostile_row_lands_as_it_is_or_says_why_not(hitl: Any, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "hostile.jsonl"
    rows = write_hostile_jsonl(file)
    assert hitl("import", file, "--batch", 7) == 1
    refused = rejected_lines(tmp_path / "hostile.jsonl.rejected.jsonl")
    expected = {2 * index + 1: row.refused for index, row in enumerate(rows) if row.refused}
    assert set(refused) == set(expected)
    wrong = {
        line: refused[line]["reason"] for line, part in expected.items() if part and part not in refused[line]["reason"]
    }
    assert not wrong
    with Loop.open(database_url) as loop:
        for row in rows:
            if row.item is not None:
                _assert_stored(loop, row)


def _assert_stored(loop: Loop, row: HostileRow) -> None:
    assert row.item is not None
    story = loop.story(row.name, project=row.item["project"])
    sent = Item.model_validate(row.item)
    confidence = sent.confidence
    if confidence is not None and not math.isfinite(confidence):
        assert story.decision.needs_human
        assert story.item.confidence is None
        sent = sent.model_copy(update={"confidence": None})
    assert story.item.content() == sent.content()


def test_a_hostile_file_never_shows_a_traceback_nor_terminal_codes(
    hitl: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_hostile_jsonl(tmp_path / "hostile.jsonl")
    hitl("import", "hostile.jsonl")
    shown = capsys.readouterr()
    assert "Traceback" not in shown.out + shown.err
    assert "\x1b" not in shown.out + shown.err
    assert "line " in shown.err


def test_a_dry_run_refuses_the_same_rows_and_writes_nothing(
    hitl: Any, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = write_hostile_jsonl(tmp_path / "hostile.jsonl")
    assert hitl("import", "hostile.jsonl", "--dry-run", "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert report["rejected"] == sum(row.refused is not None for row in rows)
    assert report["accepted"] == sum(row.refused is None for row in rows)
    assert sum(report["routes"].values()) == report["accepted"]
    assert not (tmp_path / "hostile.jsonl.rejected.jsonl").exists()
    with Loop.open(database_url) as loop:
        assert loop.latest() == []


def test_importing_again_adds_nothing(hitl: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "answers.csv"
    file.write_text('question,answer\nwhat?,that\n"who, me?","yes\nyou"\n', encoding="utf-8")
    for repeated in (0, 2):
        assert hitl("import", file, "--map", "query=question,output=answer", "--json") == 0
        report = json.loads(capsys.readouterr().out)
        assert (report["accepted"], report["repeated"]) == (2, repeated)
    assert hitl("stats", "--json") == 0
    assert json.loads(capsys.readouterr().out)["items"] == 2


def test_the_same_id_with_other_content_is_refused_with_its_line(hitl: Any, tmp_path: Path) -> None:
    file = tmp_path / "twice.jsonl"
    rows = [{"id": "a", "query": "q", "output": text} for text in ("one", "one", "two")]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert hitl("import", file) == 1
    refused = rejected_lines(tmp_path / "twice.jsonl.rejected.jsonl")
    assert set(refused) == {3}
    assert "with other content" in refused[3]["reason"]
    assert refused[3]["row"] == rows[2]


def test_parquet_lists_structs_and_numbers_become_items(hitl: Any, database_url: str, tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "nr": [1, 2],
            "question": ["q1", "q2"],
            "answer": ["a1", "a2"],
            "evidence": [[{"text": "p", "url": "http://example.test", "score": 0.5}], []],
            "p": [0.99, float("nan")],
            "extra": [[1.5, 2.5], None],
        }
    )
    frame.write_parquet(tmp_path / "rag.parquet")
    mapped = "id=nr,query=question,output=answer,context=evidence,confidence=p"
    assert hitl("import", "rag.parquet", "--map", mapped, "--set", "project=rag", "--rest", "metadata") == 0
    with Loop.open(database_url) as loop:
        first, second = (loop.story(name, project="rag") for name in ("1", "2"))
    assert [passage.model_dump() for passage in first.item.context] == [
        {"text": "p", "source": "http://example.test", "title": "", "retrieval_score": 0.5}
    ]
    assert first.item.metadata == {"extra": [1.5, 2.5]}
    assert second.item.context == ()
    assert second.decision.needs_human


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_items_survive_export_and_import(hitl: Any, loop: Loop, tmp_path: Path, ending: str) -> None:
    sent = Item(
        id="full",
        project="round",
        query="q",
        context=[{"text": "p1", "source": "s"}, {"text": "p2"}],
        output='o, "quoted"\nline',
        confidence=0.7,
        inputs={"income": 5},
        metadata={"a": {"b": [1]}},
    )
    loop.submit(sent)
    assert hitl("export", "items", f"out.{ending}", "--project", "round") == 0
    assert hitl("import", f"out.{ending}", "--map", "project=", "--set", "project=again") == 0
    copy = loop.story("full", project="again").item
    assert copy.content() == sent.content() | {"project": "again"}


def test_reviews_export_what_was_decided_and_neutralise_formulas(
    hitl: Any, loop: Loop, clock: ManualClock, submit: Any, tmp_path: Path
) -> None:
    submit("one", output="wrong")
    task = loop.queue.claim("ana")
    assert task is not None
    review = Review(verdict="edit", output="=1+1", reasons=("wrong_fact",), comment="@home", active_seconds=2.5)
    loop.queue.complete(task.token, review)
    assert hitl("export", "reviews", "r.csv") == 0
    row = pl.read_csv(tmp_path / "r.csv").row(0, named=True)
    assert (row["output"], row["comment"], row["model_output"]) == ("'=1+1", "'@home", "wrong")
    assert (row["reviewer"], row["verdict"], row["reasons"], row["active_seconds"]) == (
        "ana",
        "edit",
        '["wrong_fact"]',
        2.5,
    )
    assert hitl("export", "reviews", "r.jsonl") == 0
    assert json.loads((tmp_path / "r.jsonl").read_text())["output"] == "=1+1"
    assert hitl("export", "golden", "g.parquet") == 0
    assert pl.read_parquet(tmp_path / "g.parquet")["output"].to_list() == ["=1+1"]
    assert hitl("export", "reviews", "none.jsonl", "--since", "2026-03-02") == 0
    assert (tmp_path / "none.jsonl").read_text() == ""


def test_exports_page_through_more_rows_than_fit_one_page(hitl: Any, loop: Loop, tmp_path: Path) -> None:
    loop.submit_many({"id": str(number), "query": "q", "output": "o"} for number in range(2001))
    assert hitl("export", "decisions", "d.parquet") == 0
    frame = pl.read_parquet(tmp_path / "d.parquet")
    assert sorted(map(int, frame["item_id"])) == list(range(2001))
    assert set(frame["policy_version"]) == {1}
