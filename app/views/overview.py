"""Overview: where things stand and what to do next."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from app import session, wiring
from app.components import standing, trouble
from app.components.leads import next_steps
from app.components.safe_html import element, show

FEWEST_REVIEWS = 20
DAYS = {"24 hours": 1, "7 days": 7, "30 days": 30, "everything": None}


def page() -> None:
    """Draw the page."""
    loop = wiring.loop()
    now = loop.clock.now()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        span = st.segmented_control("Decided within", list(DAYS), default="7 days", key="overview.span")
        project = st.selectbox(
            "Project", loop.projects(), index=None, key="overview.project", placeholder="all", width=320
        )
    days = DAYS.get(span or "everything")
    counts = loop.counts(since=now - timedelta(days=days) if days else None, project=project)
    if not counts.totals["items"]:
        trouble.empty(
            "No outputs yet",
            "Submit one from your application with <code>loop.submit(…)</code>, bring a file in with "
            "<code>hitl import FILE</code>, or try the demo with <code>hitl demo</code>.",
        )
        return
    if any(state for state in map(session.is_demo_project, loop.projects())):
        show(
            element(
                "div",
                "The project “demo” holds synthetic demo history: made-up reviewers, not measurements.",
                cls="notice info",
            )
        )
    show(element("h4", "What to do next", cls="head4"))
    reviewer = session.reviewer()
    steps = standing.next_steps(counts.waiting, next_steps.steps(project, reviewer), reviewer)
    show(standing.stopped(loop.audit.tripped(), reviewer) + steps)
    show(element("h4", "Waiting now", cls="head4") + standing.tiles(counts, now))
    if counts.waiting:
        show(standing.waiting_table(counts.waiting, now))
    left, right = st.columns(2)
    with left:
        show(element("h4", f"Routes, last {span or 'everything'}", cls="head4") + standing.shares(counts.routes))
    with right:
        show(element("h4", f"What reviewers decided, last {span or 'everything'}", cls="head4"))
        show(standing.verdicts(counts.verdicts, fewest=FEWEST_REVIEWS))


page()
