"""The upper half of the Calibration page: the curve, the measures, and fitting a calibrator."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from app import session, wiring
from app.charts.reliability import draw_reliability, reliability_rows
from app.components import trouble
from app.components.leads.calibration import measures
from app.components.leads.figure import figure, table
from app.components.leads.signing import signed_in
from app.components.safe_html import element, esc, show
from hitl_core.domain.errors import HitlError
from hitl_core.loop.trust.report import FEWEST_LABELS

if TYPE_CHECKING:
    from app.components.leads.calibration.scope import View
    from hitl_core.loop.trust.calibrating import FittedCalibrator
    from hitl_core.loop.trust.evidence import Evidence
    from hitl_core.loop.trust.report import CalibrationReport


def evidence(view: View) -> Evidence:
    """Return the labels that the view's figures rest on."""
    room = wiring.loop().calibration

    def read() -> Evidence:
        found = room.evidence(view.scope)
        # Only their number is shown, and what is kept is copied on every run of the page.
        return replace(found, rows=found.rows.select("decision"))

    return wiring.remembered(("calibration.evidence", *view.key), read, at_once=False)


def report(view: View) -> CalibrationReport | None:
    """Return the figures, None where there are too few labels for any."""
    room, given = wiring.loop().calibration, view.calibrator or None

    def read() -> CalibrationReport | None:
        try:
            return room.report(view.scope, given)
        except HitlError:
            return None

    return wiring.remembered(("calibration.report", *view.key), read, at_once=False)


def curve(view: View) -> bool:
    """Draw curve and measures; return whether there were labels enough."""
    if view.recalibrated and view.fitted is None:
        nothing_fitted(view)
        return False
    rests_on = evidence(view)
    shown = report(view) if rests_on.n else None
    if shown is None or shown.n < FEWEST_LABELS:
        n = shown.n if shown else 0
        title = "No label of a closed window yet" if not n else "Too few labels to tell"
        trouble.empty(title, *measures.too_few(n, FEWEST_LABELS))
        return False
    show(measures.window_markup(rests_on))
    if view.fitted is not None:
        show(element("div", whose(view.fitted, in_use=view.in_use), cls="muted"))
    left, right = st.columns([11, 10], gap="medium")
    with left:
        raw = report(_as_it_came(view)) if view.fitted else None
        title = f"{view.name}, {'recalibrated' if view.fitted else 'confidence as it came'}"
        drawn = draw_reliability(shown, title=title, other=raw.table if raw else None)
        figure(drawn, reliability_rows(shown.table), key="calibration.curve", name="Reliability curve")
    with right:
        show(element("h4", "How far confidence is from the truth", cls="head4"))
        naive = st.toggle("What a naive count would have claimed", key="calibration.naive")
        show(measures.measures_markup(shown, naive=naive))
        with st.expander("The same as a table to take along", key="calibration.measures.open"):
            table(measures.measures_rows(shown), key="calibration.measures", name="Calibration measures")
        show(element("h4", "Where it is off", cls="head4") + measures.off_markup(shown))
    if view.fitted is not None:
        with st.expander("Fit a new calibrator", key="calibration.fit.open"):
            fit_form(view)
    return True


def whose(fitted: FittedCalibrator, *, in_use: bool) -> str:
    """Return in words which calibrator made the confidences, as HTML."""
    made, body = fitted.artefact, fitted.artefact.body
    use = "The live policy uses it." if in_use else "The live policy does not use it yet; publishing a threshold does."
    return (
        f"Recalibrated by version {made.version}, fitted {made.created_at:%Y-%m-%d %H:%M} UTC by "
        f"{esc(made.author[:60])} on {int(body.get('n', 0)):,} labels. The figures rest on the labels that it "
        f"has not seen. {use}"
    )


def nothing_fitted(view: View) -> None:
    """Say that there is no calibrator yet, and offer to fit one."""
    trouble.empty(
        f"No calibrator for project {esc(view.scope.project[:80])} yet",
        "A calibrator turns the confidence that outputs bring into the share that is right. It learns from a third of "
        "the questions; the labels of the others stay aside and say whether it is any good.",
    )
    fit_form(view)


def fit_form(view: View) -> None:
    """Offer to fit a calibrator on the labels looked at."""
    name = signed_in("calibration.fit.name")
    st.button(
        "Fit a calibrator",
        key="calibration.fit",
        on_click=_fit,
        args=(view,),
        disabled=name is None,
        help="Nothing uses it before a threshold is published with it.",
    )


def _fit(view: View) -> None:
    name = session.reviewer()
    if name is None:
        return
    try:
        fitted = wiring.loop().acting_as(name).calibration.fit(view.scope)
        said = (f"Calibrator version {fitted.artefact.version} is fitted; nothing uses it yet.", True)
    except HitlError as error:
        said = (f"Not fitted: {error}", False)
    st.session_state[session.CALIBRATION_SAID] = said


def _as_it_came(view: View) -> View:
    return replace(view, recalibrated=False, fitted=None)
