"""One tab of the app, with the words of a reviewer."""

from __future__ import annotations

from collections.abc import Mapping

from playwright.sync_api import Locator, Page, expect

IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
READ_MS = 450
"""A little longer than the app waits before it believes that an item could be read."""


class DeskPage:
    """A tab; every action waits until the page rests."""

    def __init__(self, page: Page, headers: Mapping[str, str]) -> None:
        self.page = page
        self.headers = headers
        self.rest()

    def rest(self) -> None:
        """Wait until the page was drawn and a person could have read it."""
        self.page.wait_for_selector(IDLE, timeout=30_000)
        self.page.wait_for_timeout(READ_MS)
        self.page.wait_for_selector(IDLE, timeout=30_000)

    def enter(self, name: str) -> None:
        """Give a name at the door."""
        self.page.get_by_label("Your name").fill(name)
        self.page.keyboard.press("Enter")
        self.button("Approve").wait_for()
        self.rest()

    def button(self, label: str) -> Locator:
        """The button with this label, whatever key it shows."""
        return self.page.locator("button", has=self.page.get_by_text(label, exact=True)).first

    def press(self, key: str, sees: str = "") -> None:
        """Press a key; wait for words that must show then."""
        self.page.keyboard.press(key)
        if sees:
            expect(self.page.get_by_text(sees).first).to_be_visible(timeout=15_000)
        self.rest()

    def question(self) -> str:
        """The question in front."""
        return str(self.page.locator(".question").first.inner_text())

    def edit_box(self) -> Locator:
        """The edit box."""
        return self.page.locator("[class*=st-key-review-edit-] textarea")
