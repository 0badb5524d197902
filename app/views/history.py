"""History: the latest reviews, or the whole story of one item (`?item=`, and `&project=` where two share an id)."""

from __future__ import annotations

import streamlit as st

from app import wiring
from app.components import answer, evidence, golden_card, item_details, trouble
from app.components.leads import address
from app.components.safe_html import element, esc, show
from hitl_core.domain.errors import HitlError
from hitl_core.loop import ItemStory, Loop, ReviewLine

LATEST = 60


def page() -> None:
    """Draw the page."""
    loop = wiring.loop()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        item_id = st.text_input("Item id", key="item", bind="query-params", max_chars=200, width=420)
        project = (
            address.choose("Project", loop.projects(), key="history.project", parameter="project", width=260) or None
        )
    if item_id.strip():
        one(loop, item_id.strip(), project)
    else:
        latest(loop, project)


def one(loop: Loop, item_id: str, project: str | None) -> None:
    """Draw an item with everything that happened to it."""
    try:
        story = loop.story(item_id, project=project)
    except HitlError as error:
        show(element("div", esc(str(error)), cls="notice problem"))
        return
    item = story.item
    blind = story.blind
    left, right = st.columns([11, 9], gap="small")
    with left:
        everything = (
            st.checkbox("Show everything", key="history.all") if len(item.output) > answer.SHOWN_CHARS else False
        )
        body = answer.question(item.query, everything=everything) + answer.plain(item.output, everything=everything)
        show(element("div", body, cls="card"))
        item_details.details(item, blind=blind)
    with right:
        happened(story, blind=blind)
    show(element("div", evidence.evidence(item.context, (), everything=False), cls="card"))


def happened(story: ItemStory, *, blind: bool) -> None:
    """Draw outcome, reviews and decisions."""
    show(element("h4", "What holds now", cls="head4") + golden_card.outcome_line(story, blind=blind))
    reviews = "".join(golden_card.review_line(story, review) for review in story.reviews)
    show(element("h4", "Reviews", cls="head4") + (reviews or element("div", "Nobody has reviewed it.", cls="muted")))
    decisions = "".join(golden_card.decision_line(each, blind=blind) for each in story.decisions)
    show(element("h4", "Routing decisions", cls="head4") + decisions)


def latest(loop: Loop, project: str | None) -> None:
    """Draw the newest reviews as a table."""
    lines = loop.latest_reviews(LATEST, project=project)
    if not lines:
        trouble.empty(
            "Nobody has reviewed anything yet",
            "Decisions made on the Review page show here, newest first. To see one output's story, give its id above.",
        )
        return
    heads = ("when (UTC)", "verdict", "reviewer", "reasons", "seconds", "project", "item", "comment")
    head = element("tr", *(element("th", name) for name in heads))
    show(element("table", head, *(row(line) for line in lines), cls="grid"))


def row(line: ReviewLine) -> str:
    """Return one review as a table row."""
    review = line.review
    cells = (
        f"{review.created_at:%m-%d %H:%M}" if review.created_at else "",
        "undone" if line.undone else review.verdict,
        review.reviewer[:60],
        ", ".join(review.reasons)[:120],
        "" if review.active_seconds is None else f"{review.active_seconds:.0f}",
        line.project[:60],
        line.item_id[:80],
        review.comment[:200],
    )
    return element("tr", *(element("td", esc(cell)) for cell in cells))


page()
