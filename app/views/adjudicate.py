"""Adjudicate: a senior settles what reviewers disagree on, opinions side by side, one key a decision."""

from __future__ import annotations

import streamlit as st

from app import session, wiring
from app.components import answer, evidence, item_details, state_strip
from app.components.adjudicate import access
from app.components.adjudicate.opinions import side_by_side
from app.components.adjudicate.settling_bar import row_of
from app.components.decision_bar import bar
from app.components.door import door, projects
from app.components.edit_box import diff_markup, edit_box
from app.components.notice import notice
from app.components.safe_html import element, show
from app.desk import Desk, Shown
from hitl_core.loop.raters.dispute import Dispute

OPINIONS_WAIT_SECONDS = 5.0
MARKS_WAIT_SECONDS = 0.25


def page() -> None:
    """Draw the page."""
    name = session.reviewer()
    if name is None:
        door()
        return
    if not access.may_settle(wiring.loop(), name):
        show(element("div", access.why_not(wiring.loop()), cls="empty"))
        st.button("Change name", key="review.leave", on_click=session.leave)
        return
    desk = session.settling_desk(name)
    desk.sit_down()
    if not access.has_seniors(desk.loop):
        show(element("div", access.NO_SENIORS, cls="notice info"))
    if desk.current is None:
        nothing(desk)
        return
    work(desk, desk.current)
    keep_alive(desk)


def work(desk: Desk, shown: Shown) -> None:
    """Draw the dispute in front: state, keys, opinions, then the answer and its evidence."""
    task = shown.task
    dispute = opinions_on(shown)
    waiting = wiring.waiting(desk.project, seniors=True)
    show(state_strip.strip(task, desk.loop.clock.now(), waiting=waiting, reviewer=desk.reviewer))
    bar(desk, desk.loop.policy.review.reasons, row_of(dispute))
    notice(desk)
    show(element("div", answer.question(task.item.query, everything=False), cls="above"))
    if shown.mode == "edit":
        edit_box(desk, shown)
    elif shown.mode == "edit_reasons":
        show(element("div", diff_markup(shown), cls="pane half"))
    show(side_by_side(task.item, dispute))
    sources(shown)
    desk.was_drawn()
    st.button("Change name or give everything back", key="review.leave", on_click=session.leave)
    projects(desk)


def opinions_on(shown: Shown) -> Dispute:
    """Return the opinions; a task that was lost meanwhile has none to show, and its keys will say so."""
    prepared = shown.workup.dispute
    return (wiring.ready(prepared, wait=OPINIONS_WAIT_SECONDS) if prepared else None) or Dispute()


def sources(shown: Shown) -> None:
    """Draw the answer as it was given, and its passages."""
    item = shown.task.item
    key = f"review.all.{shown.task.id}"
    everything = bool(st.session_state.get(key))
    marks = wiring.ready(shown.workup.marks, wait=MARKS_WAIT_SECONDS)
    left, right = st.columns([11, 9], gap="small")
    with left:
        show(element("div", answer.answer(item.output, marks or (), everything=everything), cls="pane half"))
        item_details.details(item, blind=shown.task.blind)
    with right:
        show(element("div", evidence.evidence(item.context, marks or (), everything=everything), cls="pane half"))
    if len(item.output) > answer.SHOWN_CHARS or evidence.is_long(item.context):
        st.button("Show everything (long texts were shortened)", key=f"{key}.button", on_click=show_all, args=(key,))


def show_all(key: str) -> None:
    """Show the task's texts in full from now."""
    st.session_state[key] = True


def nothing(desk: Desk) -> None:
    """Say that nothing waits for this senior."""
    notice(desk)
    access.nothing(desk)
    st.button("Look again", key="review.again", shortcut="Enter", type="primary")
    projects(desk)
    st.button("Change name", key="review.leave", on_click=session.leave)


@st.fragment(run_every=60)
def keep_alive(desk: Desk) -> None:
    """Renew the lease; draw the page again if it was lost."""
    before = desk.notice
    desk.beat()
    if desk.notice is not before:
        st.rerun()


page()
