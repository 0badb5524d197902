"""Trends: every figure of a period, over time or by group, with what changed meanwhile."""

from __future__ import annotations

import streamlit as st

from app import wiring
from app.components import trouble
from app.components.leads import address, filters
from app.components.leads.trends import gains, sheets, turns
from app.components.safe_html import element, show
from hitl_core import Loop


def page() -> None:
    """Draw the page."""
    loop = wiring.loop()
    view = filters.choose("trends", loop.projects())
    figures = loop.reports.metrics(view.period, project=view.project)
    if not figures.height:
        nothing(loop, view)
        return
    show(element("h4", f"All figures, {view.name}", cls="head4") + sheets.summary(figures))
    sheet = address.segments(
        "Draw", list(sheets.SHEETS), key="trends.sheet", parameter="sheet", default=next(iter(sheets.SHEETS))
    )
    changes = loop.reports.changes(view.period, project=view.project)
    drawn = loop.reports.metrics(view.period, by=view.by, project=view.project)
    left, right = st.columns(2, gap="small")
    for place, name in enumerate(sheets.SHEETS[sheet]):
        with left if place % 2 == 0 else right:
            sheets.block(name, drawn, view, changes)
    if sheet == "Quality":
        show(gains.gains(loop.reports.metrics(None, by="quarter", project=view.project)))
    show(element("h4", "What changed", cls="head4") + turns.table(changes))


def nothing(loop: Loop, view: filters.View) -> None:
    """Say why there is nothing, and what to do."""
    if view.period is not None and loop.reports.metrics(None, project=view.project).height:
        trouble.empty(
            "Nothing in this time", "Outputs and reviews of earlier times are there; choose a longer period above."
        )
        return
    trouble.empty(
        "No outputs yet",
        "Figures come with the first outputs: submit one with <code>loop.submit(…)</code>, bring a file in with "
        "<code>hitl import FILE</code>, or try the demo with <code>hitl demo</code>.",
    )


page()
