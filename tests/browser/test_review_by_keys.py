from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ROOT, Server
from tests.browser.desk_page import DeskPage

NewPage = Callable[..., DeskPage]


@pytest.fixture(scope="module", autouse=True)
def demo_items(server: Server) -> None:
    lines = (ROOT / "data" / "demo" / "items.jsonl").read_text(encoding="utf-8").splitlines()
    result = server.loop.submit_many([json.loads(line) for line in lines])
    assert not result.errors


def newest(server: Server) -> tuple[str, tuple[str, ...], str | None]:
    review = server.loop.latest_reviews(1)[0].review
    return review.verdict, review.reasons, review.output


def count(server: Server) -> int:
    return sum(not line.undone for line in server.loop.latest_reviews(500))


@pytest.mark.parametrize("path", ["/", "/overview", "/golden", "/history", "/adjudicate", "/agreement"])
def test_every_page_loads_under_the_policy_and_asks_nobody_else(new_page: NewPage, path: str) -> None:
    tab = new_page(path)
    assert "default-src 'self'" in tab.headers["content-security-policy"]
    expect(tab.page.get_by_role("dialog")).to_have_count(0)
    expect(tab.page.get_by_text("This page failed")).to_have_count(0)


def test_approve_edit_reject_and_undo_by_keys(new_page: NewPage, server: Server) -> None:
    tab = new_page()
    tab.enter("keys")
    tab.press("a", sees="Approved:")
    assert newest(server)[0] == "approve"

    question = tab.question()
    tab.press("e", sees="Your text")
    expect(tab.edit_box()).to_be_focused()
    tab.page.keyboard.press("Control+a")
    tab.page.keyboard.type("A corrected answer about platypus leave.")
    tab.press("Control+Enter", sees="One key will save the edit")
    tab.press("2", sees="Edit saved:")
    assert newest(server) == ("edit", ("wrong_fact",), "A corrected answer about platypus leave.")
    assert [shot.example.output for shot in server.loop.golden.few_shot(question, 1, method="words")] == [
        "A corrected answer about platypus leave."
    ]

    tab.press("x", sees="One key will reject")
    tab.press("1", sees="Rejected:")
    assert newest(server)[:2] == ("reject", ("unsupported_claim",))
    tab.press("u", sees="Taken back")
    assert server.loop.latest_reviews(1)[0].undone


def test_reasons_chosen_first_let_ctrl_enter_save_the_typed_text(new_page: NewPage, server: Server) -> None:
    tab = new_page()
    tab.enter("chooser")
    tab.press("e", sees="Your text")
    tab.page.get_by_test_id("stButtonGroup").get_by_text("style").click()
    tab.rest()
    tab.edit_box().click()
    tab.page.keyboard.press("Control+End")
    tab.page.keyboard.type(" Typed at the very end")
    tab.press("Control+Enter", sees="Edit saved:")
    verdict, reasons, output = newest(server)
    assert (verdict, reasons) == ("edit", ("style",))
    assert str(output).endswith(" Typed at the very end")


def test_a_key_pressed_twice_in_a_row_decides_one_item(new_page: NewPage, server: Server) -> None:
    tab = new_page()
    tab.enter("hasty")
    before = count(server)
    for _ in range(6):
        tab.page.keyboard.press("a")
    tab.rest()
    assert count(server) == before + 1


def test_two_tabs_decide_an_item_once(new_page: NewPage, server: Server) -> None:
    one = new_page()
    one.enter("twice")
    other = new_page("/?reviewer=twice", context=one.page.context)
    assert other.question() == one.question()
    before = count(server)
    one.press("a", sees="Approved:")
    other.page.bring_to_front()
    other.press("x", sees="One key will reject")
    other.press("1", sees="Nothing was saved for that item")
    assert count(server) == before + 1


def test_typed_text_survives_a_reload(new_page: NewPage) -> None:
    tab = new_page()
    tab.enter("drafter")
    question = tab.question()
    tab.press("e", sees="Your text")
    tab.page.keyboard.type("Unfinished thought. ")
    expect(tab.page.locator("ins").first).to_contain_text("Unfinished", timeout=10_000)
    tab.page.reload()
    expect(tab.edit_box()).to_have_value(re.compile(r"Unfinished thought\. "), timeout=15_000)
    tab.rest()
    tab.press("Escape", sees=question[:30])


def test_words_typed_just_before_a_reload_are_there_after_it(new_page: NewPage) -> None:
    tab = new_page()
    tab.enter("hurried")
    tab.press("e", sees="Your text")
    tab.page.keyboard.type("Half a thought. ")
    tab.page.reload()
    tab.rest()
    if not tab.edit_box().count():
        tab.press("e", sees="Your text")
    expect(tab.edit_box()).to_have_value(re.compile(r"Half a thought\. "), timeout=15_000)


def test_what_comes_to_the_front_is_at_the_top_of_the_page(new_page: NewPage) -> None:
    tab = new_page()
    tab.enter("scroller")
    pane = tab.page.get_by_test_id("stMain")
    for key, sees in (("x", "One key will reject"), ("1", "Rejected:")):
        pane.evaluate("pane => pane.scrollTo(0, pane.scrollHeight)")
        assert pane.evaluate("pane => pane.scrollTop") > 0
        tab.press(key, sees=sees)
        assert pane.evaluate("pane => pane.scrollTop") == 0


def test_skip_and_escalate_bring_another_item(new_page: NewPage) -> None:
    tab = new_page()
    tab.enter("mover")
    first = tab.question()
    tab.press("s", sees="Skipped:")
    second = tab.question()
    tab.press("g", sees="Escalated to a senior:")
    assert len({first, second, tab.question()}) == 3


def test_letters_typed_into_a_field_are_not_decisions(new_page: NewPage, server: Server) -> None:
    tab = new_page()
    tab.enter("writer")
    before = count(server)
    tab.page.get_by_placeholder("Comment").click()
    tab.page.keyboard.type("axsgup")
    tab.rest()
    assert count(server) == before
    tab.page.keyboard.press("Tab")
    tab.rest()
    tab.press("a", sees="Approved:")
    assert server.loop.latest_reviews(1)[0].review.comment == "axsgup"


def test_thumbs_reach_the_store(new_page: NewPage, server: Server) -> None:
    tab = new_page()
    tab.enter("thumbs")
    item = server.loop.queue.held("thumbs")[0].item
    frame = tab.page.frame_locator("iframe[title*=feedback]")
    frame.locator("svg").first.click()
    frame.locator("button, input[type=submit]").last.click()
    expect(tab.page.get_by_text("Thumb saved.")).to_be_visible(timeout=10_000)
    kinds = [event["kind"] for event in server.loop.story(item.id, project=item.project).events]
    assert "item.feedback" in kinds
