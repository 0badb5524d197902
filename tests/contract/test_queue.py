"""What the queue promises on both databases: one holder at a time, one decision a task, nothing lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from hitl_core import Decision, InputError, LeaseLostError, Loop, NotFoundError, Review, Reviewer, Stage
from hitl_core.domain.clock import ManualClock
from hitl_core.domain.records import LabelOrigin, ReviewTask, TaskStatus
from hitl_core.store.tables import events, reviews

Submit = Callable[..., Decision]
APPROVE = Review(verdict="approve")


def _claim(loop: Loop, reviewer: str = "ana", project: str | None = None) -> ReviewTask:
    task = loop.queue.claim(reviewer, project=project)
    assert task is not None
    return task


def _rows(loop: Loop) -> list[sa.Row[tuple[object, ...]]]:
    with loop.store.read() as tx:
        return list(tx.execute(sa.select(reviews).order_by(reviews.c.created_at, reviews.c.key)))


def test_an_empty_queue_gives_nothing(loop: Loop) -> None:
    assert loop.queue.claim("ana") is None
    assert loop.queue.held("ana") == []


def test_a_claimed_task_is_nobody_elses(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    submit("a")
    task = _claim(loop)
    assert (task.status, task.claimed_by) == (TaskStatus.CLAIMED, "ana")
    assert task.lease_expires_at == clock.now() + timedelta(minutes=15)
    assert loop.queue.claim("bob") is None
    assert [each.id for each in loop.queue.held("ana")] == [task.id]


def test_threads_never_share_a_task(loop: Loop, submit: Submit) -> None:
    for n in range(40):
        submit(f"i{n}")
    taken: list[str] = []

    def work(name: str) -> None:
        while (task := loop.queue.claim(name)) is not None:
            taken.append(task.item.id)
            loop.queue.complete(task.token, APPROVE)

    threads = [threading.Thread(target=work, args=(f"r{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(taken) == sorted(f"i{n}" for n in range(40))
    assert len(_rows(loop)) == 40


def test_an_abandoned_task_returns_by_the_clock(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    submit("a")
    first = _claim(loop)
    clock.advance(minutes=14, seconds=59)
    assert loop.queue.claim("bob") is None
    clock.advance(seconds=1)
    second = _claim(loop, "bob")
    assert second.id == first.id
    assert second.token != first.token
    assert second.version > first.version


def test_a_heartbeat_renews_the_lease(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    submit("a")
    task = _claim(loop)
    clock.advance(minutes=14)
    assert loop.queue.heartbeat(task.token) == clock.now() + timedelta(minutes=15)
    clock.advance(minutes=14)
    assert loop.queue.claim("bob") is None


def test_a_late_review_of_a_task_that_somebody_else_finished_comes_back(
    loop: Loop, submit: Submit, clock: ManualClock
) -> None:
    submit("a")
    late = _claim(loop)
    clock.advance(minutes=16)
    loop.queue.complete(_claim(loop, "bob").token, APPROVE)
    mine = Review(verdict="edit", output="my long text", reasons=["style"])
    with pytest.raises(LeaseLostError, match="somebody else finished the task") as caught:
        loop.queue.complete(late.token, mine)
    assert caught.value.review == mine
    assert [(row.reviewer, row.verdict) for row in _rows(loop)] == [("bob", "approve")]


def test_a_late_review_of_a_task_that_somebody_else_holds_comes_back(
    loop: Loop, submit: Submit, clock: ManualClock
) -> None:
    submit("a")
    late = _claim(loop)
    clock.advance(minutes=16)
    held = _claim(loop, "bob")
    for attempt in (loop.queue.heartbeat, loop.queue.release, loop.queue.skip):
        with pytest.raises(LeaseLostError, match="bob took the task over"):
            attempt(late.token)
    with pytest.raises(LeaseLostError, match="bob took the task over"):
        loop.queue.complete(late.token, APPROVE)
    assert loop.queue.complete(held.token, APPROVE).reviewer == "bob"


def test_a_late_review_of_a_task_that_nobody_took_is_saved(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    submit("a")
    task = _claim(loop)
    clock.advance(minutes=20)
    loop.queue.sweep()
    assert loop.queue.complete(task.token, APPROVE).reviewer == "ana"
    assert loop.queue.claim("bob") is None


def test_a_released_task_keeps_its_place_and_a_skipped_one_goes_to_others(
    loop: Loop, submit: Submit, clock: ManualClock
) -> None:
    submit("urgent", impact=1)
    submit("other", impact=0)
    task = _claim(loop)
    loop.queue.release(task.token)
    task = _claim(loop)
    assert task.item.id == "urgent"
    loop.queue.skip(task.token, reason="not my field")
    assert _claim(loop).item.id == "other"
    assert loop.queue.claim("ana") is None
    assert _claim(loop, "bob").item.id == "urgent"


def test_a_skipped_task_comes_back_after_an_hour(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    submit("a")
    loop.queue.skip(_claim(loop).token)
    assert loop.queue.claim("ana") is None
    clock.advance(hours=1, seconds=1)
    assert _claim(loop).item.id == "a"


def test_an_old_token_opens_nothing_after_release(loop: Loop, submit: Submit) -> None:
    submit("a")
    task = _claim(loop)
    loop.queue.release(task.token)
    with pytest.raises(LeaseLostError, match="no longer yours"):
        loop.queue.complete(task.token, APPROVE)
    with pytest.raises(NotFoundError):
        loop.queue.complete("0" * 32 + ".abc", APPROVE)
    with pytest.raises(InputError, match="not a task token"):
        loop.queue.complete("nonsense", APPROVE)


def test_the_same_decision_twice_is_saved_once(loop: Loop, submit: Submit) -> None:
    submit("a")
    task = _claim(loop)
    first = loop.queue.complete(task.token, APPROVE)
    assert loop.queue.complete(task.token, APPROVE) == first
    with pytest.raises(LeaseLostError, match=r"already decided \(approve\)"):
        loop.queue.complete(task.token, Review(verdict="reject", reasons=["unsafe"]))
    assert len(_rows(loop)) == 1


def test_a_review_carries_origin_inclusion_probability_and_stage(loop: Loop, submit: Submit) -> None:
    submit("a")
    loop.queue.complete(_claim(loop).token, Review(verdict="reject", reasons=["unsafe", "style"], active_seconds=4.5))
    row = _rows(loop)[0]
    assert (row.origin, row.inclusion_probability, row.stage) == (LabelOrigin.DESIGN, 1.0, Stage.HUMAN)
    assert (row.reasons, row.active_seconds, row.kind) == ('["unsafe","style"]', 4.5, "review")


def test_edit_and_reject_need_a_known_reason_and_the_task_stays_held(loop: Loop, submit: Submit) -> None:
    submit("a")
    task = _claim(loop)
    for review in (Review(verdict="edit", output="better"), Review(verdict="reject")):
        with pytest.raises(InputError, match=f"{review.verdict} needs at least one reason; choose from unsupported"):
            loop.queue.complete(task.token, review)
    with pytest.raises(InputError, match=r"unknown reason 'wrong_fakt' \(did you mean 'wrong_fact'\?\)"):
        loop.queue.complete(task.token, Review(verdict="reject", reasons=["wrong_fakt"]))
    with pytest.raises(InputError, match="same as the answer"):
        loop.queue.complete(task.token, Review(verdict="edit", output=task.item.output, reasons=["style"]))
    with pytest.raises(ValueError, match="an edit needs the corrected text"):
        Review(verdict="edit", output="  ", reasons=["style"])
    assert [each.id for each in loop.queue.held("ana")] == [task.id]
    assert _rows(loop) == []


def test_an_edit_may_change_the_label_alone(loop: Loop, submit: Submit) -> None:
    submit("a", label="safe")
    task = _claim(loop)
    same = Review(verdict="edit", output=task.item.output, label="safe", reasons=["other"])
    with pytest.raises(InputError, match="same as the answer"):
        loop.queue.complete(task.token, same)
    loop.queue.complete(task.token, same.model_copy(update={"label": "unsafe"}))
    outcome = loop.outcome("a")
    assert outcome is not None
    assert (outcome.verdict, outcome.output, outcome.label) == ("edit", task.item.output, "unsafe")


def test_a_hook_that_fails_takes_everything_back(loop: Loop, submit: Submit) -> None:
    submit("a")
    task = _claim(loop)

    def fail(*_: object) -> None:
        raise RuntimeError("index on fire")

    loop.queue.hooks.on_complete.append(fail)
    with pytest.raises(RuntimeError, match="on fire"):
        loop.queue.complete(task.token, Review(verdict="edit", output="b", reasons=["style"]))
    loop.queue.hooks.on_complete.remove(fail)
    assert _rows(loop) == []
    assert loop.counts().totals["golden"] == 0
    assert loop.queue.complete(task.token, APPROVE).verdict == "approve"


def test_expertise_opens_tasks_that_ask_for_it(loop: Loop, submit: Submit) -> None:
    from hitl_core import Policy

    rule = {"id": "medical", "when": {"field": "domain", "eq": "medical"}, "expertise": "medicine"}
    loop.publish(Policy.from_mapping({"rules": [rule]}), reason="experts only")
    submit("m", domain="medical")
    assert loop.queue.claim("ana") is None
    loop.save_reviewer(Reviewer(name="doc", expertise=["medicine", "law"]))
    assert _claim(loop, "doc").item.id == "m"


def test_a_claim_can_be_limited_to_a_project(loop: Loop, submit: Submit) -> None:
    submit("a", project="one")
    submit("b", project="two")
    assert _claim(loop, project="two").item.id == "b"
    assert loop.queue.claim("ana", project="two") is None
    assert _claim(loop).item.id == "a"


def test_escalation_reaches_a_senior_and_nobody_else(loop: Loop, submit: Submit) -> None:
    loop.save_reviewer(Reviewer(name="sen", senior=True))
    submit("a")
    loop.queue.escalate(_claim(loop).token, reason="needs a lawyer")
    assert loop.queue.claim("ana") is None
    assert loop.queue.claim("bob") is None
    task = _claim(loop, "sen")
    assert (task.item.id, task.stage) == ("a", Stage.ADJUDICATE)
    event = next(each for each in loop.story("a").events if each["kind"] == "task.escalated")
    assert (event["actor"], event["data"]) == ("ana", {"reason": "needs a lawyer"})


def test_without_seniors_somebody_else_settles_an_escalation(loop: Loop, submit: Submit) -> None:
    submit("a")
    loop.queue.escalate(_claim(loop).token)
    assert loop.queue.claim("ana") is None
    assert _claim(loop, "bob").item.id == "a"


def test_a_draft_survives_and_goes_with_the_review(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    submit("a")
    task = _claim(loop)
    assert loop.queue.draft(task.id, "ana") is None
    loop.queue.save_draft(task.token, output="half a sen", comment="hm")
    loop.queue.save_draft(task.token, output="half a sentence", comment="")
    draft = loop.queue.draft(task.id, "ana")
    assert draft is not None
    assert (draft.output, draft.comment, draft.saved_at) == ("half a sentence", "", clock.now())
    assert loop.queue.draft(task.id, "bob") is None
    with pytest.raises(InputError, match="NUL"):
        loop.queue.save_draft(task.token, output="\x00")
    loop.queue.complete(task.token, APPROVE)
    assert loop.queue.draft(task.id, "ana") is None


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\x00b", "\ud800"])
def test_unusable_reviewer_names_are_refused(loop: Loop, name: str) -> None:
    with pytest.raises(InputError, match="reviewer"):
        loop.queue.claim(name)


def test_every_step_leaves_an_event(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    submit("a")
    loop.queue.release(_claim(loop).token)
    loop.queue.skip(_claim(loop).token)
    _claim(loop, "bob")
    clock.advance(minutes=16)
    task = _claim(loop, "eve")
    loop.queue.heartbeat(task.token)
    loop.queue.save_draft(task.token, output="x")
    loop.queue.complete(task.token, APPROVE)
    loop.queue.undo("eve")
    with loop.store.read() as tx:
        kinds = [row.kind for row in tx.execute(sa.select(events.c.kind).order_by(events.c.seq))]
    assert kinds == [
        "policy.published",
        "item.submitted",
        "task.claimed",
        "task.released",
        "task.claimed",
        "task.skipped",
        "task.claimed",
        "task.expired",
        "task.claimed",
        "task.renewed",
        "task.drafted",
        "task.completed",
        "task.undone",
    ]


def test_events_name_who_did_it_and_the_item(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    submit("a")
    task = _claim(loop, "ana")
    loop.queue.heartbeat(task.token)
    loop.queue.save_draft(task.token, output="x")
    loop.queue.complete(task.token, Review(verdict="edit", output="better", reasons=["style"]))
    loop.queue.undo("ana")
    clock.advance(hours=25)
    loop.queue.sweep()
    loop.queue.sweep()
    assert [(each["kind"], each["actor"]) for each in reversed(loop.story("a").events)] == [
        ("item.submitted", "system"),
        ("task.claimed", "ana"),
        ("task.renewed", "ana"),
        ("task.drafted", "ana"),
        ("golden.added", "ana"),
        ("task.completed", "ana"),
        ("task.undone", "ana"),
        ("task.expired", "system"),
    ]
    with loop.store.read() as tx:
        rest = tx.execute(sa.select(events.c.kind, events.c.actor, events.c.data).where(events.c.item_key.is_(None)))
        found = {row.kind: (row.actor, row.data) for row in rest}
    assert found["golden.retired"][0] == "ana"
    assert found["tasks.aged"] == ("system", '{"tasks":1}')
