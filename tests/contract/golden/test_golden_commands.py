"""`hitl golden …` and `hitl few-shot` on both databases."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hitl_core.cli.main import run

Hitl = Callable[..., str]


@pytest.fixture
def hitl(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Hitl:
    """Run a command that succeeds, and return what it printed."""
    monkeypatch.setenv("HITL_DATABASE_URL", database_url)
    monkeypatch.setenv("HITL_INDEX_DIR", str(tmp_path / "index"))
    monkeypatch.chdir(tmp_path)

    def _hitl(*arguments: str) -> str:
        assert run(arguments) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return _hitl


@pytest.fixture
def refund(hitl: Hitl) -> str:
    return hitl("golden", "add", "--query", "When is a refund due?", "--output", "=30 days", "--domain", "shop").strip()


def test_what_was_added_is_found_by_a_similar_question(hitl: Hitl, refund: str) -> None:
    [shot] = json.loads(hitl("few-shot", "refund due after a return", "-k", "4", "--json"))
    assert (shot["example"]["id"], shot["example"]["output"], shot["method"]) == (refund, "=30 days", "words")
    assert 0 < shot["similarity"] <= 1
    assert json.loads(hitl("few-shot", "refund", "--domain", "law", "--json")) == []
    assert refund in hitl("few-shot", "refund")


def test_list_search_and_retire(hitl: Hitl, refund: str) -> None:
    assert [row["id"] for row in json.loads(hitl("golden", "list", "--json"))] == [refund]
    assert [row["example"]["id"] for row in json.loads(hitl("golden", "search", "30 DAYS", "--json"))] == [refund]
    hitl("golden", "retire", refund, "--reason", "the law changed")
    assert json.loads(hitl("golden", "list", "--json")) == []
    assert json.loads(hitl("few-shot", "refund", "--json")) == []
    assert f"{refund} (retired)" in hitl("golden", "list", "--all")


def test_an_exported_cell_is_not_a_formula(hitl: Hitl, refund: str, tmp_path: Path) -> None:
    hitl("golden", "export", "out.csv")
    [row] = csv.DictReader((tmp_path / "out.csv").read_text().splitlines())
    assert (row["id"], row["output"]) == (refund, "'=30 days")
    hitl("golden", "retire", refund)
    hitl("golden", "export", "out.jsonl")
    assert (tmp_path / "out.jsonl").read_text() == ""
    hitl("golden", "export", "out.jsonl", "--all")
    assert json.loads((tmp_path / "out.jsonl").read_text())["status"] == "retired"


@pytest.mark.parametrize(
    "arguments",
    [("golden", "retire", "unknown"), ("few-shot", " "), ("golden", "add", "--query", "a", "--output", " ")],
)
def test_bad_input_is_one_line_and_code_2(
    hitl: Hitl, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run(arguments) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
