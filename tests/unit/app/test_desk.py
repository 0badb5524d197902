from __future__ import annotations

from collections.abc import Callable

import pytest

from app.desk import BEAT_SECONDS, MOST_IDLE_SECONDS, TOO_SOON_SECONDS, Desk
from hitl_core import Loop
from hitl_core.domain.clock import ManualClock
from hitl_core.domain.errors import StoreUnavailableError
from hitl_core.review_queue import ReviewQueue
from tests.unit.app.conftest import Seconds

MakeDesk = Callable[[str], Desk]


def front(desk: Desk) -> str:
    assert desk.current is not None
    return desk.current.task.id


def reviews(loop: Loop) -> list[tuple[str, str]]:
    return [(line.item_id, line.review.verdict) for line in loop.latest_reviews() if not line.undone]


def test_the_next_task_is_there_before_the_decision(make_desk: MakeDesk) -> None:
    desk = make_desk("ana")
    assert desk.following is not None
    coming = desk.following.task.id
    desk.decide(front(desk), "approve")
    assert front(desk) == coming


def test_a_second_press_on_the_decided_task_changes_nothing(make_desk: MakeDesk, loop: Loop) -> None:
    desk = make_desk("ana")
    first = front(desk)
    desk.decide(first, "approve")
    desk.decide(first, "approve")
    desk.decide(first, "reject", ("style",))
    assert len(reviews(loop)) == 1


def test_a_task_that_nobody_could_have_read_is_not_decided(make_desk: MakeDesk, loop: Loop, seconds: Seconds) -> None:
    desk = make_desk("ana")
    desk.decide(front(desk), "approve")
    desk.decide(front(desk), "approve")  # not drawn yet
    desk.was_drawn()
    for _ in range(20):  # a held-down key
        seconds.value += TOO_SOON_SECONDS / 2
        desk.decide(front(desk), "approve")
    assert len(reviews(loop)) == 1
    seconds.value += TOO_SOON_SECONDS * 2
    desk.decide(front(desk), "approve")
    assert len(reviews(loop)) == 2


def test_a_reload_brings_the_same_task_and_the_draft_back(make_desk: MakeDesk) -> None:
    before = make_desk("ana")
    before.save_draft(front(before), "half a sentence", "why")
    after = make_desk("ana")
    assert front(after) == front(before)
    assert after.current is not None
    assert (after.current.text, after.current.comment, after.current.mode) == ("half a sentence", "why", "edit")
    assert after.following is not None
    assert before.following is not None
    assert after.following.task.id == before.following.task.id


def test_two_tabs_save_one_decision_and_keep_the_other_text(make_desk: MakeDesk, loop: Loop) -> None:
    one, other = make_desk("ana"), make_desk("ana")
    task = front(one)
    assert other.current is not None
    other.current.text = "my long text"
    one.decide(task, "approve")
    other.decide(task, "edit", ("style",))
    assert len(reviews(loop)) == 1
    assert other.notice is not None
    assert (other.notice.kind, other.notice.kept_text) == ("problem", "my long text")
    assert front(other) != task


def test_a_lease_that_went_to_somebody_else_gives_the_text_back(
    make_desk: MakeDesk, loop: Loop, clock: ManualClock
) -> None:
    late = make_desk("ana")
    assert late.current is not None
    late.current.text = "kept"
    clock.advance(minutes=16)
    taker = make_desk("bo")
    assert {front(taker), taker.following.task.id if taker.following else ""} & {front(late)}
    late.decide(front(late), "edit", ("style",))
    assert reviews(loop) == []
    assert late.notice is not None
    assert late.notice.kept_text == "kept"


def test_undo_brings_the_decided_task_back_and_keeps_the_one_in_front(make_desk: MakeDesk, seconds: Seconds) -> None:
    desk = make_desk("ana")
    first = front(desk)
    desk.decide(first, "approve")
    desk.was_drawn()
    second = front(desk)
    seconds.value += 1
    desk.undo(second)
    assert front(desk) == first
    assert desk.following is not None
    assert desk.following.task.id == second


def test_undo_of_an_edit_gives_the_typed_text_back(make_desk: MakeDesk) -> None:
    desk = make_desk("ana")
    first = front(desk)
    desk.save_draft(first, "what I typed", "why")
    desk.decide(first, "edit", ("style",))
    desk.undo(None)
    assert front(desk) == first
    assert desk.current is not None
    assert (desk.current.text, desk.current.comment, desk.current.mode) == ("what I typed", "why", "read")


def test_undo_with_nothing_to_undo_says_so(make_desk: MakeDesk) -> None:
    desk = make_desk("ana")
    desk.undo(front(desk))
    assert desk.notice is not None
    assert desk.notice.kind == "problem"


def test_skip_and_escalate_move_on_without_a_review(make_desk: MakeDesk, loop: Loop, seconds: Seconds) -> None:
    desk = make_desk("ana")
    skipped = front(desk)
    desk.skip(skipped)
    desk.sit_down()
    desk.was_drawn()
    seconds.value += 1
    escalated = front(desk)
    desk.escalate(escalated)
    assert reviews(loop) == []
    assert ("seniors", "default", "", 1) in loop.queue.pending()


def test_active_seconds_run_from_showing_and_stop_at_the_lease(
    make_desk: MakeDesk, loop: Loop, seconds: Seconds
) -> None:
    desk = make_desk("ana")
    seconds.value += 7
    desk.decide(front(desk), "approve")
    desk.was_drawn()
    seconds.value += 10_000
    desk.decide(front(desk), "approve")
    assert [line.review.active_seconds for line in loop.latest_reviews()] == [900.0, 12.0]


def test_an_empty_edit_is_refused_and_the_task_stays(make_desk: MakeDesk) -> None:
    desk = make_desk("ana")
    task = front(desk)
    assert desk.current is not None
    desk.current.text = "  "
    desk.decide(task, "edit", ("style",))
    assert desk.notice is not None
    assert "reject" in desk.notice.about
    assert front(desk) == task


def test_a_database_that_went_away_keeps_task_and_text(make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = make_desk("ana")
    task = front(desk)

    def gone(*_: object) -> None:
        raise StoreUnavailableError("no route to host")

    monkeypatch.setattr(ReviewQueue, "complete", gone)
    desk.decide(task, "approve")
    assert front(desk) == task
    assert desk.notice is not None
    assert "try again" in desk.notice.text


def test_heartbeats_renew_both_leases_until_nobody_is_there(
    make_desk: MakeDesk, loop: Loop, clock: ManualClock, seconds: Seconds
) -> None:
    desk = make_desk("ana")
    clock.advance(minutes=10)
    desk.beat()  # too early to trouble the database
    assert desk.current is not None
    assert loop.queue.held("ana")[0].version == desk.current.task.version
    seconds.value += BEAT_SECONDS
    desk.beat()
    clock.advance(minutes=10)
    assert len(loop.queue.held("ana")) == 2
    seconds.value += MOST_IDLE_SECONDS + 1
    desk.beat()
    clock.advance(minutes=10)
    assert loop.queue.held("ana") == []


def test_leaving_gives_both_tasks_back(make_desk: MakeDesk, loop: Loop) -> None:
    desk = make_desk("ana")
    desk.leave()
    assert loop.queue.held("ana") == []
