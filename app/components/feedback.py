"""One optional thumb and comment on the answer, by streamlit-feedback; kept beside the reviews."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit_feedback import streamlit_feedback

from app.components.safe_html import element, show
from app.desk import Desk, Shown
from hitl_core.domain.errors import HitlError

MOST_CHARS = 2_000
_THUMBS = {"👍": True, "👎": False}


def feedback(desk: Desk, shown: Shown) -> None:
    """Draw the thumbs and save what comes back at once; the component returns it only once."""
    show(element("h4", "Was this answer useful? (optional, beside your decision)", cls="head4"))
    answer = streamlit_feedback(
        feedback_type="thumbs",
        optional_text_label="Comment (optional)",
        align="flex-start",
        key=f"feedback.{shown.task.id}.{shown.task.version}",
    )
    given = read(answer)
    if given is None:
        return
    thumbs_up, comment = given
    item = shown.task.item
    try:
        desk.loop.record_feedback(
            item.id, reviewer=desk.reviewer, thumbs_up=thumbs_up, comment=comment, project=item.project
        )
    except HitlError as error:
        desk.say("problem", "The thumb was not saved:", about=str(error))
        st.rerun()
    st.toast("Thumb saved.")


def read(answer: Any) -> tuple[bool, str] | None:
    """Return (thumbs up, comment) of what the browser sent, None for anything else."""
    if not isinstance(answer, dict) or answer.get("score") not in _THUMBS:
        return None
    comment = answer.get("text")
    return _THUMBS[answer["score"]], comment[:MOST_CHARS] if isinstance(comment, str) else ""
