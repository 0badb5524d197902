"""`hitl stats`: figures with n and interval, by group, as text and JSON; periods that are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hitl_core import Decision, Loop, Review
from hitl_core.cli.main import run
from hitl_core.reports.definitions import DEFINITIONS

Submit = Callable[..., Decision]


@pytest.fixture
def hitl(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("HITL_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: run([str(argument) for argument in arguments])


@pytest.fixture
def reviewed(loop: Loop, submit: Submit) -> Loop:
    submit("a", domain="legal")
    submit("b", confidence=0.99)
    task = loop.queue.claim("ana")
    assert task is not None
    loop.queue.complete(task.token, Review(verdict="reject", reasons=("wrong_fact",), active_seconds=40))
    return loop


def test_json_has_every_figure_with_n_interval_and_target(
    hitl: Any, reviewed: Loop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hitl("stats", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    rows = {row["metric"]: row for row in found["figures"]}
    assert rows["human_review_rate"] == {
        "group": "all", "metric": "human_review_rate", "value": 0.5, "n": 2, "numerator": 1.0, "denominator": 2.0,
        "low": pytest.approx(0.0945, abs=1e-4), "high": pytest.approx(0.9055, abs=1e-4),
        "target": 0.1, "better": "lower", "unit": "",
    }  # fmt: skip
    assert rows["correction_rate"]["value"] == 0.5
    assert (rows["review_seconds_median"]["value"], rows["review_seconds_median"]["unit"]) == (40, "s")
    assert [row["kind"] for row in found["changes"]] == ["policy"]
    assert found["gains"] == []
    assert set(rows) <= {each.name for each in DEFINITIONS}


def test_text_has_a_line_for_each_figure(hitl: Any, reviewed: Loop, capsys: pytest.CaptureFixture[str]) -> None:
    assert hitl("stats") == 0
    printed = capsys.readouterr().out
    [line] = [line for line in printed.splitlines() if line.startswith("Human review rate")]
    assert line.split() == "Human review rate 50.0% 9.5% to 90.5% 2 under 10.0%".split()
    assert "policy 1" in printed


def test_groups_are_those_asked_for(hitl: Any, reviewed: Loop, capsys: pytest.CaptureFixture[str]) -> None:
    assert hitl("stats", "--by", "domain", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["figures"]
    assert {row["group"] for row in rows} == {"legal", "(none)"}
    assert hitl("stats", "--by", "week") == 0
    assert "2026-02-23  Outputs" in capsys.readouterr().out  # the Monday of the loop's clock
    assert hitl("stats", "--project", "nobody's", "--json") == 0
    assert json.loads(capsys.readouterr().out)["figures"] == []


def test_an_empty_database_and_an_empty_period_say_so(
    hitl: Any, loop: Loop, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in ((), ("--since", "30d", "--by", "month"), ("--since", "2031-01-01")):
        assert hitl("stats", *arguments) == 0
        assert "figures: none in this time" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--since", "30 days"), "--since '30 days'"),
        (("--since", "999999w"), "--since '999999w'"),
        (("--since", ""), "--since ''"),
        (("--by", "weak"), "did you mean 'week'"),
    ],
)
def test_what_is_no_period_ends_with_one_line(
    hitl: Any, loop: Loop, arguments: tuple[str, str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hitl("stats", *arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert says in printed.err
    assert len(printed.err.splitlines()) == 1
