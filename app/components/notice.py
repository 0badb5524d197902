"""What was just saved, with Undo beside it."""

from __future__ import annotations

import streamlit as st

from app import session
from app.components.safe_html import element, esc, show, visible
from app.desk import Desk


def notice(desk: Desk) -> None:
    """Draw the last notice and the Undo button in one row."""
    said = desk.notice
    task_id = desk.current.task.id if desk.current else None
    with st.container(key="review-notice", horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Undo", key=f"review.undo.{task_id}", shortcut="U", on_click=desk.undo, args=(task_id,), width="content"
        )
        if said is None:
            show(element("span", "U takes your newest decision back for ten minutes.", cls="muted"))
        else:
            about = " ".join(said.about.split())[:160]
            show(element("div", element("b", said.text), " ", esc(about), cls=f"notice {said.kind}"))
    if said is None:
        return
    if said.kind == "saved" and session.first_time(said.number):
        st.toast("Saved. U takes it back.", duration="short")
    if said.kept_text:
        show(element("div", "What you had typed, to copy:", cls="muted"))
        st.code(visible(said.kept_text), language=None, wrap_lines=True)
