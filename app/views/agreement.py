"""Agreement: do raters agree, people and judges alike, who is how often right, and what was disputed."""

from __future__ import annotations

import streamlit as st

from app import wiring
from app.charts.agreement import draw_rates
from app.components import trouble
from app.components.leads import address, filters
from app.components.leads.figure import figure
from app.components.raters import figures, people, words
from app.components.safe_html import element, show
from hitl_core.loop import Loop
from hitl_core.reports.raters.report import AgreementReport

FEWEST_ITEMS = 10
"""Items with two opinions, from which on coefficients are shown."""
HEARD = ("people", "people and judges")


def page() -> None:
    """Draw the page."""
    loop = wiring.loop()
    report = chosen(loop)
    if not report.opinions:
        nothing()
        return
    if report.items < FEWEST_ITEMS:
        too_few(report)
    else:
        agreement(report)
    raters(report)
    disputes(report)


def chosen(loop: Loop) -> AgreementReport:
    """Draw the filters and return the report they ask for."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        project = address.choose("Project", loop.projects(), key="agreement.project", parameter="project") or None
        domains = loop.raters.domains(project)
        domain = address.choose("Domain", domains, key="agreement.domain", parameter="domain") or None
        period = address.segments(
            "Period", list(filters.PERIODS), key="agreement.period", parameter="period", default="90 days"
        )
        heard = address.segments("Charts hear", HEARD, key="agreement.heard", parameter="heard", default=HEARD[0])
    return loop.raters.report(filters.PERIODS[period], project=project, domain=domain, with_judges=heard == HEARD[1])


def nothing() -> None:
    """Say that nobody gave an opinion in what was chosen."""
    trouble.empty(
        "No opinions in this time",
        "Agreement needs items that several raters looked at: reviewers, judges, or both.",
        "How many people look at the same item stands in the policy: <code>[overlap] share = 0.1, opinions = 2</code>. "
        "Judges are raters too, wherever the policy asks them.",
    )


def too_few(report: AgreementReport) -> None:
    """Say how many items are missing."""
    text = (
        f"Coefficients are shown from {FEWEST_ITEMS} items with two opinions on; there are {report.items} "
        f"(of {report.opinions:,} opinions). Choose a longer period or all projects, or raise "
        "<code>overlap.share</code> in the policy."
    )
    show(element("div", element("b", "Too few items with two opinions. "), text, cls="notice info"))


def agreement(report: AgreementReport) -> None:
    """Draw the coefficients: all in a table, then by pair, time, domain and reason."""
    show(figures.tiles(report))
    show(element("h4", "How well raters agree", cls="head4") + figures.coefficients(report.coefficients))
    figures.download(report.coefficients, "Agreement coefficients", key="agreement.coefficients.csv")
    left, right = st.columns(2)
    with left:
        figures.pairs(report)
    with right:
        figures.over_time(report)
    left, right = st.columns(2)
    with left:
        figures.by(report.by_domain, "Krippendorff's alpha by domain", key="agreement.domains")
    with right:
        figures.by(report.by_reason, "Alpha of citing a reason, by reason", key="agreement.reasons")


def raters(report: AgreementReport) -> None:
    """Draw what each rater is worth, and judges against people."""
    show(element("h4", "Raters", cls="head4") + people.raters(report.raters))
    settled = "" if report.converged else f" The fit had not settled after {report.iterations} steps."
    show(element("div", people.RATERS_EXPLAINED, settled if report.converged is not None else "", cls="muted"))
    figures.download(report.raters, "Raters", key="agreement.raters.csv")
    if report.converged is not None and report.items >= FEWEST_ITEMS:
        figure(
            draw_rates(report.raters, words.called), report.raters, key="agreement.rates", name="What each rater finds"
        )
    if report.judges:
        judges(report)


def judges(report: AgreementReport) -> None:
    """Draw judges against people's labels."""
    show(element("h4", "Judges against people", cls="head4"))
    if report.against_people.is_empty():
        show(element("div", "No item has both a judge's verdict and a label of people in this time.", cls="muted"))
        return
    show(people.judges(report.against_people) + element("div", people.JUDGES_EXPLAINED, cls="muted"))
    figures.download(report.against_people, "Judges against people", key="agreement.judges.csv")


def disputes(report: AgreementReport) -> None:
    """Draw the items on which raters differ most."""
    none = element("div", "No item has opinions that differ.", cls="muted")
    listed = none if report.disputed.is_empty() else people.disputed(report.disputed)
    show(element("h4", "Most disputed items", cls="head4") + listed)
    figures.download(report.disputed, "Disputed items", key="agreement.disputed.csv")


page()
