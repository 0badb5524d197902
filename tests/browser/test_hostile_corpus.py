from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from hitl_core import Item, Loop, Passage, Review
from tests.browser.conftest import Server
from tests.browser.desk_page import DeskPage

NewPage = Callable[..., DeskPage]
SCRIPTS = [
    "<script>window.__ran=1</script>",
    '<iframe srcdoc="<script>parent.__ran=1</script>"></iframe>',
    "</script><script>window.__ran=1</script>",
    '</textarea></style><img src=x onerror="window.__ran=1">',
    '<svg onload="window.__ran=1"></svg><a href="javascript:window.__ran=1">x</a>',
    '<img src="http://evil.example/a.png"> ![x](http://evil.example/b.png) [![y](http://evil.example/c.png)](d)',
    "<style>body{background:url(http://evil.example/d.png)}</style><link rel=stylesheet href=//evil.example/e.css>",
    '<div style="position:fixed;inset:0;background:url(//evil.example/f.png)">cover</div>',
    "safe \u202etxt.exe\u202c \u200bzero\u2066 width \U000e0041",
    ":red[x] :material/home: $\\href{javascript:1}{x}$ <form action=//evil.example><button>go</button></form>",
]
EVERYTHING = "\n".join(SCRIPTS)


def submit(loop: Loop, number: int, text: str) -> None:
    loop.submit(
        Item(
            id=f"h{number} {text[:100]}",
            project=f"p {text[:100]}",
            query=text,
            output=text,
            context=[Passage(text=text, source=text, title=text)],
            confidence=0.1,
            label=text[:150],
            subject=text[:150],
            domain=text[:150],
            model=text[:150],
            inputs={text: {"deep": [text]}},
            alternatives=[{"output": text, "pros": [text], "cons": [text]}],
            explanation={"reasoning": text, "top_features": {text: 0.5}},
            metadata={text: text},
        )
    )


@pytest.fixture(scope="module", autouse=True)
def hostile_items(server: Server) -> None:
    for number, text in enumerate([EVERYTHING, *SCRIPTS]):
        submit(server.loop, number, text)
    task = server.loop.queue.claim(EVERYTHING[:150])
    assert task is not None
    edit = Review(verdict="edit", output=f"{EVERYTHING} changed", reasons=("style",), comment=EVERYTHING)
    server.loop.queue.complete(task.token, edit)
    server.loop.submit(
        Item(id="big", project="big", query="q" * 30_000, output="<b>word </b>" * 20_000, confidence=0.0)
    )


def unharmed(tab: DeskPage) -> None:
    assert tab.page.evaluate("window.__ran") is None
    assert tab.page.locator("iframe[srcdoc], form[action*=evil], img[src*=evil], link[href*=evil]").count() == 0
    expect(tab.page.get_by_text("This page failed")).to_have_count(0)


def test_review_shows_it_as_text_through_all_steps(new_page: NewPage) -> None:
    tab = new_page()
    tab.enter("<img src=//evil.example/n.png> ana")
    for _ in range(12):
        unharmed(tab)
        tab.press("e", sees="Your text")
        unharmed(tab)
        tab.press("Escape")
        tab.press("x", sees="One key will reject")
        tab.press("1", sees="Rejected:")
        if not tab.page.locator(".question").count():
            break
    unharmed(tab)


def test_hidden_characters_are_made_visible(new_page: NewPage, server: Server) -> None:
    submit(server.loop, 99, SCRIPTS[8])
    tab = new_page()
    tab.enter("eyes")
    expect(tab.page.locator(".hidden-char", has_text="U+202E").first).to_be_visible()
    expect(tab.page.locator(".hidden-char", has_text="U+200B").first).to_be_visible()


LEADS = ("/calibration", "/audit", "/agreement", "/trends", "/cost", "/adjudicate")


@pytest.mark.parametrize("path", ["/overview", "/golden", "/history", "/history?item=%3Cscript%3E", *LEADS])
def test_the_other_pages_show_it_as_text(new_page: NewPage, path: str) -> None:
    tab = new_page(path)
    unharmed(tab)


def test_the_story_of_a_hostile_item_is_text(new_page: NewPage) -> None:
    tab = new_page("/history")
    tab.page.get_by_label("Item id").fill(f"h1 {SCRIPTS[0]}")
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_text("What holds now")).to_be_visible(timeout=10_000)
    unharmed(tab)


def test_a_huge_answer_stays_usable(new_page: NewPage, server: Server) -> None:
    server.loop.submit(Item(id="big2", project="huge", query="q", output="<b>word </b>" * 20_000, confidence=0.0))
    tab = new_page("/history?item=big2")
    expect(tab.page.get_by_text("more characters are not shown").first).to_be_visible(timeout=15_000)
    unharmed(tab)
