from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import wiring
from hitl_core import Item, Loop, Passage, Reviewer
from hitl_core.domain.errors import StoreUnavailableError
from hitl_core.review_queue import ReviewQueue
from tests.app.screen import button, edit_area, press, seen

Open = Callable[..., AppTest]


def item(number: int, **fields: object) -> Item:
    given = {
        "id": f"i{number}",
        "query": f"question {number}?",
        "output": f"Answer {number} says 30 days.",
        "context": [Passage(text="The notice is 30 days.", source="handbook", retrieval_score=0.8)],
        "confidence": 0.1,
    }
    return Item(**(given | fields))


def verdicts(loop: Loop) -> list[str]:
    return [line.review.verdict for line in loop.latest_reviews() if not line.undone]


def test_without_a_name_the_page_asks_for_it(open_page: Open, loop: Loop) -> None:
    test = open_page(reviewer=None)
    assert "Who is reviewing?" in seen(test)
    test.text_input(key="door.name").input("ana")
    test.text_input(key="door.expertise").input("legal, tax")
    test.button(key="door.enter").click().run()
    assert "Nothing waits for a person" in seen(test)
    assert loop.reviewers() == [Reviewer(name="ana", expertise=("legal", "tax"))]


def test_a_name_that_cannot_be_stored_is_refused(open_page: Open, loop: Loop) -> None:
    test = open_page(reviewer=None)
    test.button(key="door.enter").click().run()
    assert "Please give a name" in seen(test)
    assert loop.reviewers() == []


def test_an_empty_queue_says_what_to_do(open_page: Open) -> None:
    assert "hitl import FILE" in seen(open_page())


def test_tasks_for_an_expertise_nobody_has_are_named(open_page: Open, loop: Loop) -> None:
    loop.queue.claim("nobody")
    from hitl_core import Policy

    rules = '[[rules]]\nid = "law"\nwhen = { field = "domain", eq = "law" }\nroute = "manual"\nexpertise = "<law>"\n'
    loop.publish(Policy.from_toml(rules), reason="test")
    loop.submit(item(1, domain="law"))
    shown = seen(open_page())
    assert "Nothing is open to you right now" in shown
    assert "&lt;law&gt;" in shown


def test_answer_evidence_state_and_keys_are_there(open_page: Open, loop: Loop) -> None:
    loop.submit(item(1))
    test = open_page()
    shown = seen(test)
    for words in ("Answer 1 says 30 days.", "best evidence", "handbook", "route", "confidence", "waiting", "due in"):
        assert words in shown
    keys = {each.label: each.proto.shortcut for each in test.button}
    assert keys["Approve"] == "a"
    assert {keys["Edit"], keys["Reject"], keys["Skip"], keys["Escalate"], keys["Undo"]} == {"e", "x", "s", "g", "u"}


def test_approve_saves_and_shows_the_next_with_undo(open_page: Open, loop: Loop) -> None:
    loop.submit_many([item(1), item(2)])
    test = open_page()
    press(test, "approve")
    assert verdicts(loop) == ["approve"]
    assert "Approved:" in seen(test)
    assert "question 1?" in seen(test)
    press(test, "undo")
    assert "Taken back" in seen(test)
    assert verdicts(loop) == [] or loop.latest_reviews()[0].undone


def test_reject_needs_a_reason_and_takes_one_press(open_page: Open, loop: Loop) -> None:
    loop.submit(item(1))
    test = open_page()
    press(test, "reject")
    assert verdicts(loop) == []
    assert button(test, "reason.1").proto.shortcut == "2"
    press(test, "several")
    assert "at least one reason" in seen(test)
    press(test, "reason.1")
    assert [(line.review.verdict, line.review.reasons) for line in loop.latest_reviews()] == [
        ("reject", ("wrong_fact",))
    ]


def test_an_edit_becomes_golden(open_page: Open, loop: Loop) -> None:
    loop.submit(item(1))
    test = open_page()
    press(test, "edit_mode")
    assert edit_area(test).value == "Answer 1 says 30 days."
    edit_area(test).input("Answer 1 says 31 days.").run()
    assert "<del>30 </del><ins>31 </ins>" in seen(test)
    press(test, "save")
    assert verdicts(loop) == []
    press(test, "reason.1")
    assert [example.output for example in loop.golden.list()] == ["Answer 1 says 31 days."]


def test_an_edit_with_chosen_reasons_is_saved_at_once(open_page: Open, loop: Loop) -> None:
    loop.submit(item(1))
    test = open_page()
    press(test, "edit_mode")
    edit_area(test).input("Better.").run()
    pills: Any = next(each for each in test.get("button_group") if str(each.key).startswith("review.reasons."))
    pills.set_value(["style", "incomplete"]).run()
    press(test, "save")
    assert loop.latest_reviews()[0].review.reasons == ("style", "incomplete")


def test_an_unchanged_edit_is_not_saved(open_page: Open, loop: Loop) -> None:
    loop.submit(item(1))
    test = open_page()
    press(test, "edit_mode")
    press(test, "save")
    assert "the same as the answer" in seen(test)
    assert verdicts(loop) == []


def test_a_draft_and_the_same_task_come_back_in_a_new_session(open_page: Open, loop: Loop) -> None:
    loop.submit_many([item(1), item(2)])
    first = open_page()
    press(first, "edit_mode")
    text = edit_area(first).value + " And more."
    edit_area(first).input(text).run()
    assert edit_area(open_page()).value == text


def test_a_stale_tab_decides_nothing_else(open_page: Open, loop: Loop) -> None:
    loop.submit_many([item(1), item(2), item(3)])
    one, other = open_page(), open_page()
    press(one, "approve")
    press(other, "reject")
    press(other, "reason.0")
    assert verdicts(loop) == ["approve"]
    assert "Nothing was saved for that item" in seen(other)


def test_a_comment_is_kept_with_the_decision(open_page: Open, loop: Loop) -> None:
    loop.submit(item(1))
    test = open_page()
    next(each for each in test.text_input if str(each.key).startswith("review.comment.")).input("because").run()
    press(test, "exemplary")
    assert loop.latest_reviews()[0].review.comment == "because"
    assert len(loop.golden.list()) == 1


def test_thumbs_are_stored_beside_the_review(open_page: Open, loop: Loop) -> None:
    loop.submit(item(1))
    test = open_page()
    held = loop.queue.held("ana")[0]
    test.session_state[f"feedback.{held.id}.{held.version}"] = {"type": "thumbs", "score": "👎", "text": "tone"}
    test.run()
    events = loop.story("i1").events
    assert [event["kind"] for event in events].count("item.feedback") == 1


def test_a_database_that_is_away_says_so_and_recovers(
    open_page: Open, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise StoreUnavailableError("cannot reach <db>")

    with monkeypatch.context() as away:
        away.setattr(ReviewQueue, "held", gone)
        test = open_page()
        assert "The database cannot be reached" in seen(test)
        assert "&lt;db&gt;" in seen(test)
    test.button(key="trouble.retry").click().run()
    assert "Nothing waits for a person" in seen(test)


def test_details_are_shown_where_the_item_has_them(open_page: Open, loop: Loop) -> None:
    loop.submit(
        item(
            1,
            inputs={"income": 1200},
            alternatives=[{"output": "Other", "confidence": 0.4, "pros": ["short"], "cons": ["vague"]}],
            explanation={"reasoning": "because", "top_features": {"age": -0.5}},
            subject="case 7",
        )
    )
    loop.submit(item(2, subject="case 7", confidence=0.99))
    shown = seen(open_page())
    for words in ("income", "1200", "confidence 0.40", "short", "vague", "because", "age", "against", "case 7"):
        assert words in shown


def test_the_work_up_is_made_outside_the_page(loop: Loop) -> None:
    import threading

    loop.submit(item(1))
    task = loop.queue.claim("ana")
    assert task is not None
    names: list[str] = []
    found = wiring.workup(task)
    found.marks.add_done_callback(lambda _: names.append(threading.current_thread().name))
    marks = wiring.ready(found.marks, wait=5)
    assert marks is not None
    assert marks[0].passage_sentence == "The notice is 30 days."
