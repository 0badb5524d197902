"""Review: one task at a time, one key a decision."""

from __future__ import annotations

import streamlit as st

from app import session, wiring
from app.components import answer, evidence, item_details, judges, related, state_strip, trouble
from app.components.decision_bar import bar
from app.components.door import door, projects
from app.components.edit_box import diff_markup, edit_box
from app.components.feedback import feedback
from app.components.notice import notice
from app.components.safe_html import element, show
from app.desk import Desk, Shown
from app.wiring import ready

MARKS_WAIT_SECONDS = 0.25


def page() -> None:
    """Draw the page."""
    name = session.reviewer()
    if name is None:
        door()
        return
    desk = session.desk(name)
    desk.sit_down()
    if desk.current is None:
        nothing(desk)
        return
    work(desk, desk.current)
    desk.fetch_next()
    keep_alive(desk)


def work(desk: Desk, shown: Shown) -> None:
    """Draw the task in front: state, keys, answer and evidence, then what may help."""
    waiting = wiring.waiting(desk.project)
    show(state_strip.strip(shown.task, desk.loop.clock.now(), waiting=waiting, reviewer=desk.reviewer))
    bar(desk, desk.loop.policy.review.reasons)
    notice(desk)
    everything = bool(st.session_state.get(f"review.all.{shown.task.id}"))
    marks = ready(shown.workup.marks, wait=MARKS_WAIT_SECONDS)
    item = shown.task.item
    left, right = st.columns([11, 9], gap="small")
    with left:
        question = answer.question(item.query, everything=everything)
        if shown.mode == "edit":
            show(element("div", question, cls="above"))
            edit_box(desk, shown)
        else:
            typed = shown.mode == "edit_reasons"
            body = diff_markup(shown) if typed else answer.answer(item.output, marks, everything=everything)
            show(element("div", question + body, cls="pane"))
    with right:
        show(judges.above(shown, evidence.evidence(item.context, marks or (), everything=everything)))
    desk.was_drawn()
    below(desk, shown)


def below(desk: Desk, shown: Shown) -> None:
    """Draw what is looked at less often."""
    item = shown.task.item
    if len(item.output) > answer.SHOWN_CHARS or len(item.query) > 4_000 or evidence.is_long(item.context):
        # A button, not a check box: letters pressed while a box has the focus are no shortcuts.
        key = f"review.everything.{shown.task.id}"
        st.button("Show everything (long texts were shortened)", key=key, on_click=show_all, args=(shown.task.id,))
    left, right = st.columns([11, 9], gap="small")
    with left:
        item_details.details(item, blind=shown.task.blind)
        show(related.earlier(ready(shown.workup.earlier)))
        feedback(desk, shown)
    with right:
        show(judges.records(shown) + related.similar(ready(shown.workup.similar)))
        st.button("Change name or give everything back", key="review.leave", on_click=session.leave)
        projects(desk)
    if not shown.workup.complete:
        when_prepared(shown)


def show_all(task_id: str) -> None:
    """Show the task's texts in full from now."""
    st.session_state[f"review.all.{task_id}"] = True


def nothing(desk: Desk) -> None:
    """Say that the queue is empty for this reviewer, and what to do."""
    notice(desk)
    lanes = [lane for lane in desk.loop.queue.pending() if desk.project in (None, lane[1])]
    if lanes:
        trouble.others(lanes)
    else:
        trouble.empty(
            "Nothing waits for a person",
            "New outputs appear here when your application submits them, or after <code>hitl import FILE</code>.",
            "The overview says how things went; golden examples hold what the corrections taught.",
        )
    st.button("Look again", key="review.again", shortcut="Enter", type="primary")
    projects(desk)
    st.button("Change name", key="review.leave", on_click=session.leave)


@st.fragment(run_every=0.5)
def when_prepared(shown: Shown) -> None:
    """Draw the page again once marks and examples are there."""
    if shown.workup.complete:
        st.rerun()


@st.fragment(run_every=60)
def keep_alive(desk: Desk) -> None:
    """Renew the leases; draw the page again if one was lost."""
    before = desk.notice
    desk.beat()
    if desk.notice is not before:
        st.rerun()


page()
