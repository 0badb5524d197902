"""Rows for estimates on both databases: which outputs have one, what their label says, what keeps it away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hitl_core import Decision, Loop, Policy, Review
from hitl_core.domain.clock import ManualClock
from hitl_core.store.trust.labelled import labelled_frame

Submit = Callable[..., Decision]
RULES = """
audit.rate = 1.0
[[rules]]
id = "legal"
when = { field = "domain", eq = "legal" }
route = "sync_review"
[[rules]]
id = "urgent"
when = { field = "domain", eq = "urgent" }
priority_class = "critical"
"""


def rows(loop: Loop, **options: Any) -> dict[str, dict[str, Any]]:
    with loop.store.read() as tx:
        frame = labelled_frame(tx, now=loop.clock.now(), **options)
    found = {row["item_id"]: row for row in frame.to_dicts()}
    assert len(found) == frame.height, "one row an item"
    return found


def decide(loop: Loop, who: str, verdict: str, *reasons: str, output: str | None = None) -> str:
    task = loop.queue.claim(who)
    assert task is not None
    loop.queue.complete(task.token, Review(verdict=verdict, reasons=reasons, output=output))
    return task.item.id


def test_an_empty_database_has_the_columns_and_no_row(loop: Loop) -> None:
    with loop.store.read() as tx:
        frame = labelled_frame(tx, now=loop.clock.now())
    assert frame.is_empty()
    assert {"correct", "inclusion_probability", "state", "group"} <= set(frame.columns)


def test_an_approval_a_rejection_and_two_kinds_of_edit(loop: Loop, submit: Submit) -> None:
    for verdict, reasons, output, expected in (
        ("approve", (), None, True),
        ("reject", ("unsafe",), None, False),
        ("edit", ("style",), "better", True),
        ("edit", ("style", "wrong_fact"), "other", False),
    ):
        submit("-".join((verdict, *reasons)))
        item = decide(loop, "ana", verdict, *reasons, output=output)
        row = rows(loop)[item]
        assert (row["correct"], row["state"], row["opinions"]) == (expected, "answered", 1)
        assert (row["reviewer"], row["reviewed_at"]) == ("ana", loop.clock.now())
    cosmetic = Policy.from_toml("labels.cosmetic_reasons = ['style', 'wrong_fact']").labels.cosmetic_reasons
    assert rows(loop, cosmetic=cosmetic)["edit-style-wrong_fact"]["correct"] is True


def test_a_review_taken_back_is_no_label(loop: Loop, submit: Submit) -> None:
    submit("a")
    decide(loop, "ana", "approve")
    task = loop.queue.undo("ana")
    assert (rows(loop)["a"]["correct"], rows(loop)["a"]["state"]) == (None, "pending")
    loop.queue.complete(task.token, Review(verdict="reject", reasons=["unsafe"]))
    assert (rows(loop)["a"]["correct"], rows(loop)["a"]["opinions"]) == (False, 1)


def test_what_was_not_drawn_has_no_row_and_what_was_carries_its_probability(loop: Loop, submit: Submit) -> None:
    loop.publish(Policy.from_toml("audit.rate = 0.3"), reason="test")
    drawn = [d.item_id for d in (submit(f"high-{n}", confidence=0.99) for n in range(30)) if d.audited]
    submit("low")
    found = rows(loop)
    assert set(found) == {*drawn, "low"}
    assert 0 < len(drawn) < 30
    assert {found[name]["inclusion_probability"] for name in drawn} == {0.3}
    assert found["low"]["inclusion_probability"] == 1
    assert set(rows(loop, routes=["auto_approve"])) == set(drawn)


def test_rules_that_name_a_route_are_told_from_those_that_do_not(loop: Loop, submit: Submit) -> None:
    loop.publish(Policy.from_toml(RULES), reason="test")
    several: dict[str, dict[str, Any]] = {
        "below": {"domain": "legal", "confidence": 0.65},
        "above": {"domain": "legal", "confidence": 0.99},
        "urgent": {"domain": "urgent"},
        "plain": {},
        "sure": {"confidence": 0.99},
    }
    for name, fields in several.items():
        submit(name, **fields)
    assert {name for name, row in rows(loop).items() if row["forced_by_rule"]} == {"below", "above"}


def test_what_keeps_an_answer_away(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    submit("a")
    assert rows(loop)["a"]["state"] == "pending"
    task = loop.queue.claim("ana")
    assert task is not None
    loop.queue.skip(task.token, "not mine")
    assert rows(loop)["a"]["state"] == "skipped"
    clock.advance(seconds=30 * 86400)
    assert rows(loop)["a"]["state"] == "expired"


def test_a_window_and_a_project(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    submit("old")
    clock.advance(seconds=3600)
    middle = clock.now()
    submit("new", project="p")
    assert set(rows(loop, since=middle)) == {"new"}
    assert set(rows(loop, until=middle)) == {"old"}
    assert set(rows(loop, project="p")) == {"new"}


def test_the_same_question_is_one_group(loop: Loop, submit: Submit) -> None:
    submit("a", query="How many days?")
    submit("b", query=" how many  DAYS?")
    submit("c", query="another")
    groups = {name: row["group"] for name, row in rows(loop).items()}
    assert groups["a"] == groups["b"] != groups["c"]
