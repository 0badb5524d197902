"""On the demo in a browser: trends show the policy change, the optimum moves with a price, a what-if names items."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Server
from tests.browser.desk_page import DeskPage

NewPage = Callable[..., DeskPage]
SLOW_MS = 30_000
ON_THE_DEMO = True
pytestmark = pytest.mark.timeout(600)  # loading the demo is part of whichever test comes first


def block(tab: DeskPage, name: str) -> Locator:
    return tab.page.locator(f".st-key-trends-block-{name}")


def cheapest(tab: DeskPage) -> float:
    line = tab.page.get_by_text(re.compile(r"The cheapest threshold is")).first
    expect(line).to_be_visible(timeout=SLOW_MS)
    found = re.search(r"The cheapest threshold is ([0-9.]+)", line.inner_text())
    assert found is not None
    return float(found[1])


def test_trends_show_the_policy_change_and_what_it_did(new_page: NewPage, server: Server) -> None:
    tab = new_page("/trends?reviewer=ana")
    change = next(each for each in server.loop.policies.history() if "relaxed" in each.name)
    rate = block(tab, "human_review_rate")
    for words in (
        f"policy {change.version}",
        "Human review rate falls",
        "target: under 10.0%",
        "the path begins: 30 %",
    ):
        expect(rate.locator(".js-plotly-plot").get_by_text(words).first).to_be_attached(timeout=SLOW_MS)
    expect(tab.page.get_by_text(change.reason).first).to_be_visible()
    rate.get_by_test_id("stPopoverButton").first.click()
    expect(
        tab.page.get_by_text("Outputs whose decision sends them to a person, over all outputs").first
    ).to_be_visible()


def test_a_view_can_be_sent_by_its_address(new_page: NewPage) -> None:
    tab = new_page("/trends?reviewer=ana")
    tab.page.get_by_role("radio", name="policy version").click()
    tab.page.wait_for_url(re.compile(r"by=policy\+version|by=policy%20version"))
    tab.rest()
    other = new_page(tab.page.url.split("://", 1)[1].partition("/")[2].join(["/", ""]))
    expect(block(other, "human_review_rate").get_by_text("by policy version").first).to_be_attached(timeout=SLOW_MS)


def test_the_table_behind_a_figure_is_a_file(new_page: NewPage) -> None:
    tab = new_page("/trends?reviewer=ana")
    rate = block(tab, "human_review_rate")
    rate.get_by_text("Table behind this figure").click()
    with tab.page.expect_download(timeout=SLOW_MS) as started:
        rate.get_by_role("button", name="Download as CSV", exact=True).click()
    lines = started.value.path().read_text(encoding="utf-8").splitlines()
    assert lines[0] == "week,value,low,high,n,numerator,denominator"
    assert len(lines) >= 8


def test_the_optimum_moves_with_the_price_of_an_error(new_page: NewPage, server: Server) -> None:
    tab = new_page("/cost?reviewer=ana")
    before = cheapest(tab)
    box = tab.page.get_by_label("One wrong output that gets out")
    box.fill("5")
    box.press("Enter")
    expect(tab.page.get_by_text("Tried out only")).to_be_visible(timeout=SLOW_MS)
    tab.rest()
    assert cheapest(tab) < before
    assert server.loop.policy.cost.escaped_error_usd == 20.0
    expect(tab.page.locator(".js-plotly-plot").get_by_text("cheapest").first).to_be_attached(timeout=SLOW_MS)


def test_a_what_if_names_the_items_that_would_move_and_leads_to_them(new_page: NewPage, server: Server) -> None:
    tab = new_page("/cost?reviewer=ana&whatif=version+1")
    expect(tab.page.get_by_text("wrong outputs that get out")).to_be_visible(timeout=SLOW_MS)
    found = server.loop.reports.what_if(1, "90d")
    expect(tab.page.get_by_text(f"{found.moved:,} items would move")).to_be_visible()
    first = tab.page.get_by_role("link", name=found.items[0].item_id)
    first.click()
    expect(tab.page.get_by_text("What holds now")).to_be_visible(timeout=SLOW_MS)
    assert f"item={found.items[0].item_id}" in tab.page.url
    assert "reviewer=ana" in tab.page.url


def test_a_policy_file_is_compared_without_being_published(new_page: NewPage, server: Server) -> None:
    tab = new_page("/cost?reviewer=ana&whatif=a+policy+file")
    policy = b"name = 'freer'\nthresholds = { auto_approve = 0.7, async_review = 0.6, sync_review = 0.5 }\n"
    given = {"name": "freer.toml", "mimeType": "application/toml", "buffer": policy}
    tab.page.locator("input[type=file]").set_input_files(given)  # type: ignore[arg-type]
    expect(tab.page.get_by_text("with freer")).to_be_visible(timeout=SLOW_MS)
    expect(tab.page.get_by_text(re.compile(r"items would move")).first).to_be_visible()
    assert all(each.name != "freer" for each in server.loop.policies.history())


def test_the_overview_leads_to_the_figure_that_is_off_its_target(new_page: NewPage) -> None:
    tab = new_page("/overview?reviewer=ana")
    tab.page.get_by_role("link", name="See since when and where").first.click()
    expect(block(tab, "human_review_rate")).to_be_visible(timeout=SLOW_MS)
