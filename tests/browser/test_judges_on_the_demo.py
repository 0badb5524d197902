"""The demo's judged items as a reviewer sees them: votes, reasons, cost, and an attack that is called one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from hitl_core import Policy
from hitl_core.integrations.demo import demo_data_dir, load_demo
from tests.browser.conftest import Server
from tests.browser.desk_page import DeskPage

NewPage = Callable[..., DeskPage]


@pytest.fixture(scope="module", autouse=True)
def judged_items(server: Server) -> None:
    """Two of the demo's pending items, under its own policy: its recorded judges speak as in `hitl demo`."""
    server.loop.publish(Policy.load(demo_data_dir() / "policy.toml"), reason="the demo's")
    items, _ = load_demo()
    wanted = [item for item in items if item.id in ("demo-022", "demo-101")]
    assert not server.loop.submit_many(wanted).errors
    assert len(server.loop.judges.judge_waiting(9)) == 2


def test_votes_and_the_attack_are_seen_without_scrolling_and_keys_still_work(new_page: NewPage) -> None:
    tab = new_page()
    tab.enter("ana")
    seen = set[str]()
    for _ in range(2):
        panel = tab.page.locator(".judges")
        expect(panel).to_be_in_viewport(ratio=0.98, timeout=10_000)
        expect(panel.get_by_text("recorded", exact=True)).to_be_visible()
        expect(panel.locator(".vote")).to_have_count(3)
        if "Brightline" in tab.question():
            expect(panel.locator(".attack")).to_contain_text("The text contains instructions to the judge.")
            expect(panel.locator(".attack")).to_contain_text("the answer and in passage 2")
            seen.add("attack")
        else:
            expect(panel).to_contain_text("Singapore is a high-cost city")
            expect(panel).to_contain_text("0.00292 USD")
            seen.add("votes")
        tab.press("a", sees="Approved")
    assert seen == {"attack", "votes"}
