"""Trends: every figure of a period, over time or by group, with what changed meanwhile."""

from __future__ import annotations

import streamlit as st

from app import wiring
from app.components import trouble
from app.components.leads import address, filters, trends, trends_changes, trends_gains
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
    show(element("h4", f"All figures, {view.name}", cls="head4") + trends.summary(figures))
    sheet = address.segments(
        "Draw", list(trends.SHEETS), key="trends.sheet", parameter="sheet", default=next(iter(trends.SHEETS))
    )
    changes = loop.reports.changes(view.period, project=view.project)
    drawn = loop.reports.metrics(view.period, by=view.by, project=view.project)
    left, right = st.columns(2, gap="small")
    for place, name in enumerate(trends.SHEETS[sheet]):
        with left if place % 2 == 0 else right:
            trends.block(name, drawn, view, trends_changes.markers(changes))
    if sheet == "Quality":
        show(trends_gains.gains(loop.reports.metrics(None, by="quarter", project=view.project)))
    show(element("h4", "What changed", cls="head4") + trends_changes.table(changes))


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
