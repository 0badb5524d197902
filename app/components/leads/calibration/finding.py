"""Finding a threshold that can be certified, what it would change, and publishing it with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import session, wiring
from app.components.leads.calibration.policy_diff import Difference, diff_markup, differences
from app.components.leads.calibration.scope import NAMES
from app.components.leads.calibration.slider import threshold_of
from app.components.leads.signing import signed_in
from app.components.safe_html import element, esc, show
from hitl_core.domain.errors import HitlError
from hitl_core.loop.trust.evidence import SEGMENT_KEYS

if TYPE_CHECKING:
    from app.components.leads.calibration.scope import View
    from hitl_core.domain.policy import Policy
    from hitl_core.loop.trust.evidence import Scope
    from hitl_core.loop.trust.finding import Finding


def form(view: View) -> None:
    """Ask for a target and a confidence, and show what was found for this view."""
    target = wiring.loop().policy.audit.target_error
    with st.form("calibration.find.form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            "Wrong at most (%)", 0.1, 50.0, round(target * 100, 2), 0.5, key="calibration.target", width=180
        )
        st.number_input("With confidence (%)", 50.0, 99.9, 95.0, 0.5, key="calibration.sure", width=180)
        free = [key for key in SEGMENT_KEYS if key not in view.scope.where]
        st.selectbox(
            "A threshold for",
            ["", *free],
            key="calibration.by",
            format_func=lambda key: f"each {NAMES[key].lower()}" if key else "all of it together",
            width=200,
        )
        st.form_submit_button(
            "Find the threshold", key="calibration.find", type="primary", on_click=_find, args=(view,)
        )
    held = st.session_state.get(session.CALIBRATION_FOUND)
    if held is not None and held[0] == view.key:
        found(held[1])


def found(finding: Finding) -> None:
    """Draw a finding: in sentences, what it would change, its certificate, and the way to publish it."""
    show(element("div", *(element("div", esc(each)) for each in finding.summary), cls="card"))
    certificates = [part.certificate for part in finding.parts if part.certificate is not None]
    if not certificates:
        return
    left, right = st.columns([11, 10], gap="medium")
    with left:
        show(element("h4", "What would change", cls="head4"))
        live = wiring.loop().policy
        effect = [_effect(part.scope, live, finding.policy) for part in finding.parts]
        show(diff_markup([*filter(None, effect), *differences(live, finding.policy)]))
    with right, st.expander("The certificate in full", key="calibration.certificate.open"):
        for each in certificates:
            st.code(each.text(), language=None, wrap_lines=True)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = signed_in("calibration.publish.name")
        st.text_input("Why is it published?", key="calibration.reason", max_chars=500, width=420)
        st.button(
            "Publish",
            key="calibration.publish",
            type="primary",
            on_click=_publish,
            args=(finding,),
            disabled=name is None,
        )


def _effect(scope: Scope, live: Policy, then: Policy) -> Difference | None:
    """Return how the lowest confidence that goes out by itself would move, None where it would not."""
    name = " / ".join((scope.project, *scope.where.values()))
    before, after = (_at(threshold_of(policy, scope)) for policy in (live, then))
    return None if before == after else Difference(f"{name}: goes out by itself from", before, after)


def _at(threshold: float) -> str:
    return f"{threshold:.4g}" if threshold <= 1 else "never"


def _find(view: View) -> None:
    state = st.session_state
    target, sure = float(state["calibration.target"]) / 100, float(state["calibration.sure"]) / 100
    by = tuple(filter(None, [state.get("calibration.by")]))
    state.pop(session.CALIBRATION_FOUND, None)
    find = wiring.loop().calibration.find
    try:
        finding = find(view.scope, round(target, 6), round(sure, 6), view.calibrator or None, by=by)
        state[session.CALIBRATION_FOUND] = (view.key, finding)
    except HitlError as error:
        state[session.CALIBRATION_SAID] = (f"Nothing was found: {error}", False)


def _publish(finding: Finding) -> None:
    name = session.reviewer()
    if name is None:
        return
    reason = str(st.session_state.get("calibration.reason", ""))
    try:
        live = wiring.loop().acting_as(name).calibration.publish(finding, reason)
    except HitlError as error:
        st.session_state[session.CALIBRATION_SAID] = (f"Not published: {error}", False)
        return
    st.session_state.pop(session.CALIBRATION_FOUND, None)
    said = f"Policy version {live.version} is live; new outputs are routed by it."
    st.session_state[session.CALIBRATION_SAID] = (said, True)
