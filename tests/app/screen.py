"""What an AppTest shows, as text."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest


def seen(test: AppTest) -> str:
    """All HTML on the page, our own style sheet left out."""
    assert not test.exception, [each.value for each in test.exception]
    return "\n".join(str(each.value) for each in test.html if not str(each.value).startswith("<style>"))


def press(test: AppTest, name: str) -> AppTest:
    """Press the button whose key starts with `review.<name>.`."""
    pressed: AppTest = button(test, name).click().run()
    return pressed


def button(test: AppTest, name: str) -> Any:
    return next(each for each in test.button if str(each.key).startswith(f"review.{name}."))


def edit_area(test: AppTest) -> Any:
    return next(each for each in test.text_area if str(each.key).startswith("review.edit."))
