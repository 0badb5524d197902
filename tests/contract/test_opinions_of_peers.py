"""Whoever adjudicates sees the opinions, and nobody's name; whoever does not, sees nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hitl_core import Decision, Loop, Policy, Review, Reviewer, ReviewTask, Stage
from hitl_core.domain.errors import InputError, LeaseLostError

Submit = Callable[..., Decision]
EDIT = Review(verdict="edit", output="the other text", reasons=("wrong_fact",), comment="page 3 says so")


@pytest.fixture
def split(loop: Loop, submit: Submit) -> ReviewTask:
    """A task that a senior holds on an item which two people decided differently."""
    loop.publish(Policy.from_toml("overlap = { share = 1.0, opinions = 2 }"), reason="two opinions")
    loop.save_reviewer(Reviewer(name="sen", senior=True))
    submit("a")
    answer(loop, "ana", Review(verdict="approve"))
    answer(loop, "bob", EDIT)
    return claim(loop, "sen")


def claim(loop: Loop, who: str, **options: object) -> ReviewTask:
    task = loop.queue.claim(who, **options)  # type: ignore[arg-type]
    assert task is not None
    return task


def answer(loop: Loop, who: str, review: Review) -> None:
    loop.queue.complete(claim(loop, who).token, review)


def test_a_senior_sees_what_was_said_and_nobodys_name(loop: Loop, split: ReviewTask) -> None:
    dispute = loop.opinions(split)
    assert sorted(each.verdict for each in dispute.opinions) == ["approve", "edit"]
    edit = next(each for each in dispute.opinions if each.verdict == "edit")
    assert (edit.output, edit.reasons, edit.comment) == ("the other text", ("wrong_fact",), "page 3 says so")
    shown = dispute.model_dump_json()
    assert "ana" not in shown
    assert "bob" not in shown
    assert loop.opinions(split) == dispute


def test_the_order_does_not_tell_who_was_first(loop: Loop, submit: Submit) -> None:
    loop.publish(Policy.from_toml("overlap = { share = 1.0, opinions = 2 }"), reason="two opinions")
    for n in range(24):
        submit(f"i{n}")
    for who, review in (("ana", Review(verdict="approve")), ("bob", EDIT)):
        for _ in range(24):
            loop.queue.complete(claim(loop, who, stages=[Stage.HUMAN]).token, review)
    firsts = {loop.opinions(claim(loop, "cem")).opinions[0].verdict for _ in range(24)}
    assert firsts == {"approve", "edit"}


def test_an_opinion_that_was_taken_back_is_not_shown(loop: Loop, submit: Submit) -> None:
    loop.publish(Policy.from_toml("overlap = { share = 1.0, opinions = 2 }"), reason="two opinions")
    submit("a")
    answer(loop, "ana", Review(verdict="approve"))
    answer(loop, "bob", EDIT)
    again = loop.queue.undo("bob")
    loop.queue.complete(again.token, Review(verdict="reject", reasons=("unsafe",)))
    shown = loop.opinions(claim(loop, "cem")).opinions
    assert sorted(each.verdict for each in shown) == ["approve", "reject"]


def test_independent_reviewers_see_nothing(loop: Loop, submit: Submit) -> None:
    loop.publish(Policy.from_toml("overlap = { share = 1.0, opinions = 2 }"), reason="two opinions")
    submit("a")
    answer(loop, "ana", EDIT)
    task = claim(loop, "bob")
    with pytest.raises(InputError, match="stage adjudicate"):
        loop.opinions(task)
    with pytest.raises(InputError):
        loop.opinions(task.model_copy(update={"stage": Stage.ADJUDICATE}))


def test_who_escalated_sees_nothing_with_the_old_token(loop: Loop, submit: Submit) -> None:
    submit("a")
    task = claim(loop, "ana")
    loop.queue.escalate(task.token, reason="a matter of law")
    with pytest.raises(LeaseLostError):
        loop.opinions(task)
    assert loop.opinions(claim(loop, "bob")).escalations == ("a matter of law",)


def test_asking_for_the_stage_does_not_make_a_senior(loop: Loop, split: ReviewTask) -> None:
    loop.queue.release(split.token)
    assert loop.queue.claim("cem", stages=[Stage.ADJUDICATE]) is None
    assert loop.queue.claim("cem") is None
    assert claim(loop, "sen", stages=[Stage.ADJUDICATE]).id == split.id
