"""Cost: what thresholds cost at prices one can try out, people needed, and what another policy would have done."""

from __future__ import annotations

import streamlit as st

from app import wiring
from app.components import trouble
from app.components.leads import filters
from app.components.leads.cost import answers, people, prices, whatif
from app.components.safe_html import element, show


def page() -> None:
    """Draw the page."""
    loop = wiring.loop()
    view = filters.choose("cost", loop.projects(), grouped=False)
    policy = loop.policy
    now = loop.reports.cost(policy.cost, view.period, project=view.project)
    if not now.outputs:
        nothing(view)
        return
    left, right = st.columns([3, 9], gap="medium")
    with left:
        tried = prices.choose(policy.cost, now.review_seconds)
        report = loop.reports.cost(tried, view.period, project=view.project)
        show(prices.reckoned(report.prices))
        prices.saving(loop, tried)
    with right:
        show(element("h4", f"This period, {view.name}", cls="head4") + answers.tiles(report))
        show(element("h4", "What thresholds cost", cls="head4"))
        answers.curve(report)
        show(element("h4", "What another policy would have done", cls="head4"))
        whatif.compare(loop, view, report.prices)
        people.staff(report, policy.sla.medium_hours)


def nothing(view: filters.View) -> None:
    """Say why there is nothing, and what to do."""
    trouble.empty(
        "No outputs yet" if view.period is None else "No outputs in this time",
        "Costs come with outputs and reviews: choose a longer period above, bring a file in with "
        "<code>hitl import FILE</code>, or try the demo with <code>hitl demo</code>.",
    )


page()
