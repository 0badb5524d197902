"""On the demo: two reviewers disagreed, a senior settles it by one key, and agreement has moved."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Server
from tests.browser.desk_page import DeskPage

NewPage = Callable[..., DeskPage]
SLOW_MS = 60_000
ON_THE_DEMO = True
SENIOR, OTHER = "Ana (synthetic)", "Bruno (synthetic)"
pytestmark = pytest.mark.timeout(600)  # loading the demo is part of whichever test comes first


def tile(tab: DeskPage, label: str) -> Locator:
    return tab.page.locator(".tile", has_text=label).locator(".big")


def row_of(tab: DeskPage, rater: str) -> str:
    row = tab.page.locator("table.grid tr", has=tab.page.get_by_text(rater, exact=True)).first
    return str(row.inner_text(timeout=SLOW_MS))


def test_a_senior_settles_the_demos_dispute_by_one_key(new_page: NewPage, server: Server) -> None:
    before = new_page("/agreement?project=demo")
    expect(tile(before, "settled by a senior")).to_be_visible(timeout=SLOW_MS)
    settled, raters = tile(before, "settled by a senior").inner_text(), row_of(before, OTHER)
    expect(before.page.get_by_role("link", name="demo-dispute")).to_be_visible()

    senior = new_page(f"/adjudicate?reviewer={SENIOR}")
    cards = senior.page.locator(".opinion")
    expect(cards).to_have_count(2, timeout=SLOW_MS)
    expect(senior.page.get_by_text(OTHER)).to_have_count(0)
    edit = next(at for at in range(2) if cards.nth(at).locator("ins, del").count())
    senior.press(str(edit + 1), sees="Edit saved:")
    outcome = server.loop.outcome("demo-dispute", project="demo")
    assert outcome is not None
    assert (outcome.verdict, outcome.decided_by) == ("edit", SENIOR)

    before.page.reload()
    before.rest()
    expect(tile(before, "settled by a senior")).to_have_text(str(int(settled) + 1), timeout=SLOW_MS)
    assert row_of(before, OTHER) != raters
