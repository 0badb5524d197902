"""`hitl judge` by hand, and what doctor and stats say of judges."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hitl_core import Loop, Policy
from hitl_core.cli.main import run

POLICY = """
[judging]
tiers = [{{ judge = "cheap" }}, {{ judge = "dear" }}]
[judging.judges]
cheap = {{ kind = "recorded", recorded = "{path}" }}
dear = {{ model = "openai/none", api_key_env = "NO_SUCH_KEY_HERE" }}
"""


@pytest.fixture
def address(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database whose policy asks a recorded judge first, with two items that wait for it."""
    path = tmp_path / "verdicts.jsonl"
    line = {"judge": "cheap", "verdict": "reject", "p_correct": 0.02, "reason": "Another number."}
    path.write_text("\n".join(json.dumps(line | {"item_id": f"i{n}"}) for n in range(2)), encoding="utf-8")
    with Loop.open(database_url, Policy.from_toml(POLICY.format(path=path))) as loop:
        for n in range(2):
            loop.submit({"id": f"i{n}", "query": "q?", "output": "fine", "confidence": 0.7})
    monkeypatch.setenv("HITL_DATABASE_URL", database_url)
    return database_url


def test_judging_by_hand_says_what_the_judges_said(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["judge", "--item", "i0", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["item_id"], told["route"], told["verdicts"][0]["verdict"]) == ("i0", "sync_review", "reject")
    assert run(["judge", "--pending", "--limit", "5"]) == 0
    out = capsys.readouterr().out
    assert "cheap reject 0.02" in out
    assert "1 judged, 0 let go" in out


def test_judge_wants_to_know_which(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["judge"]) == 2
    assert run(["judge", "--item", "i0", "--pending"]) == 2
    assert run(["judge", "--item", "gone"]) == 2
    assert "no item 'gone'" in capsys.readouterr().err


def test_certify_without_labels_says_what_to_do(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["judge", "certify", "--judge", "cheap"]) == 2
    assert "review some of it first" in capsys.readouterr().err
    assert run(["judge", "certificates"]) == 0
    assert "only advise" in capsys.readouterr().out


def test_doctor_names_missing_keys_and_certificates(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(["doctor", "--json"])
    found = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert found["judge cheap"]["state"] == "ok"
    assert "NO_SUCH_KEY_HERE is not set" in found["judge dear"]["detail"]
    assert found["certificate cheap"]["state"] == "warning"
    assert run(["stats", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model_calls"] == {"calls": 0, "cost_usd": "0", "unknown_cost": 0}
