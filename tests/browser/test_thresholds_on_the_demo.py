"""A lead's day on the demo: move the slider, certify and publish a threshold, meet a break, take the threshold back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from hitl_core import Review, Route, Stage
from hitl_core.loop.demo import PROJECT
from hitl_core.loop.trust.evidence import Scope
from tests.browser.conftest import Server
from tests.browser.desk_page import DeskPage

NewPage = Callable[..., DeskPage]
SLOW_MS = 60_000
BROKEN = "benefits"
ON_THE_DEMO = True
pytestmark = pytest.mark.timeout(600)  # loading the demo is part of whichever test comes first


@pytest.fixture(scope="module", autouse=True)
def demo(server: Server) -> None:
    server.loop.policies.refresh()


def item(name: str, confidence: float, **fields: Any) -> dict[str, Any]:
    given = {"id": name, "query": f"question {name}?", "output": "an answer", "project": PROJECT, "domain": "travel"}
    return given | {"confidence": confidence, "model": "assistant-large"} | fields


def fill(tab: DeskPage, key: str, text: str) -> None:
    """Type into a text box and leave it, so that the page knows."""
    box = tab.page.locator(f".st-key-{key.replace('.', '-')} input")
    box.fill(text)
    box.press("Tab")
    tab.rest()


def sees(tab: DeskPage, words: str) -> None:
    expect(tab.page.get_by_text(words).first).to_be_visible(timeout=SLOW_MS)


def burst_of_bad_audits(server: Server, version: int) -> None:
    """Outputs of one field go out and every audit of them says wrong, as after a broken prompt."""
    audited = set()
    for number in range(2_000):
        decision = server.loop.submit(item(f"bad-{number}", 0.99, domain=BROKEN))
        assert decision.policy_version == version
        if decision.audited:
            audited.add(decision.item_id)
        if len(audited) == 15:
            break
    while audited:
        task = server.loop.queue.claim("auditor", project=PROJECT, stages=(Stage.AUDIT,))
        assert task is not None
        wrong = task.item.id in audited
        review = Review(verdict="reject", reasons=("wrong_fact",)) if wrong else Review(verdict="approve")
        server.loop.queue.complete(task.token, review)
        audited.discard(task.item.id)


def moves_the_slider(tab: DeskPage) -> None:
    sees(tab, "The live policy stands at 0.95")
    tiles = tab.page.locator(".tile .big")
    reviewed = tiles.first.inner_text()
    tab.page.locator(".st-key-calibration-threshold input[type=range]").press("Home")
    expect(tiles.first).not_to_have_text(reviewed, timeout=SLOW_MS)
    sees(tab, "simultaneous bound")
    tab.rest()


def publishes(tab: DeskPage, server: Server, version: int) -> float:
    """Find a threshold for 5 % at 95 % and publish it; new outputs are routed by it."""
    tab.button("Find the threshold").click()
    sees(tab, "at most 5.00% of the time, with 95.0% confidence")
    threshold = server.loop.calibration.find(Scope(PROJECT), 0.05, 0.95).result.threshold
    assert threshold is not None
    assert threshold < 0.95
    assert server.loop.submit(item("early", threshold + 0.001)).route is not Route.AUTO_APPROVE
    fill(tab, "calibration.reason", "1,200 labels say so")
    tab.button("Publish").click()
    sees(tab, f"Policy version {version} is live")
    server.loop.policies.refresh()
    now = [server.loop.submit(item(f"late-{step}", threshold + step)) for step in (0.001, -0.001)]
    assert {each.policy_version for each in now} == {version}
    assert [each.route is Route.AUTO_APPROVE for each in now] == [True, False]
    return threshold


def is_told_of_the_break(tab: DeskPage, version: int) -> None:
    """Overview names the segment, Audit says what the monitor did, and a failure leads to its item."""
    sees(tab, f"Nothing of {BROKEN} goes out by itself")
    tab.page.get_by_role("link", name="Look at the audits").click()
    sees(tab, f"The monitor published policy version {version}")
    sees(tab, "What audits found wrong")
    tab.page.get_by_role("link", name="bad-").first.click()
    sees(tab, "Routing decisions")


def rolls_back(tab: DeskPage, version: int, becomes: int) -> None:
    sees(tab, f"Version {version}")
    tab.page.locator(f".st-key-calibration-back-{version} button").click()
    fill(tab, f"calibration.back.reason.{version}", "too many complaints")
    tab.button(f"Make version {version} live again").click()
    sees(tab, f"Version {version} is live again, as policy version {becomes}")


@pytest.mark.timeout(600)
def test_a_threshold_is_certified_published_broken_and_taken_back(server: Server, new_page: NewPage) -> None:
    loop, calibration = server.loop, f"/calibration?reviewer=lea&project={PROJECT}"
    before = loop.policies.live().version
    tab = new_page(calibration)
    moves_the_slider(tab)
    threshold = publishes(tab, server, before + 1)

    burst_of_bad_audits(server, before + 1)
    assert loop.audit.check() == [BROKEN]
    is_told_of_the_break(new_page("/overview?reviewer=lea"), before + 2)
    assert loop.submit(item("held", 0.99, domain=BROKEN)).route is not Route.AUTO_APPROVE

    rolls_back(new_page(calibration), before, before + 3)
    loop.policies.refresh()
    assert loop.submit(item("after", threshold + 0.001)).route is not Route.AUTO_APPROVE
    assert [each.segment() for each in loop.audit.tripped()] == [BROKEN], "a roll back takes no breaker away"

    audit = new_page(f"/audit?reviewer=lea&segment={BROKEN}")
    fill(audit, f"audit.reason.{BROKEN}", "the prompt was repaired")
    audit.button("Let it go out again").click()
    sees(audit, "goes out by itself again")
    loop.policies.refresh()
    assert loop.audit.tripped() == ()
