"""Calibration: does confidence tell right from wrong, and from which confidence on may outputs go by themselves."""

from __future__ import annotations

from app import session, wiring
from app.components import trouble
from app.components.leads.calibration import curve, finding, scope, slider, versions
from app.components.leads.signing import notice
from app.components.safe_html import element, show


def page() -> None:
    """Draw the page."""
    notice(session.CALIBRATION_SAID)
    view = scope.choose()
    if view is None:
        trouble.empty(
            "No labels yet",
            "Confidence is compared with what reviewers decide. Submit outputs with their confidence, let people "
            "review what comes to them, and look again.",
            "To see the page with figures, run <code>hitl demo</code>.",
        )
        return
    if session.is_demo_project(view.scope.project):
        show(element("div", "The project “demo” holds synthetic history: made-up reviewers.", cls="notice info"))
    if curve.curve(view):
        show(element("h4", "A threshold, and what it would mean", cls="head4"))
        slider.slider(view)
        show(element("h4", "A threshold that can be certified", cls="head4"))
        finding.form(view)
    if len(wiring.loop().policies.history()) > 1:
        show(element("h4", "Policy versions", cls="head4"))
        versions.versions()


page()
