"""Judges and cascades of a policy, measured on an own file."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from evals.__main__ import main
from evals.running import judges
from hitl_core.judging.calling.model_room import ModelRoom
from hitl_core.judging.scripted import ScriptedModel

POLICY = """
[judging.judges.quick]
kind = "recorded"
recorded = "{verdicts}"
[judging.judges.slow]
kind = "recorded"
recorded = "{verdicts}"
[judging.judges.live]
model = "openai/scripted"
[[judging.tiers]]
judge = "quick"
accept_at = 0.9
[[judging.tiers]]
judge = "slow"
accept_at = 0.6
"""


@pytest.fixture
def asked(tmp_path: Path) -> list[str]:
    """The arguments of a run over twelve answers; a third is wrong, the quick judge is sure of every second."""
    rows = [{"id": f"c{n}", "query": f"q{n}", "output": f"a{n}", "label": bool(n % 3)} for n in range(12)]
    lines = [
        {
            "item_id": f"c{n}",
            "judge": judge,
            "verdict": "approve" if n % 3 else "reject",
            "p_correct": sure,
            "cost_usd": cost,
        }
        for n in range(12)
        for judge, sure, cost in (("quick", 0.95 if n % 2 else 0.7, "0.01"), ("slow", 0.8, "0.10"))
    ]
    for line in lines:
        if line["verdict"] == "reject":
            line["p_correct"] = 0.2
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (tmp_path / "verdicts.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    policy = tmp_path / "p.toml"
    policy.write_text(POLICY.format(verdicts=(tmp_path / "verdicts.jsonl").as_posix()), encoding="utf-8")
    files = ["--dataset", str(tmp_path / "mine.jsonl"), "--policy", str(policy)]
    return ["run", *files, "--report", str(tmp_path / "out"), "--json"]


def measures(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    part = json.loads(capsys.readouterr().out)["parts"][0]
    return {each["name"]: each["value"] for each in part["measures"]} | {"notes": part["notes"]}


def test_one_judge_is_measured(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*asked, "--target", "judge", "--option", "judge=quick", "--option", "accept_at=0.9"]) == 0
    found = measures(capsys)
    # Right are c1 c2 c4 c5 c7 c8 c10 c11; the judge is sure of those with an odd number.
    assert found["coverage"] == pytest.approx(4 / 12)
    assert found["wrong among accepted"] == 0
    assert "cost: 0.12 USD" in found["notes"]  # type: ignore[operator]


def test_a_cascade_is_measured_with_its_cost(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*asked, "--target", "cascade"]) == 0
    found = measures(capsys)
    assert found["coverage"] == pytest.approx(8 / 12)
    assert found["label"] == 1


def test_a_cascade_stops_at_the_cost_cap(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*asked, "--target", "cascade", "--max-cost-usd", "0.25"]) == 0
    part = json.loads(capsys.readouterr().out)["parts"][0]
    assert "stopped at the cost cap" in part["stopped"]


def test_a_live_judge_is_asked_once_for_each_case(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ScriptedModel("not what was asked for", model="openai/scripted")
    monkeypatch.setattr(judges, "ModelRoom", partial(ModelRoom, adapter=lambda judge: model))
    run = [*asked, "--target", "judge", "--option", "judge=live"]
    assert main(run) == 0
    assert measures(capsys)["coverage"] == 0
    calls = len(model.calls)
    assert calls >= 12
    assert (tmp_path / "out" / "calls.db").is_file()
    assert main([*run, "--fresh"]) == 0
    assert len(model.calls) == calls


def test_an_unknown_judge_names_the_near_one(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*asked, "--target", "judge", "--option", "judge=quik"]) == 2
    assert "did you mean 'quick'" in capsys.readouterr().err
