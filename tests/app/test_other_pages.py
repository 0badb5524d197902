from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from hitl_core import Item, Loop, Policy, Review
from tests.app.screen import seen

Open = Callable[..., AppTest]
HOSTILE = "<script>alert(1)</script>![x](http://evil.example/p.png) \u202e"


def reviewed(loop: Loop, number: int, verdict: str = "approve", **fields: object) -> None:
    loop.submit(Item(id=f"i{number}", query=f"q {number}", output="text", confidence=0.1, **fields))
    task = loop.queue.claim("ana")
    assert task is not None
    edited = {"output": "better text", "reasons": ("style",)} if verdict == "edit" else {}
    loop.queue.complete(task.token, Review(verdict=verdict, **edited))


@pytest.mark.parametrize(
    ("view", "words"),
    [
        ("overview", "No outputs yet"),
        ("golden", "No golden examples yet"),
        ("history", "Nobody has reviewed anything yet"),
    ],
)
def test_empty_pages_say_what_to_do(open_page: Open, view: str, words: str) -> None:
    assert words in seen(open_page(view))


def test_overview_counts_and_asks_for_more_reviews(open_page: Open, loop: Loop) -> None:
    reviewed(loop, 1)
    loop.submit(Item(query="waits", output="o", confidence=0.1))
    shown = seen(open_page("overview", reviewer=None))
    assert "1 tasks wait and none is overdue" in shown
    assert "1 reviews in this time; from 20 on" in shown


def test_overview_shows_a_rate_with_interval_and_n(open_page: Open, loop: Loop) -> None:
    for number in range(20):
        reviewed(loop, number)
    assert "100% (95 % interval 84% to 100%, n = 20)" in seen(open_page("overview"))


def test_golden_lists_searches_and_retires_with_a_reason(open_page: Open, loop: Loop) -> None:
    reviewed(loop, 1, "edit")
    example = loop.golden.list()[0]
    test = open_page("golden")
    assert "better text" in seen(test)
    test.text_input(key="golden.search").input("zebra").run()
    assert "Nothing matches" in seen(test)
    test.text_input(key="golden.search").input("better").run()
    test.button(key=f"golden.retire.{example.id}").click().run()
    assert "give a reason" in seen(test)
    test.text_input(key=f"golden.reason.{example.id}").input("outdated").run()
    test.button(key=f"golden.retire.{example.id}").click().run()
    assert loop.golden.count() == 0


def test_history_shows_the_latest_and_one_item_by_address(open_page: Open, loop: Loop) -> None:
    reviewed(loop, 1, "edit")
    assert "i1" in seen(open_page("history"))
    test = open_page("history", item="i1")
    shown = seen(test)
    for words in ("<ins>better </ins>", "edited by ana", "policy version 1"):
        assert words in shown


def test_history_tells_nobody_the_route_of_an_item_to_be_looked_at_blind(open_page: Open, loop: Loop) -> None:
    loop.publish(Policy.from_toml("audit = {rate = 1.0}"), reason="look at everything")
    loop.submit(Item(id="blind", query="same question", output="text", confidence=0.991))
    loop.submit(Item(id="other", query="same question", output="text", confidence=0.2))
    for reviewer in (None, "ana"):
        shown = seen(open_page("history", reviewer=reviewer, item="blind"))
        assert "look at this item blind" in shown
        for word in ("0.99", "auto approve", "policy version"):
            assert word not in shown
    related = loop.related(loop.story("other").item)
    assert [(item.id, outcome) for item, outcome in related] == [("blind", None)]
    for task in loop.queue.held("ana"):
        loop.queue.complete(task.token, Review(verdict="approve"))
    assert "auto approve" in seen(open_page("history", item="blind"))


def test_an_unknown_item_is_an_answer_not_an_error(open_page: Open) -> None:
    test = open_page("history")
    test.text_input(key="item").input("<nothing>").run()
    assert "&lt;nothing&gt;" in seen(test)


@pytest.mark.parametrize("view", ["", "overview", "golden", "history"])
def test_hostile_text_is_text_on_every_page(open_page: Open, loop: Loop, view: str) -> None:
    hostile = {"domain": HOSTILE, "project": HOSTILE, "subject": HOSTILE, "model": HOSTILE, "label": HOSTILE}
    reviewed(loop, 1, "edit", **hostile)
    fields = hostile | {"query": HOSTILE, "output": HOSTILE, "context": [{"text": HOSTILE, "source": HOSTILE}]}
    loop.submit(Item(id=HOSTILE, confidence=0.1, inputs={HOSTILE: HOSTILE}, **fields))
    test = open_page(view, reviewer=HOSTILE)
    assert "<script" not in seen(test)
    assert "\u202e" not in seen(test)
    for kind in ("markdown", "caption", "error", "metric", "warning", "info", "toast"):
        for element in test.get(kind):
            assert "evil.example" not in str(getattr(element, "value", ""))
    assert all("evil.example" not in (each.label or "") for each in [*test.button, *test.text_input, *test.selectbox])
