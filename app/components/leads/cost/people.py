"""How many reviewers at the same time an arrival rate and a service level take (Erlang C)."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import streamlit as st

from app.components.leads import wording
from app.components.safe_html import element, esc, show
from hitl_core.domain.errors import InputError
from hitl_core.reports.staffing import Staffing, staffing, with_reviewers

if TYPE_CHECKING:
    from hitl_core.reports.spending import CostReport

WITHIN = 0.95
_Z = 1.959964


def staff(report: CostReport, sla_hours: float) -> None:
    """Draw the inputs, which start as measured, and the people needed.

    Args:
        report: of the period.
        sla_hours: the policy's, for outputs of medium priority; a tenth of it is the default wait.
    """
    show(element("h4", "People needed at the same time", cls="head4"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        arrivals = _number("Outputs for a person in an hour", "arrivals", round(report.per_hour, 2), 1.0)
        seconds = _number("Seconds for one review", "seconds", round(report.review_seconds or 60.0), 5.0)
        minutes = _number("Taken within minutes", "wait", round(sla_hours * 6, 1), 1.0)
    if report.review_seconds is None:
        show(element("div", "No review time was measured in this period; 60 seconds are assumed.", cls="muted"))
    try:
        found = staffing(per_hour=arrivals, review_seconds=seconds, target_seconds=60 * minutes, within=WITHIN)
    except InputError as error:
        show(element("div", esc(str(error)), cls="notice problem"))
        return
    show(answer(found, report, arrivals, seconds, minutes) + table(found, arrivals, seconds, 60 * minutes))


def answer(found: Staffing, report: CostReport, arrivals: float, seconds: float, minutes: float) -> str:
    """Return the answer in words, with what the arrivals' own interval changes about it."""
    text = (
        f"<b>{found.reviewers:,}</b> reviewing at the same time take {found.within:.1%} of the outputs within "
        f"{minutes:g} minutes (aim {WITHIN:.0%})."
    )
    note = "Erlang C: arrivals at random over the whole day; give the busiest hour's own rate for its peak."
    counted = report.per_hour > 0 and round(report.per_hour, 2) == arrivals
    if counted and report.reviews:
        spread = _Z / sqrt(report.reviews)
        bounds = [
            staffing(per_hour=arrivals * factor, review_seconds=seconds, target_seconds=60 * minutes, within=WITHIN)
            for factor in (max(0.0, 1 - spread), 1 + spread)
        ]
        note = (
            f"{bounds[0].reviewers} to {bounds[1].reviewers} over the 95 % interval of the arrivals, n = "
            f"{report.reviews:,}. {note}"
        )
    return element("div", text) + element("div", note, cls="muted")


def table(found: Staffing, arrivals: float, seconds: float, wait: float) -> str:
    """Return what one person less and some more achieve, as HTML."""
    heads = ("reviewers", "busy", "have to wait", "mean wait", "taken in time")
    numbers = range(max(1, found.reviewers - 1), found.reviewers + 4)
    rows = [with_reviewers(n, per_hour=arrivals, review_seconds=seconds, target_seconds=wait) for n in numbers]
    head = element("tr", *(element("th", name, cls="n") for name in heads))
    return element("table", head, *(_row(row, chosen=row.reviewers == found.reviewers) for row in rows), cls="grid")


def _row(row: Staffing, *, chosen: bool) -> str:
    waits = wording.seconds(row.mean_wait_seconds) if row.mean_wait_seconds < float("inf") else "grows without end"
    cells = (f"{row.reviewers:,}", f"{row.occupancy:.0%}", f"{row.p_wait:.1%}", waits, f"{row.within:.1%}")
    return element("tr", *(element("td", element("b", cell) if chosen else cell, cls="n") for cell in cells))


def _number(label: str, name: str, value: float, step: float) -> float:
    return float(
        st.number_input(label, min_value=0.0, value=float(value), step=step, key=f"cost.staff.{name}", width=230) or 0.0
    )
