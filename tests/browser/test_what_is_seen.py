from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from hitl_core import Item, Passage
from tests.browser.conftest import Server
from tests.browser.desk_page import DeskPage

NewPage = Callable[..., DeskPage]
SENTENCES = [
    "Staff may carry five unused days of leave into the next year when the manager was told in time.",
    "The days lapse on the last day of March and are never paid out under any circumstances at all.",
    "A longer period applies to people who were ill for more than four weeks in a row that year.",
    "Requests go to the desk by the middle of December together with the signed form from the portal.",
    "Part time employees get the same entitlement in proportion to the hours they have agreed upon.",
]
ANSWER = " ".join((SENTENCES * 3)[:13])


@pytest.fixture(scope="module", autouse=True)
def long_item(server: Server) -> None:
    assert 220 <= len(ANSWER.split()) <= 245
    passages = [
        Passage(text=" ".join(SENTENCES[n % 5 :] * 2), source=f"handbook-{n}.pdf", retrieval_score=0.9 - n / 10)
        for n in range(5)
    ]
    query = "How many unused days of leave may I carry into the next year and until when?"
    server.loop.submit(Item(id="long", query=query, output=ANSWER, context=passages, confidence=0.3, domain="leave"))


def test_answer_evidence_keys_and_state_need_no_scrolling(new_page: NewPage) -> None:
    tab = new_page()
    tab.enter("ana")
    for what in ("Approve", "Edit", "Reject", "Skip", "Escalate", "Undo"):
        stays_in_sight(tab.button(what))
    sentences = tab.page.locator(".pane").first.locator(".prose span[class^=s-]")
    assert sentences.count() == 13
    stays_in_sight(sentences.last)
    stays_in_sight(tab.page.locator(".passage.best mark").first)
    for chip in ("route", "confidence", "waiting", "due in"):
        stays_in_sight(tab.page.locator(".chip", has_text=chip).first)
    pane = tab.page.locator(".pane").first
    assert pane.evaluate("pane => pane.scrollHeight <= pane.clientHeight")


def test_the_mark_says_what_it_means(new_page: NewPage) -> None:
    tab = new_page("/?reviewer=ana")
    expect(tab.page.get_by_text("not a truth check").first).to_be_visible()


def test_editing_keeps_box_changes_and_evidence_in_sight(new_page: NewPage) -> None:
    tab = new_page("/?reviewer=ana")
    tab.press("e", sees="Your text")
    tab.page.keyboard.type("New words. ")
    expect(tab.page.locator("ins").first).to_be_visible(timeout=10_000)
    for thing in (tab.edit_box(), tab.page.locator("ins").first, tab.page.locator(".passage.best mark").first):
        stays_in_sight(thing)
    tab.press("Escape", sees="best evidence")


def stays_in_sight(thing: Locator) -> None:
    """Streamlit lays a page out in steps; what counts is where a thing ends up."""
    expect(thing).to_be_in_viewport(ratio=0.98, timeout=10_000)
