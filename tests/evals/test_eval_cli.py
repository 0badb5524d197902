"""`python -m evals`: an own file from end to end, gates by exit code, one clear line for bad input."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from evals import suites
from evals.__main__ import main
from evals.suite import Measure, SuiteContext, SuiteResult

CALLS: list[SuiteContext] = []


def suite(rights: list[bool]) -> Any:
    def run(context: SuiteContext) -> SuiteResult:
        CALLS.append(context)
        rows = [{"case_id": f"c{place}", "group": f"g{place}", "right": right} for place, right in enumerate(rights)]
        return SuiteResult("toy", (Measure("right", 0.5, 0.4, 0.6, 4),), cases=pl.DataFrame(rows), notes=("a note",))

    return SimpleNamespace(NAME="toy", DESCRIPTION="a toy", SETS=("pandalm",), run=run)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    CALLS.clear()
    use(monkeypatch, [True, False] * 30)


def use(monkeypatch: pytest.MonkeyPatch, rights: list[bool]) -> None:
    made = suite(rights)
    monkeypatch.setattr(suites, "names", lambda: ("toy",))
    real = suites.find
    monkeypatch.setattr(suites, "find", lambda name: made if name == "toy" else real(name))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    lines = ["ticket,question,answer,ok,judge"]
    lines += [f"t{n},q {n},a {n},{'yes' if n % 3 else 'no'},{0.9 if n % 3 else 0.2}" for n in range(30)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


MAP = "id=ticket,query=question,output=answer,label=ok"


def test_an_own_file_runs_without_code(own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    asked = ["run", "--dataset", str(own), "--map", MAP, "--target", "recorded", "--option", "column=judge"]
    assert main([*asked, "--report", str(out)]) == 0
    said = capsys.readouterr().out
    assert "wrong among accepted" in said
    assert (out / "report.html").is_file()
    body = json.loads((out / "report.json").read_text(encoding="utf-8"))
    found = {each["name"]: each["value"] for each in body["suites"][0]["measures"]}
    assert found["label"] == 1
    assert found["coverage"] == pytest.approx(2 / 3)
    assert body["manifest"]["parts"]["mine"]["column"] == "judge"
    assert main([*asked, "--report", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parts"][0]["before"] is True


def test_a_policy_is_measured_on_an_own_file(own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.toml").write_text(
        "[thresholds]\nauto_approve = 0.8\nasync_review = 0.6\nsync_review = 0.4\n", encoding="utf-8"
    )
    asked = ["run", "--dataset", str(own), "--map", MAP + ",confidence=judge", "--target", "router", "--json"]
    assert main([*asked, "--policy", str(tmp_path / "p.toml"), "--report", str(tmp_path / "out")]) == 0
    found = {each["name"]: each["value"] for each in json.loads(capsys.readouterr().out)["parts"][0]["measures"]}
    assert found["coverage"] == pytest.approx(2 / 3)
    assert found["wrong among accepted"] == 0


def test_a_toml_file_says_the_same(own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = f"""
    dataset = "{own.name}"
    target = "recorded"
    column = "judge"
    accept_at = 0.95
    scorers = ["label", "value"]
    [map]
    id = "ticket"
    query = "question"
    output = "answer"
    label = "ok"
    """
    (tmp_path / "support.toml").write_text(text, encoding="utf-8")
    assert main(["run", str(tmp_path / "support.toml"), "--report", str(tmp_path / "out"), "--json"]) == 0
    part = json.loads(capsys.readouterr().out)["parts"][0]
    assert part["name"] == "support"
    assert {each["name"]: each["value"] for each in part["measures"]}["coverage"] == 0


def test_the_scorer_runs_on_an_own_file(own: Path, tmp_path: Path) -> None:
    asked = ["run", "--dataset", str(own), "--map", MAP + ",context=answer", "--target", "scorer", "--json"]
    assert main([*asked, "--report", str(tmp_path / "out")]) == 0


def test_a_suite_is_run_once_and_again_when_asked(toy: None, tmp_path: Path) -> None:
    out = ["--report", str(tmp_path / "out"), "--json"]
    assert main(["run", "toy", "--seed", "3", "--limit", "7", *out]) == 0
    assert (CALLS[0].seed, CALLS[0].limit, CALLS[0].data) == (3, 7, None)
    assert main(["run", "toy", "--seed", "3", "--limit", "7", *out]) == 0
    assert len(CALLS) == 1
    assert main(["run", "toy", "--seed", "4", "--limit", "7", *out]) == 0
    assert main(["run", "toy", "--seed", "4", "--limit", "7", "--fresh", *out]) == 0
    assert len(CALLS) == 3


def test_the_manifest_says_what_a_run_was_made_of(toy: None, tmp_path: Path) -> None:
    assert main(["run", "toy", "--report", str(tmp_path / "out"), "--data", str(tmp_path)]) == 0
    facts = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert facts["sets"] == {"pandalm": None}
    assert facts["code"]["version"]
    assert len(facts["code"]["sources"]) == 64
    assert {"python", "platform", "prompts", "seed", "libraries"} <= facts.keys()


def test_a_worse_run_fails_the_gate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, [True, False] * 30)
    assert main(["run", "toy", "--report", str(tmp_path / "a")]) == 0
    assert main(["export", str(tmp_path / "a"), "--to", str(tmp_path / "baselines")]) == 0
    use(monkeypatch, [True, False] * 10 + [False] * 40)
    assert main(["run", "toy", "--report", str(tmp_path / "b")]) == 0
    capsys.readouterr()
    pair = [str(tmp_path / "baselines"), str(tmp_path / "b")]
    assert main(["compare", *pair]) == 0
    assert "1 regressions: toy.right" in capsys.readouterr().out
    assert main(["compare", *pair, "--fail-on", "right<-0.02"]) == 1
    assert "FAILED right<-0.02" in capsys.readouterr().out
    assert main(["compare", *pair, "--fail-on", "regression", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["regressions"] == ["toy.right"]
    assert main(["compare", *pair, "--fail-on", "right<-0.9"]) == 0
    assert main(["compare", pair[0], pair[0], "--fail-on", "regression"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "tooy"], "did you mean 'toy'"),
        (["run"], "nothing to run"),
        (["run", "toy", "--data", "nowhere"], "no such folder"),
        (["run", "toy", "--max-cost-usd", "much"], "is no amount"),
        (["run", "toy", "--limit", "0"], "limit"),
        (["run", "nowhere.toml"], "cannot be read"),
        (["run", "--dataset", "nowhere.csv"], "cannot be read"),
        (["run", "toy", "--map", "a=b"], "belong to --dataset"),
        (["run", "--dataset", "OWN", "--map", "query"], "expected FIELD=COLUMN"),
        (["run", "--dataset", "OWN", "--map", MAP, "--target", "roter"], "did you mean 'router'"),
        (["run", "--dataset", "OWN", "--map", MAP, "--target", "router"], "needs a policy"),
        (["run", "--dataset", "OWN", "--map", MAP, "--scorer", "labell"], "did you mean 'label'"),
        (["run", "--dataset", "OWN", "--map", MAP, "--target", "recorded", "--option", "colum=judge"], "column"),
        (["run", "--dataset", "OWN", "--map", "query=question,output=answer"], "nothing to score against"),
        (["compare", "nowhere", "nowhere"], "neither a run's folder"),
        (["report", "nowhere"], "no folder of a run"),
        (["export", "nowhere"], "no folder of a run"),
        (["rum"], "Did you mean 'run'"),
    ],
)
def test_bad_input_is_one_clear_line(
    arguments: list[str], said: str, toy: None, own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(own) if each == "OWN" else each for each in arguments]
    assert main(given + (["--report", str(tmp_path / "out")] if given[0] == "run" else [])) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("list", "run", "compare", "report", "export"):
        assert main([command, "--help"]) == 0
        assert "python -m evals" in capsys.readouterr().out


def test_the_list_says_which_sets_are_there(toy: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--data", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "toy" in said
    assert "not there" in said


def test_every_suite_keeps_the_contract() -> None:
    assert "retrieval" in suites.names()
    for name in suites.names():
        found = suites.find(name)
        assert name == found.NAME
        assert found.DESCRIPTION
        assert set(found.SETS) <= set(__import__("evals.datasets", fromlist=["x"]).names())
