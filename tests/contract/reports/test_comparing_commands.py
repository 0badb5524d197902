"""`hitl policy diff` and `hitl policy what-if`, on both databases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hitl_core import Loop
from hitl_core.cli.main import run

NEW = """
name = "new"
threshold = 0.75
[[overrides]]
when = {domain = "law"}
thresholds = {auto_approve = 0.99}
"""


@pytest.fixture
def hitl(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, loop: Loop) -> Any:
    monkeypatch.setenv("HITL_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new.toml").write_text(NEW, encoding="utf-8")
    rows = [
        {"id": f"i{k}", "query": "q", "output": "o", "confidence": 0.85, "domain": "law" if k % 2 else "it"}
        for k in range(6)
    ]
    loop.submit_many(rows)
    return lambda *arguments: run([str(argument) for argument in arguments])


def test_a_diff_names_thresholds_overrides_and_versions(hitl: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert hitl("policy", "diff", "1", "new.toml") == 0
    shown = capsys.readouterr().out
    assert "thresholds.auto_approve: 0.95 -> 0.75" in shown
    assert "overrides[domain=law]: (none) ->" in shown
    assert hitl("policy", "publish", "new.toml", "--reason", "try") == 0
    capsys.readouterr()
    assert hitl("policy", "diff", "new.toml", "2", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"before": "new.toml", "after": "2", "differences": []}
    assert hitl("policy", "diff", "2", "2") == 0
    assert capsys.readouterr().out == "2 and 2 do the same\n"


def test_a_what_if_says_what_changes_and_names_what_moves(hitl: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert hitl("policy", "what-if", "new.toml", "--last", "all", "--limit-items", "2") == 0
    shown, told = capsys.readouterr()
    assert "new (new.toml): 6 outputs" in shown
    assert "3 outputs would go another way, 2 listed" in shown
    assert "i0" in shown
    assert "decisions in" in told
    assert hitl("policy", "what-if", "new.toml", "--last", "all", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["outputs"], found["moved"]) == (6, 3)
    assert {each["item_id"] for each in found["items"]} == {"i0", "i2", "i4"}
    assert found["review_rate_change"]["value"] == pytest.approx(-0.5)
    assert found["escaped_after"] == {"value": None, "low": 0.0, "high": 3.0, "n": 0}
    assert hitl("policy", "what-if", "1", "--last", "all", "--json") == 0
    assert json.loads(capsys.readouterr().out)["moved"] == 0


def test_with_nothing_decided_it_says_what_to_do(hitl: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert hitl("policy", "what-if", "new.toml", "--project", "none", "--last", "all") == 0
    assert "try a longer one with --last" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("diff", "1", "7"), "policy version 7 was never published"),
        (("diff", "nowhere.toml", "1"), "there is no such file"),
        (("what-if", "nowhere.toml"), "there is no such file"),
        (("what-if", "9"), "policy version 9 was never published"),
        (("what-if", "new.toml", "--last", "soon"), "30d"),
        (("what-if", "new.toml", "--limit-items", "-1"), "--limit-items"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(
    hitl: Any, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    assert hitl("policy", *arguments) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
