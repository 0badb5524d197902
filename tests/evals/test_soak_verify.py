"""The verifier must be able to fail: each doctored diary breaks one promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evals import soak
from evals.soak_run import SoakResult, Watch, read_diaries
from evals.soak_verify import ReviewRow, pieces, verify


def claim(token: str, at: float, *, expires: float, version: int = 1) -> dict[str, Any]:
    return {
        "kind": "claim",
        "began": at - 0.1,
        "ended": at,
        "task": "t",
        "token": token,
        "version": version,
        "expires": expires,
    }


def intent(token: str, at: float) -> dict[str, Any]:
    return {"kind": "intent", "began": at, "ended": at, "task": "t", "token": token, "doing": "complete"}


def complete(token: str, at: float, review: str = "r", **changes: Any) -> dict[str, Any]:
    facts = {"task": "t", "token": token, "review": review, "reviewer": "ana", "verdict": "approve", "output": None}
    return {"kind": "complete", "began": at, "ended": at + 0.1, "late": False, **facts, **changes}


def row(key: str = "r", kind: str = "review", supersedes: str | None = None) -> ReviewRow:
    return ReviewRow(key, "t", kind, supersedes, "ana", "approve", None)


GOOD = [claim("a", 10.0, expires=15.0), intent("a", 12.0), complete("a", 12.0)]


def test_an_honest_diary_passes() -> None:
    assert verify(GOOD, {"t": "done"}, [row()], ["r"]).clean


def test_two_valid_leases_at_once_are_seen() -> None:
    other = claim("b", 13.0, expires=18.0, version=2)
    broken = verify([claim("a", 10.0, expires=15.0), other], {"t": "done"}, [], [])
    assert len(broken.double_leases) == 1
    assert "2000.000 ms" in broken.double_leases[0]
    assert not broken.clean


def test_a_lease_inside_a_longer_one_is_seen_after_a_short_one() -> None:
    entries = [
        claim("a", 10.0, expires=30.0, version=1),
        claim("a2", 31.0, expires=32.0, version=2),
        claim("c", 20.0, expires=21.0, version=3),
    ]
    assert len(verify(entries, {}, [], []).double_leases) == 1


@pytest.mark.parametrize("ending", [[intent("a", 12.0)], []], ids=["left early", "lease ran out"])
def test_one_after_the_other_is_no_overlap(ending: list[dict[str, Any]]) -> None:
    second = claim("b", 12.5 if ending else 15.5, expires=20.0, version=2)
    assert not verify([claim("a", 10.0, expires=15.0), *ending, second], {}, [], []).double_leases


def test_a_renewed_lease_is_held_until_its_new_end() -> None:
    renewal = {"kind": "heartbeat", "began": 13.9, "ended": 14.0, "task": "t", "token": "a", "expires": 19.0}
    entries = [claim("a", 10.0, expires=15.0), renewal, claim("b", 17.0, expires=22.0, version=3)]
    assert len(verify(entries, {}, [], []).double_leases) == 1


def test_a_claim_that_returned_after_its_lease_holds_nothing() -> None:
    assert pieces([claim("a", 16.0, expires=15.0)]) == []


def test_one_version_for_two_workers_is_seen_without_a_clock() -> None:
    entries = [claim("a", 10.0, expires=11.0), claim("b", 20.0, expires=21.0)]
    assert verify(entries, {}, [], []).double_grants == ["task t version 1 handed out 2 times"]


def test_a_lost_review_is_seen() -> None:
    found = verify(GOOD, {"t": "done"}, [], [])
    assert found.lost_reviews == ["review r of task t was acknowledged and is not there"]


def test_a_changed_review_is_seen() -> None:
    entries = [*GOOD[:2], complete("a", 12.0, verdict="edit", output="better")]
    assert verify(entries, {"t": "done"}, [row()], ["r"]).lost_reviews == [
        "review r of task t differs from what was sent"
    ]


def test_a_lost_undo_is_seen() -> None:
    undo = {**claim("u", 14.0, expires=19.0, version=3), "kind": "undo"}
    found = verify([*GOOD, undo], {"t": "claimed"}, [row()], ["r"])
    assert found.lost_undos == ["task t: 1 undos acknowledged, 0 stored"]
    assert found.stuck_tasks == ["t"]


def test_an_undo_of_nothing_is_seen() -> None:
    assert verify(GOOD, {"t": "done"}, [row(), row("u", "undo", "gone")], ["r"]).lost_undos == [
        "undo u takes back nothing"
    ]


def test_a_second_effective_review_is_seen_and_an_undone_one_is_none() -> None:
    twice = verify(GOOD, {"t": "done"}, [row(), row("r2")], ["r", "r2"])
    assert twice.duplicate_reviews == ["task t has 2 reviews"]
    undone = verify(GOOD, {"t": "done"}, [row(), row("u", "undo", "r"), row("r2")], ["r", "r2"])
    assert undone.clean


def test_a_missing_event_and_an_error_are_seen() -> None:
    error = {"kind": "error", "began": 1.0, "ended": 1.0, "doing": "skip", "reason": "database is locked"}
    found = verify([*GOOD, error], {"t": "done"}, [row()], [])
    assert found.missing_events == ["r"]
    assert found.errors == ["skip: database is locked"]


def test_a_line_cut_short_by_a_kill_was_never_acknowledged(tmp_path: Path) -> None:
    (tmp_path / "000-000.jsonl").write_bytes(b'{"kind":"claim"}\n{"kind":"comp')
    assert list(read_diaries(tmp_path)) == [{"kind": "claim"}]


def test_the_report_names_the_violation() -> None:
    result = SoakResult("sqlite", verify(GOOD, {"t": "done"}, [], []), {"tasks": 1}, crashes=0, integrity="ok")
    text = soak.report([result])
    assert "review r of task t was acknowledged and is not there" in text
    assert text.endswith("soak FAILED")


def test_a_slow_run_is_not_stuck_and_a_stuck_one_is() -> None:
    watch = Watch(soak.SHORT._replace(stall_seconds=30), now=0.0, left=100)
    assert not any(watch.look(now=29.0 * step, left=100 - step) for step in range(1, 20))
    last = 29.0 * 19
    assert not watch.look(now=last + 30.0, left=81)
    assert watch.look(now=last + 30.1, left=81)


def test_a_run_is_over_when_nothing_is_left() -> None:
    assert Watch(soak.SHORT, now=0.0, left=5).look(now=0.1, left=0)


def test_kills_wait_until_every_worker_could_finish_a_task() -> None:
    watch = Watch(soak.SHORT._replace(workers=8), now=0.0, left=100)
    watch.look(now=1.0, left=93)
    assert not watch.may_kill()
    watch.look(now=2.0, left=92)
    assert watch.may_kill()
    assert not watch.may_kill()


def opinion(key: str, who: str, verdict: str = "approve", stage: str = "human") -> ReviewRow:
    return ReviewRow(key, key, "review", None, who, verdict, None, "i", stage)


@pytest.mark.parametrize(
    ("rows", "broken"),
    [
        ([opinion("1", "ana"), opinion("2", "bob"), opinion("3", "cem")], set()),
        ([opinion("1", "ana"), opinion("2", "bob"), opinion("3", "cem"), opinion("4", "dan")], {"overshoots"}),
        ([opinion("1", "ana"), opinion("2", "ana"), opinion("3", "cem")], {"repeats"}),
        ([opinion("1", "ana"), opinion("2", "bob")], {"unsettled"}),
        ([opinion("1", "ana"), opinion("2", "bob", "edit"), opinion("3", "cem", "reject")], {"unsettled"}),
        ([opinion("1", "ana"), opinion("2", "bob", "edit"), opinion("3", "sen", stage="adjudicate")], set()),
    ],
)
def test_shared_items_that_go_wrong_are_seen(rows: list[ReviewRow], broken: set[str]) -> None:
    events = [row.key for row in rows]
    found = verify([], {row.key: "done" for row in rows}, rows, events, overlap=3)
    assert {name for name, lines in vars(found).items() if lines} == broken
