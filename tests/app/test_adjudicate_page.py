"""A senior settles what others disagree on: opinions without names, one key a decision."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from hitl_core import Item, Loop, Passage, Policy, Review, Reviewer, Stage
from tests.app.screen import edit_area, press, seen
from tests.contract.judging.judges import _result, judging_policy, script, verdict

Open = Callable[..., AppTest]
TWO = "overlap = { share = 1.0, opinions = 2 }"
EDIT = Review(verdict="edit", output="The notice is sixty days.", reasons=("wrong_fact",), comment="see page 3")
HOSTILE = "<script>alert(1)</script>![x](http://evil.example/p.png) \u202e"


def submit(loop: Loop, item_id: str = "a", **fields: object) -> None:
    passage = Passage(text="The notice is 30 days.", source="handbook", retrieval_score=0.8)
    given = {"id": item_id, "query": f"{item_id}: how long?", "output": "The notice is thirty days.", "confidence": 0.1}
    loop.submit(Item(**(given | {"context": [passage]} | fields)))


def answer(loop: Loop, who: str, review: Review) -> None:
    task = loop.queue.claim(who, stages=[Stage.HUMAN])
    assert task is not None
    loop.queue.complete(task.token, review)


@pytest.fixture
def split(loop: Loop) -> Loop:
    """Two people decided an item differently; a senior is there."""
    loop.publish(Policy.from_toml(TWO), reason="two opinions")
    loop.save_reviewer(Reviewer(name="sen", senior=True))
    submit(loop)
    answer(loop, "ana", Review(verdict="approve"))
    answer(loop, "bob", EDIT)
    return loop


def holds(loop: Loop, item_id: str = "a") -> tuple[str | None, str | None, str | None]:
    outcome = loop.outcome(item_id)
    assert outcome is not None
    return outcome.verdict, outcome.output, outcome.decided_by


def key_of(loop: Loop, test: AppTest, verdict: str) -> str:
    """The name of the button that takes the opinion with this verdict."""
    given = loop.opinions(loop.queue.held("sen")[0]).opinions
    return f"take.{next(at for at, each in enumerate(given, 1) if each.verdict == verdict)}"


def test_without_disagreement_the_page_says_where_it_comes_from(open_page: Open, loop: Loop) -> None:
    loop.save_reviewer(Reviewer(name="ana", senior=True))
    assert "No disagreement waits" in seen(open_page("adjudicate"))


def test_others_than_seniors_see_one_sentence_and_get_nothing(open_page: Open, split: Loop) -> None:
    shown = seen(open_page("adjudicate", reviewer="cem"))
    assert "Only seniors settle" in shown
    assert "how long?" not in shown
    assert split.queue.held("cem") == []


def test_a_senior_sees_both_opinions_what_the_edit_changes_and_nobodys_name(open_page: Open, split: Loop) -> None:
    shown = seen(open_page("adjudicate", reviewer="sen"))
    for words in ("a: how long?", "Opinion 1", "Opinion 2", "<del>thirty </del>", "<ins>sixty </ins>", "see page 3"):
        assert words in shown
    assert "wrong fact" in shown
    assert "handbook" in shown
    for name in ("ana", "bob"):
        assert name not in shown


def test_one_key_takes_an_opinion_as_it_stands(open_page: Open, split: Loop) -> None:
    test = open_page("adjudicate", reviewer="sen")
    keys = {each.label: each.proto.shortcut for each in test.button}
    assert (keys["Opinion 1 holds"], keys["Opinion 2 holds"]) == ("1", "2")
    assert (keys["Approve"], keys["Edit"], keys["Reject"], keys["Next"], keys["Undo"]) == ("a", "e", "x", "s", "u")
    press(test, key_of(split, test, "edit"))
    assert "Edit saved:" in seen(test)
    assert holds(split) == ("edit", "The notice is sixty days.", "sen")
    assert [each.output for each in split.golden.list()] == ["The notice is sixty days."]
    assert "No disagreement waits" in seen(test)


def test_the_answer_is_approved_rejected_or_edited_in_the_seniors_own_words(open_page: Open, split: Loop) -> None:
    test = open_page("adjudicate", reviewer="sen")
    press(test, "edit_mode")
    edit_area(test).input("Ask the desk.").run()
    press(test, "save")
    press(test, "reason.0")
    assert holds(split)[1] == "Ask the desk."
    press(test, "undo")
    assert split.outcome("a") is None
    press(test, "approve")
    assert holds(split)[0] == "approve"
    press(test, "undo")
    press(test, "reject")
    press(test, "reason.1")
    assert holds(split)[0] == "reject"


def test_next_leaves_it_to_others_for_a_while(open_page: Open, split: Loop) -> None:
    test = open_page("adjudicate", reviewer="sen")
    press(test, "skip")
    assert "1 wait for another senior" in seen(test)


def test_a_senior_who_gave_an_opinion_is_told_why_nothing_comes(open_page: Open, loop: Loop) -> None:
    loop.publish(Policy.from_toml(TWO), reason="two opinions")
    for name in ("sen", "sam"):
        loop.save_reviewer(Reviewer(name=name, senior=True))
    submit(loop)
    answer(loop, "sen", Review(verdict="approve"))
    answer(loop, "bob", EDIT)
    shown = seen(open_page("adjudicate", reviewer="sen"))
    assert "you gave an opinion on them" in shown
    assert "Opinion 1" in seen(open_page("adjudicate", reviewer="sam"))


def test_an_escalated_item_comes_with_the_reason_and_no_opinions(open_page: Open, loop: Loop) -> None:
    submit(loop)
    task = loop.queue.claim("ana")
    assert task is not None
    loop.queue.escalate(task.token, "a matter of <law>")
    shown = seen(open_page("adjudicate", reviewer="bob"))
    assert "Nobody is registered as a senior" in shown
    assert "a matter of &lt;law&gt;" in shown
    assert "Nobody gave an opinion" in shown


def test_disputes_are_not_handed_out_on_the_review_page(open_page: Open, split: Loop) -> None:
    shown = seen(open_page(reviewer="sen"))
    assert "how long?" not in shown
    assert "Adjudicate page" in shown


def test_a_decision_of_the_other_page_is_taken_back_there(open_page: Open, split: Loop) -> None:
    submit(split, "b")
    answer(split, "sen", Review(verdict="approve"))
    test = open_page("adjudicate", reviewer="sen")
    press(test, "undo")
    assert "on the page where you decided it" in seen(test)
    assert "a: how long?" in seen(test)
    assert "b: how long?" in seen(open_page(reviewer="sen"))


@pytest.mark.parametrize(("show_judges", "opinions"), [("true", 3), ("false", 2)])
def test_a_judge_is_one_opinion_among_the_others_unless_the_policy_says_not(
    open_page: Open, loop: Loop, show_judges: str, opinions: int
) -> None:
    several = f"overlap = {{ share = 1.0, opinions = 2, show_judges = {show_judges} }}"
    loop.publish(judging_policy(several), reason="judges first")
    loop.save_reviewer(Reviewer(name="sen", senior=True))
    said = verdict("reject", 0.3, reason="Passage 1 says otherwise.")
    script(loop, _result((said,), accepted=False, stopped_by="exhausted", path=("cheap", "person"), reasons=("x",)))
    submit(loop, confidence=0.7)
    loop.judges.judge_waiting(1)
    answer(loop, "ana", Review(verdict="approve"))
    answer(loop, "bob", EDIT)
    test = open_page("adjudicate", reviewer="sen")
    assert f"Opinion {opinions}" in seen(test)
    assert "Opinion 4" not in seen(test)
    assert ("Passage 1 says otherwise." in seen(test)) == (opinions == 3)
    assert "cheap" not in seen(test)
    if opinions == 3:  # a judge names no reason, so taking its rejection asks for one
        press(test, key_of(loop, test, "reject"))
        press(test, "reason.0")
        assert holds(loop)[0] == "reject"


def test_hostile_opinions_are_text(open_page: Open, loop: Loop) -> None:
    loop.publish(Policy.from_toml(TWO), reason="two opinions")
    loop.save_reviewer(Reviewer(name="sen", senior=True))
    submit(loop, output=HOSTILE, query=HOSTILE)
    answer(loop, "ana", Review(verdict="reject", reasons=("unsafe",), comment=HOSTILE))
    answer(loop, "bob", Review(verdict="edit", output=HOSTILE + "!", reasons=("style",), comment=HOSTILE))
    shown = seen(open_page("adjudicate", reviewer="sen"))
    assert "Opinion 2" in shown
    assert "<script" not in shown
    assert "\u202e" not in shown
