"""Audit: is what goes out by itself as right as it has to be, segment by segment, and what happens where it is not."""

from __future__ import annotations

import streamlit as st

from app import session, wiring
from app.components import trouble
from app.components.leads import address
from app.components.leads.audit import segment, states
from app.components.leads.figure import table
from app.components.leads.signing import notice
from app.components.safe_html import element, show


def page() -> None:
    """Draw the page."""
    loop = wiring.loop()
    notice(session.AUDIT_SAID)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        project = address.choose("Project", loop.projects(), key="audit.project", parameter="project") or None
        found = states.states(project)
        names = [each.segment for each in found]
        if names:
            chosen = address.choose(
                "Segment to look at",
                names,
                key="audit.segment",
                parameter="segment",
                default=names[0],
                width=320,
            )
    if not found:
        trouble.empty(
            "No audit yet",
            f"Of what goes out by itself, {loop.policy.audit.rate:.0%} is drawn by a secret coin and checked by a "
            "person, who is not told that it is out already.",
            "Nothing that went out was drawn so far. The share is <code>audit.rate</code> in the policy.",
        )
        return
    target = loop.policy.audit.target_error
    show(element("h4", f"Segments: what goes out by itself may be wrong {target:.1%} of the time", cls="head4"))
    show(states.states_markup(found, loop.clock.now()))
    show(element("div", states.EXPLAINED, cls="muted"))
    with st.expander("The same as a table to take along", key="audit.states.open"):
        table(states.states_rows(found), key="audit.states", name="Audit by segment")
    state = next(each for each in found if each.segment == chosen)
    segment.segment(state, project)


page()
