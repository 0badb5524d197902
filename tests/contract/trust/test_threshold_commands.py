"""`hitl calibrate`, `hitl policy find-threshold|certificate` and what doctor says, on both databases."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from hitl_core import Loop, Policy
from hitl_core.cli.main import run
from hitl_core.domain.clock import ManualClock
from tests.contract.trust.labelling import submit_and_review

Shell = Callable[..., tuple[int, str, str]]
PUBLISH = (
    "policy",
    "find-threshold",
    "--target",
    "0.1",
    "--confidence",
    "0.9",
    "--publish",
    "--reason",
    "labels say so",
)

BAD = (
    (("policy", "find-threshold", "--target", "0"), "target_error must lie between 0 and 1"),
    (("policy", "find-threshold", "--target", "1"), "target_error must lie between 0 and 1"),
    (("policy", "find-threshold", "--target", "2"), "target_error must lie between 0 and 1"),
    (("policy", "find-threshold", "--target", "nan"), "got nan"),
    (("policy", "find-threshold", "--target", "5%"), "valid number"),
    (("policy", "find-threshold", "--confidence", "1"), "confidence must lie between 0 and 1"),
    (("policy", "find-threshold", "--publish"), "go together"),
    (("policy", "find-threshold", "--reason", "x"), "go together"),
    (("policy", "find-threshold", "--domain", " "), "domain is empty"),
    (("policy", "find-threshold", "--by", "colour"), "not of 'colour'"),
    (("policy", "find-threshold", "--by", "domain"), "ask without segments"),
    (("policy", "find-threshold", "--calibrator", "newest"), "no calibrator yet"),
    (("policy", "find-threshold", "--calibrator", "nokey"), "no calibrator with the key"),
    (("policy", "find-threshold", "--since", "yesterday"), "expected 30d"),
    (("policy", "find-threshold", "--by", "domain", "--by", "domain"), "ask without segments"),
    (("policy", "find-threshold", "--project", ""), "has no name"),
    (("calibrate", "fit", "--project", " "), "has no name"),
    (("policy", "certificate", "99"), "never published"),
    (("policy", "certificate", "99999999999999999999"), "never published"),
    (("policy", "diff", "99999999999999999999", "1"), "never published"),
    (("policy", "what-if", "99999999999999999999"), "never published"),
    (("policy", "certificate", "x"), "valid integer"),
    (("calibrate", "fit"), "50 are needed"),
    (("calibrate", "show"), "no calibrator yet"),
    (("calibrate", "show", "nokey"), "no calibrator with the key"),
)


@pytest.fixture
def hitl(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Run a command on the test's database; return its exit code, output and errors."""
    monkeypatch.setenv("HITL_DATABASE_URL", database_url)

    def _hitl(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(list(arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    return _hitl


def history(url: str, days_ago: float = 10, count: int = 200) -> None:
    with Loop.open(url, clock=ManualClock(datetime.now(UTC) - timedelta(days=days_ago))) as loop:
        submit_and_review(loop, "a", count, wrong=range(0, 50, 3), domain="legal")


def test_find_publish_and_print(hitl: Shell, database_url: str) -> None:
    history(database_url)
    code, out, _ = hitl("policy", "find-threshold", "--target", "0.1", "--confidence", "0.9")
    assert (code, "from 200 labels" in out) == (0, True)
    assert hitl("policy", "certificate")[0] == 1, "finding changes nothing"
    code, out, _ = hitl(*PUBLISH)
    assert (code, out.splitlines()[-1]) == (0, "version 2 is live")
    code, out, _ = hitl("policy", "certificate")
    assert code == 0
    assert "in disagreement with reviewers at most 10.00% of the" in out
    assert "labels say so" in out
    assert out.splitlines()[-1] == "State        in force"
    code, out, _ = hitl("policy", "certificate", "2", "--json")
    (kept,) = json.loads(out)
    assert (kept["state"], kept["policy_version"], kept["certificate"]["target_error"]) == ("in force", 2, 0.1)
    assert "certificate project=default" in hitl("doctor")[1]


def test_json_of_a_finding(hitl: Shell, database_url: str) -> None:
    history(database_url)
    code, out, err = hitl(*PUBLISH, "--by", "domain", "--json")
    found = json.loads(out)
    assert (code, err, found["version"]) == (0, "", 2)
    assert found["ledger"] == {"total": 0.2, "spent": 0.1, "left": 0.1}
    (part,) = found["segments"]
    assert (part["segment"], part["where"], part["labels"]) == ("default/legal", {"domain": "legal"}, 200)
    assert part["bound"] <= 0.1
    assert part["certificate"]["rows_digest"]


def test_calibrate_fit_and_show(hitl: Shell, database_url: str) -> None:
    history(database_url)
    code, out, _ = hitl("calibrate", "fit", "--json")
    fitted = json.loads(out)
    assert (code, fitted["version"], fitted["live"], fitted["problem"]) == (0, 1, False, None)
    measured = fitted["measures"]["Brier score"]
    assert measured["raw"]["n"] == 200
    assert measured["calibrated"]["n"] == 200 - fitted["n"]
    assert "to use it" in hitl("calibrate", "show")[1]
    code, out, _ = hitl(*PUBLISH, "--calibrator", "newest")
    assert code == 0, out
    assert "the live policy uses it" in hitl("calibrate", "show", "live")[1]
    assert fitted["key"] in hitl("calibrate", "show", fitted["key"])[1]
    assert "calibrator of default" in hitl("doctor")[1]
    assert hitl("policy", "find-threshold", "--calibrator", "none", "--json")[0] in (0, 1)


def test_doctor_names_what_no_longer_holds(hitl: Shell, database_url: str) -> None:
    history(database_url)
    hitl(*PUBLISH)
    with Loop.open(database_url) as loop:
        body = loop.policy.to_mapping()
        body["overrides"][-1]["thresholds"]["auto_approve"] = 0.99
        loop.publish(Policy.from_mapping(body), reason="by hand")
    code, out, _ = hitl("doctor", "--json")
    (told,) = [each for each in json.loads(out) if each["name"] == "certificate project=default"]
    assert (code, told["state"]) == (0, "warning")
    assert told["detail"].startswith("void: it is about the threshold")
    assert "items go to review" in told["detail"]


def test_nothing_to_certify_exits_with_one(hitl: Shell, database_url: str) -> None:
    code, out, err = hitl("policy", "find-threshold", "--publish", "--reason", "why not")
    assert (code, out, err) == (1, "default: no certificate: no label has arrived; 59 are needed at least.\n", "")
    history(database_url, count=20)
    code, out, _ = hitl("policy", "find-threshold")
    assert (code, "more are needed" in out) == (1, True)
    code, out, _ = hitl("policy", "certificate", "--json")
    assert (code, json.loads(out)) == (1, [])


def test_bad_input_is_one_line_and_exit_code_2(hitl: Shell) -> None:
    for arguments, says in BAD:
        code, out, err = hitl(*arguments)
        assert (code, out, err.count("\n")) == (2, "", 1), arguments
        assert says in err


def test_an_unknown_project_is_named_with_the_known_ones(hitl: Shell, database_url: str) -> None:
    history(database_url, count=3)
    for command in (("policy", "find-threshold"), ("calibrate", "fit"), ("calibrate", "show", "live")):
        code, _, err = hitl(*command, "--project", "nowhere")
        assert (code, err) == (2, "hitl: there is no project 'nowhere'; projects: default\n")
