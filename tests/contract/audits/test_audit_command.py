"""`hitl audit` on both databases."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hitl_core import Loop, Policy, Review
from hitl_core.cli.main import run


@pytest.fixture
def hitl(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command on the test's database; return its exit code."""
    monkeypatch.setenv("HITL_DATABASE_URL", database_url)
    return lambda *arguments: run(list(arguments))


def test_status_before_the_first_audit_says_what_is_missing(hitl: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert hitl("audit", "status") == 0
    assert "no audit yet" in capsys.readouterr().out
    assert hitl("audit", "status", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_tripped_breaker_is_shown_and_reset(hitl: Any, database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with Loop.open(database_url, Policy.from_toml("audit.rate = 1.0")) as loop:
        for number in range(12):
            loop.submit({"id": f"a{number}", "query": "q", "output": "o", "confidence": 0.99, "domain": "legal"})
            task = loop.queue.claim("ana")
            assert task is not None
            loop.queue.complete(task.token, Review(verdict="reject", reasons=["unsafe"]))
        assert loop.audit.check() == ["legal"]
    assert hitl("audit", "status") == 0
    assert "legal: nothing goes out by itself since" in capsys.readouterr().out
    assert hitl("audit", "status", "--json") == 0
    (state,) = json.loads(capsys.readouterr().out)
    assert (state["segment"], state["state"], state["sequence"]["n"]) == ("legal", "breached", 12)
    assert state["error"]["value"] is None, "its window has not closed yet"
    assert hitl("audit", "reset", "travel", "--reason", "why not") == 2
    assert "tripped: legal" in capsys.readouterr().err
    assert hitl("audit", "reset", "legal") == 2
    assert hitl("audit", "reset", "legal", "--reason", "repaired") == 0
    assert "policy version 3" in capsys.readouterr().out
