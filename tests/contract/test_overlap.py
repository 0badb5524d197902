"""Several opinions on one item: never one too many, never one person twice, nothing settled too early."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from hitl_core import Decision, InputError, Loop, Policy, Review, Reviewer, ReviewTask, Stage, UndoRefusedError
from hitl_core.domain.clock import ManualClock
from hitl_core.store.tables import reviews, tasks

Submit = Callable[..., Decision]
APPROVE = Review(verdict="approve")
REJECT = Review(verdict="reject", reasons=("wrong_fact",))


def edit(text: str) -> Review:
    return Review(verdict="edit", output=text, reasons=("wrong_fact",))


@pytest.fixture
def three(loop: Loop) -> Loop:
    loop.publish(Policy.from_toml("overlap = { share = 1.0, opinions = 3 }"), reason="three opinions")
    return loop


@pytest.fixture
def two(loop: Loop) -> Loop:
    loop.publish(Policy.from_toml("overlap = { share = 1.0, opinions = 2 }"), reason="two opinions")
    return loop


def claim(loop: Loop, who: str, **options: object) -> ReviewTask:
    task = loop.queue.claim(who, **options)  # type: ignore[arg-type]
    assert task is not None
    return task


def answer(loop: Loop, who: str, review: Review) -> ReviewTask:
    task = claim(loop, who)
    loop.queue.complete(task.token, review)
    return task


def test_each_opinion_goes_to_another_person_and_no_more_are_asked_for(three: Loop, submit: Submit) -> None:
    assert submit("a").overlap == 3
    tasks_of = {who: claim(three, who).id for who in ("ana", "bob", "cem")}
    assert len(set(tasks_of.values())) == 3
    assert three.queue.claim("dan") is None
    assert three.queue.claim("ana") is None


def test_one_person_never_gets_a_second_opinion_to_give(three: Loop, submit: Submit) -> None:
    submit("a")
    answer(three, "ana", APPROVE)
    assert three.queue.claim("ana") is None


def test_opinions_are_blind_to_each_other(three: Loop, submit: Submit) -> None:
    submit("a")
    answer(three, "ana", APPROVE)
    assert claim(three, "bob").blind
    assert three.story("a").blind


def test_nothing_holds_until_all_have_answered_then_the_majority(three: Loop, submit: Submit) -> None:
    submit("a")
    answer(three, "ana", APPROVE)
    answer(three, "bob", REJECT)
    assert three.outcome("a") is None
    answer(three, "cem", APPROVE)
    outcome = three.outcome("a")
    assert outcome is not None
    assert (outcome.verdict, outcome.decided_by) == ("approve", "ana")


def test_a_split_goes_to_a_senior_whose_word_is_the_label(two: Loop, submit: Submit) -> None:
    two.save_reviewer(Reviewer(name="sen", senior=True))
    submit("a")
    answer(two, "ana", APPROVE)
    answer(two, "bob", edit("the other text"))
    assert two.outcome("a") is None
    assert two.queue.claim("cem") is None
    assert two.queue.claim("ana") is None
    task = claim(two, "sen")
    assert task.stage is Stage.ADJUDICATE
    two.queue.complete(task.token, edit("the right text"))
    outcome = two.outcome("a")
    assert outcome is not None
    assert (outcome.output, outcome.decided_by) == ("the right text", "sen")
    assert [each.output for each in two.golden.list()] == ["the right text"]


def test_only_what_holds_becomes_golden(three: Loop, submit: Submit) -> None:
    submit("a")
    answer(three, "ana", edit("refunds take thirty days"))
    answer(three, "bob", edit("refunds take thirty days here"))
    assert three.golden.list() == []
    answer(three, "cem", APPROVE)
    assert [each.reviewer for each in three.golden.list()] == ["ana"]


def test_a_rater_settles_only_where_no_other_senior_is_left(two: Loop, submit: Submit) -> None:
    two.save_reviewer(Reviewer(name="sen", senior=True))
    submit("a")
    answer(two, "sen", APPROVE)
    answer(two, "bob", REJECT)
    assert claim(two, "sen").stage is Stage.ADJUDICATE
    submit("b")
    two.save_reviewer(Reviewer(name="sam", senior=True))
    answer(two, "sam", APPROVE)
    answer(two, "bob", REJECT)
    assert two.queue.claim("sam") is None


def test_a_released_opinion_does_not_keep_its_reviewer_away(two: Loop, submit: Submit) -> None:
    submit("a")
    task = claim(two, "ana")
    two.queue.release(task.token)
    assert {claim(two, who).item.id for who in ("bob", "ana")} == {"a"}


def test_skipping_one_opinion_skips_the_item(two: Loop, submit: Submit, clock: ManualClock) -> None:
    submit("a")
    two.queue.skip(claim(two, "ana").token, reason="not mine")
    assert two.queue.claim("ana") is None
    clock.advance(hours=2)
    claim(two, "ana")


def test_a_lost_lease_does_not_keep_its_reviewer_away_once_another_took_it(
    two: Loop, submit: Submit, clock: ManualClock
) -> None:
    submit("a")
    claim(two, "ana")
    clock.advance(minutes=16)
    taken = {claim(two, "bob").id, claim(two, "cem").id}
    assert len(taken) == 2
    assert two.queue.claim("ana") is None
    with two.store.read() as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(tasks)).scalar() == 2


def test_escalating_one_opinion_asks_nobody_else(two: Loop, submit: Submit) -> None:
    two.save_reviewer(Reviewer(name="sen", senior=True))
    submit("a")
    two.queue.escalate(claim(two, "ana").token, reason="a matter of law")
    assert two.queue.claim("bob") is None
    answer(two, "sen", APPROVE)
    outcome = two.outcome("a")
    assert outcome is not None
    assert outcome.decided_by == "sen"


def test_who_gave_an_opinion_does_not_settle_what_a_peer_escalated(two: Loop, submit: Submit) -> None:
    submit("a")
    answer(two, "ana", APPROVE)
    two.queue.escalate(claim(two, "bob").token, reason="a matter of law")
    assert two.queue.claim("ana") is None
    assert two.queue.claim("bob") is None
    assert claim(two, "cem").stage is Stage.ADJUDICATE


def test_an_opinion_given_after_a_peer_escalated_settles_nothing(two: Loop, submit: Submit) -> None:
    """It used to count as unanimous, was announced as what holds and became golden beside the senior's word."""
    two.save_reviewer(Reviewer(name="sen", senior=True))
    for name, senior_first in (("a", False), ("b", True)):
        submit(name)
        escalated, other = claim(two, "ana"), claim(two, "bob")
        two.queue.escalate(escalated.token, reason="a matter of law")
        if senior_first:
            answer(two, "sen", edit(f"the right text of {name}"))
        two.queue.complete(other.token, edit("another text"))
        if not senior_first:
            assert two.outcome(name) is None
            assert two.golden.list() == []
            answer(two, "sen", edit(f"the right text of {name}"))
        outcome = two.outcome(name)
        assert outcome is not None
        assert outcome.decided_by == "sen"
    assert {each.output for each in two.golden.list()} == {"the right text of a", "the right text of b"}


def test_undo_of_an_opinion_leaves_what_a_peer_escalated_to_the_senior(two: Loop, submit: Submit) -> None:
    """The senior's task was cancelled, and the one opinion that was left settled an item that wanted two."""
    two.save_reviewer(Reviewer(name="sen", senior=True))
    submit("a")
    first, second = claim(two, "ana"), claim(two, "bob")
    two.queue.complete(second.token, APPROVE)
    two.queue.escalate(first.token, reason="a matter of law")
    again = two.queue.undo("bob")
    two.queue.complete(again.token, APPROVE)
    assert two.outcome("a") is None
    answer(two, "sen", REJECT)
    outcome = two.outcome("a")
    assert outcome is not None
    assert outcome.decided_by == "sen"


def test_two_escalations_of_one_item_ask_one_senior_once(two: Loop, submit: Submit) -> None:
    """There were two tasks to settle it: the senior who had done one was offered the other, and so never any work."""
    two.save_reviewer(Reviewer(name="sen", senior=True))
    submit("a")
    first, second = claim(two, "ana"), claim(two, "bob")
    two.queue.escalate(first.token, reason="a matter of law")
    two.queue.escalate(second.token, reason="of law indeed")
    assert answer(two, "sen", APPROVE).stage is Stage.ADJUDICATE
    outcome = two.outcome("a")
    assert outcome is not None
    assert outcome.decided_by == "sen"
    with two.store.read() as tx:
        assert not tx.execute(sa.select(tasks).where(tasks.c.status.in_(("pending", "claimed")))).all()
    submit("b")
    mine, hers = claim(two, "sen"), claim(two, "ana")
    assert {mine.item.id, hers.item.id} == {"b"}
    two.queue.escalate(hers.token, reason="a matter of law")
    with pytest.raises(InputError, match="no other senior"):
        two.queue.escalate(mine.token, reason="of law indeed")


@pytest.mark.parametrize("who", ["ana", "bob"])
def test_an_opinion_taken_back_from_a_split_can_be_escalated(two: Loop, submit: Submit, who: str) -> None:
    """The database refused it with an error of its own: the cancelled task of the split has the same place."""
    two.save_reviewer(Reviewer(name="sen", senior=True))
    submit("a")
    answer(two, "ana", APPROVE)
    answer(two, "bob", REJECT)
    two.queue.escalate(two.queue.undo(who).token, reason="a matter of law")
    assert two.queue.claim("ana") is None
    assert two.queue.claim("bob") is None
    assert answer(two, "sen", APPROVE).stage is Stage.ADJUDICATE
    outcome = two.outcome("a")
    assert outcome is not None
    assert outcome.decided_by == "sen"


def test_what_every_senior_passes_on_is_not_lost(two: Loop, submit: Submit) -> None:
    """The last senior's escalation hid the task from everybody for ten years."""
    for name in ("sen", "sam"):
        two.save_reviewer(Reviewer(name=name, senior=True))
    submit("a")
    two.queue.escalate(claim(two, "sen").token, reason="a matter of law")
    last = claim(two, "sam")
    assert last.stage is Stage.ADJUDICATE
    with pytest.raises(InputError, match="no other senior"):
        two.queue.escalate(last.token, reason="hard for me too")
    two.queue.complete(last.token, APPROVE)
    outcome = two.outcome("a")
    assert outcome is not None
    assert outcome.decided_by == "sam"


def test_a_senior_who_gave_an_opinion_settles_where_the_other_one_escalated(two: Loop, submit: Submit) -> None:
    for name in ("sen", "sam"):
        two.save_reviewer(Reviewer(name=name, senior=True))
    submit("a")
    answer(two, "sam", APPROVE)
    two.queue.escalate(claim(two, "sen").token, reason="a matter of law")
    assert claim(two, "sam").stage is Stage.ADJUDICATE


def test_undo_takes_a_settlement_back(two: Loop, submit: Submit) -> None:
    submit("a")
    answer(two, "ana", edit("refunds take thirty days"))
    answer(two, "bob", edit("refunds take thirty days"))
    assert len(two.golden.list()) == 1
    task = two.queue.undo("ana")
    assert two.outcome("a") is None
    assert two.golden.list() == []
    two.queue.complete(task.token, APPROVE)
    assert two.outcome("a") is None  # a split now: a senior is asked
    assert claim(two, "cem").stage is Stage.ADJUDICATE
    with pytest.raises(UndoRefusedError, match="senior"):
        two.queue.undo("ana")


def test_a_split_that_comes_back_after_undo_asks_the_senior_again(two: Loop, submit: Submit) -> None:
    submit("a")
    answer(two, "ana", APPROVE)
    answer(two, "bob", REJECT)
    task = two.queue.undo("bob")
    assert two.queue.claim("cem") is None
    two.queue.complete(task.token, edit("yet another text"))
    assert claim(two, "cem").stage is Stage.ADJUDICATE


def test_adaptive_overlap_stops_as_soon_as_two_agree(loop: Loop, submit: Submit) -> None:
    policy = Policy.from_toml("overlap = { share = 1.0, opinions = 5, adaptive = true }")
    loop.publish(policy, reason="adaptive")
    submit("a")
    answer(loop, "ana", APPROVE)
    answer(loop, "bob", APPROVE)
    assert loop.outcome("a") is not None
    submit("b")
    answer(loop, "ana", APPROVE)
    answer(loop, "bob", REJECT)
    assert loop.outcome("b") is None
    assert loop.queue.claim("ana") is None
    answer(loop, "cem", REJECT)
    outcome = loop.outcome("b")
    assert outcome is not None
    assert outcome.verdict == "reject"
    assert loop.queue.claim("dan") is None


def test_a_rule_asks_for_several_opinions(loop: Loop, submit: Submit) -> None:
    rule = "[[rules]]\nid = 'law'\noverlap = 2\nwhen = { field = 'domain', eq = 'legal' }"
    loop.publish(Policy.from_toml(rule), reason="two lawyers")
    assert submit("a", domain="legal").overlap == 2
    assert submit("b", domain="travel").overlap == 1
    assert submit("c", domain="legal", confidence=0.99).overlap == 1


def test_waiting_ends_with_the_settlement(three: Loop, submit: Submit) -> None:
    submit("a")
    answer(three, "ana", APPROVE)
    assert three.wait("a", timeout=0).status == "timeout"
    answer(three, "bob", APPROVE)
    answer(three, "cem", APPROVE)
    assert three.wait("a", timeout=0).verdict == "approve"
    with pytest.raises(UndoRefusedError, match="handed out"):
        three.queue.undo("bob")


def test_claims_at_the_same_moment_never_give_one_person_two_opinions(three: Loop, submit: Submit) -> None:
    for n in range(12):
        submit(f"i{n}")
    names = ["ana", "bob", "cem"]

    def work(name: str) -> None:
        while (task := three.queue.claim(name)) is not None:
            three.queue.complete(task.token, APPROVE)

    threads = [threading.Thread(target=work, args=(name,)) for name in names * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with three.store.read() as tx:
        given = Counter(tuple(row) for row in tx.execute(sa.select(reviews.c.item_key, reviews.c.reviewer)))
    assert len(given) == 36
    assert set(given.values()) == {1}
