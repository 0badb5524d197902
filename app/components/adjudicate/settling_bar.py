"""The keys that settle: a number takes that opinion as it stands; the others are those of the review page."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app.components.decision_bar import approve, button, comment_field, keep_comment, set_mode, skip
from app.desk import Desk, Shown
from hitl_core.loop.raters.dispute import Dispute, PeerOpinion

MOST_KEYS = 9


def row_of(dispute: Dispute) -> Callable[[Desk, Shown], None]:
    """Return what draws the row of buttons while the opinions are read."""

    def draw(desk: Desk, shown: Shown) -> None:
        task_id = shown.task.id
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            for number, opinion in enumerate(dispute.opinions[:MOST_KEYS], 1):
                label = f"Opinion {number} holds"
                button(label, str(number), f"take.{number}", shown, _take, desk, task_id, opinion, primary=True)
            button("Approve", "A", "approve", shown, approve, desk, task_id, False, primary=not dispute.opinions)
            button("Edit", "E", "edit_mode", shown, set_mode, desk, task_id, "edit")
            button("Reject", "X", "reject", shown, set_mode, desk, task_id, "reject_reasons")
            button("Next", "S", "skip", shown, skip, desk, task_id)
            comment_field(desk, shown)

    return draw


def _take(desk: Desk, task_id: str, opinion: PeerOpinion) -> None:
    keep_comment(desk, task_id)
    desk.take_over(task_id, opinion)
