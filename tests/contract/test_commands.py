"""Commands that read or change a database, on both."""

from __future__ import annotations

import json
import socket
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hitl_core import Loop
from hitl_core.cli import demo
from hitl_core.cli.main import run
from hitl_core.domain.records import Reviewer
from hitl_core.loop.demo import load_demo_project

POLICY = """
name = "strict"
[[rules]]
id = "law"
when = {field = "domain", eq = "legal"}
route = "manual"
expertise = "legal"
"""


@pytest.fixture
def hitl(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("HITL_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: run([str(argument) for argument in arguments])


def test_a_policy_is_checked_published_listed_and_shown(
    hitl: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policy.toml").write_text(POLICY, encoding="utf-8")
    assert hitl("policy", "check", "policy.toml") == 0
    assert "'strict'; auto_approve at 0.95" in capsys.readouterr().out
    assert hitl("policy", "publish", "policy.toml", "--reason", "lawyers asked", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"version": 2}
    assert hitl("policy", "list", "--json") == 0
    assert [(row["version"], row["reason"]) for row in json.loads(capsys.readouterr().out)] == [
        (2, "lawyers asked"),
        (1, "built-in default"),
    ]
    assert hitl("policy", "show", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["version"], shown["policy"]["name"]) == (2, "strict")
    assert hitl("policy", "publish", "policy.toml", "--reason", " ") == 2


def test_stats_count_and_doctor_warns_of_expertise_nobody_has(
    hitl: Any, loop: Loop, submit: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policy.toml").write_text(POLICY, encoding="utf-8")
    loop.publish(tmp_path / "policy.toml", reason="test")
    submit("a", domain="legal")
    submit("b")
    assert hitl("stats", "--json") == 0
    stats = json.loads(capsys.readouterr().out)
    assert (stats["items"], stats["routes"], stats["reviews"]) == (2, {"manual": 1, "sync_review": 1}, {})
    assert [(row["stage"], row["expertise"], row["pending"]) for row in stats["open"]] == [
        ("human", "", 1),
        ("human", "legal", 1),
    ]
    for known, state in ((False, "warning"), (True, "ok")):
        if known:
            assert hitl("reviewer", "add", "lea", "--expertise", "legal") == 0
            capsys.readouterr()
        assert hitl("doctor", "--json") == 0
        found = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
        assert found["expertise"]["state"] == state
        assert found["worker"]["state"] == "warning"
    assert loop.reviewers() == [Reviewer(name="lea", expertise=("legal",))]


def test_submit_reads_one_object(
    hitl: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO('{"id": "a", "query": "q", "output": "o", "confidence": 0.7}'))
    assert hitl("submit", "--json") == 0
    assert json.loads(capsys.readouterr().out)["route"] == "sync_review"
    monkeypatch.setattr("sys.stdin", io.StringIO('{"query": "q", "outputs": "o"}'))
    assert hitl("submit") == 2
    assert "did you mean 'output'" in capsys.readouterr().err


def test_doctor_reports_a_database_that_is_away(hitl: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.db").write_bytes(b"not a database, " * 100)
    assert hitl("--database", f"sqlite:///{tmp_path / 'broken.db'}", "doctor", "--json") == 1
    found = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert found["database"]["state"] == "problem"


def test_an_interrupted_load_of_the_demo_starts_over_in_its_own_database_only(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "_STILL_SECONDS", 0.0)
    monkeypatch.setattr("hitl_core.loop.demo.load_demo_project", partial(load_demo_project, outputs=200))
    monkeypatch.delenv("HITL_DATABASE_URL", raising=False)

    def interrupted(done: int, _total: int) -> None:
        if done >= 3:
            raise KeyboardInterrupt

    for url in (demo.OWN_URL, database_url):
        (tmp_path / "data/local").mkdir(parents=True, exist_ok=True)
        with pytest.raises(KeyboardInterrupt):
            load_demo_project(url, outputs=200, on_progress=interrupted)
    assert run(["demo", "--load-only"]) == 0
    assert "interrupted; starting over" in capsys.readouterr().err
    assert run(["--database", database_url, "demo", "--load-only"]) == 2
    assert "loaded only in part" in capsys.readouterr().err


def test_doctor_misses_a_model_folder_that_is_not_there(
    hitl: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HITL_EMBEDDING_MODEL", str(tmp_path / "gone"))
    assert hitl("doctor") == 1
    assert "is not there; examples are found by words only" in capsys.readouterr().out


def test_a_taken_port_stops_the_demo_before_it_loads(hitl: Any, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert hitl("demo", "--port", taken.getsockname()[1]) == 2
    assert not (tmp_path / "data").exists()


def test_the_demo_project_loads_once_and_leaves_work(database_url: str, tmp_path: Path) -> None:
    report = load_demo_project(database_url, outputs=600)
    assert (report.waiting, report.judged, report.disputed) == (26, 26, 1)
    assert report.reviewed > 200
    assert load_demo_project(database_url).submitted == 0
    with Loop.open(database_url) as loop:
        counts = loop.counts()
        assert {row["stage"]: row["pending"] for row in counts.waiting} == {"human": 26, "adjudicate": 1}
        assert counts.totals["items"] == report.submitted
        assert counts.totals["golden"] > 20
        lines = loop.latest_reviews(limit=1000)
        assert len(lines) == report.reviewed
        assert all(line.review.reviewer.endswith("(synthetic)") for line in lines)
        attacked = loop.story("demo-101")
        assert attacked.decision.needs_human
        assert "judge:committee:flagged:injection" in attacked.decision.reasons
        assert all(each.recorded and not each.accepted for each in loop.judges.verdicts("demo-101"))
        task = loop.queue.claim("newcomer")
        assert task is not None
        assert "synthetic" not in task.item.metadata
