"""Taking a decision back, and handing outcomes out: each excludes the other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from hitl_core import Decision, Loop, NotFoundError, Review, ReviewTask, UndoRefusedError
from hitl_core.domain.clock import ManualClock
from hitl_core.store.tables import reviews

Submit = Callable[..., Decision]
EDIT = Review(verdict="edit", output="the right answer", reasons=["wrong_fact"])


def _claim(loop: Loop, reviewer: str = "ana") -> ReviewTask:
    task = loop.queue.claim(reviewer)
    assert task is not None
    return task


def test_undo_hands_the_task_back_and_retires_the_example(loop: Loop, submit: Submit) -> None:
    submit("a")
    task = _claim(loop)
    loop.queue.complete(task.token, EDIT)
    assert loop.counts().totals["golden"] == 1
    again = loop.queue.undo("ana")
    assert (again.id, again.claimed_by, again.status) == (task.id, "ana", "claimed")
    assert again.token != task.token
    assert loop.outcome("a") is None
    assert loop.counts().totals["golden"] == 0
    assert loop.counts().verdicts == {}
    loop.queue.complete(again.token, Review(verdict="approve"))
    outcome = loop.outcome("a")
    assert outcome is not None
    assert (outcome.verdict, outcome.output, outcome.decided_by) == ("approve", "a is fine", "ana")
    with loop.store.read() as tx:
        kinds = list(tx.execute(sa.select(reviews.c.kind).order_by(reviews.c.key)).scalars())
    assert kinds == ["review", "undo", "review"]


def test_undo_takes_back_one_decision_after_the_other(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    for name in ("a", "b"):
        submit(name)
        loop.queue.complete(_claim(loop).token, Review(verdict="approve"))
        clock.advance(seconds=5)
    assert [loop.queue.undo("ana").item.id, loop.queue.undo("ana").item.id] == ["b", "a"]
    with pytest.raises(UndoRefusedError, match="nothing to undo"):
        loop.queue.undo("ana")


def test_the_same_review_can_be_sent_again_after_an_undo(loop: Loop, submit: Submit) -> None:
    submit("a")
    loop.queue.complete(_claim(loop).token, EDIT)
    loop.queue.complete(loop.queue.undo("ana").token, EDIT)
    assert loop.counts().totals["golden"] == 1


def test_undo_has_a_window_and_is_personal(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    submit("a")
    loop.queue.complete(_claim(loop).token, EDIT)
    with pytest.raises(UndoRefusedError, match="no decision of bob in the last 10 minutes"):
        loop.queue.undo("bob")
    clock.advance(minutes=10, seconds=1)
    with pytest.raises(UndoRefusedError, match="no decision of ana in the last 10 minutes"):
        loop.queue.undo("ana")


def test_an_outcome_that_was_handed_out_cannot_be_undone(loop: Loop, submit: Submit) -> None:
    submit("a")
    loop.queue.complete(_claim(loop).token, EDIT)
    outcome = loop.wait("a", timeout=0)
    assert (outcome.status, outcome.verdict, outcome.output) == ("decided", "edit", "the right answer")
    with pytest.raises(UndoRefusedError, match=r"already handed out \(wait\)"):
        loop.queue.undo("ana")
    assert loop.counts().totals["golden"] == 1


def test_only_looking_at_an_outcome_leaves_undo_open(loop: Loop, submit: Submit) -> None:
    submit("a")
    loop.queue.complete(_claim(loop).token, EDIT)
    assert loop.outcome("a") is not None
    assert loop.queue.undo("ana").item.id == "a"


def test_a_timeout_is_its_own_status(loop: Loop, submit: Submit) -> None:
    submit("a")
    outcome = loop.wait("a", timeout=0.05)
    assert (outcome.status, outcome.verdict, outcome.output, outcome.decided_by) == ("timeout", None, None, None)
    with pytest.raises(NotFoundError, match="no item 'zzz'"):
        loop.wait("zzz", timeout=0)


def test_what_goes_out_by_itself_needs_no_waiting(loop: Loop, submit: Submit) -> None:
    submit("a", confidence=0.99)
    outcome = loop.wait("a", timeout=0)
    assert (outcome.status, outcome.verdict, outcome.output) == ("decided", "approve", "a is fine")
    assert outcome.decided_by == "policy version 1"


def test_a_rejected_output_is_not_handed_out(loop: Loop, submit: Submit) -> None:
    submit("a")
    loop.queue.complete(_claim(loop).token, Review(verdict="reject", reasons=["unsafe"]))
    outcome = loop.wait("a", timeout=0)
    assert (outcome.verdict, outcome.output, outcome.reasons) == ("reject", None, ("unsafe",))


def test_a_waiter_wakes_when_another_process_decides(loop: Loop, submit: Submit, database_url: str) -> None:
    submit("a")
    with Loop.open(database_url, clock=loop.clock) as other:
        task = _claim(other)
        timer = threading.Timer(0.2, lambda: other.queue.complete(task.token, EDIT))
        timer.start()
        outcome = loop.wait("a", timeout=20)
        timer.join()
    assert (outcome.status, outcome.output) == ("decided", "the right answer")


def test_many_async_waiters_share_one_watcher(loop: Loop, submit: Submit) -> None:
    names = [f"i{n}" for n in range(20)]
    for name in names:
        submit(name)

    def review_all() -> None:
        while (task := loop.queue.claim("ana")) is not None:
            loop.queue.complete(task.token, Review(verdict="approve"))

    async def wait_for_all() -> list[str]:
        timer = threading.Timer(0.2, review_all)
        timer.start()
        found = await asyncio.gather(*(loop.wait_async(name, timeout=30) for name in names))
        late = await loop.wait_async("i0", timeout=0)
        return [each.status for each in [*found, late]]

    assert asyncio.run(wait_for_all()) == ["decided"] * 21
