"""The decision buttons with their keys; each is bound to the task it was drawn for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from app.components.look import to_top
from app.components.safe_html import element, plain_label, show
from app.desk import Desk, Shown

_FIRST_KEYS = "123456789"


def bar(desk: Desk, reasons: Sequence[str], decisions: Callable[[Desk, Shown], None] | None = None) -> None:
    """Draw the row that fits the mode of the task in front; `decisions` draws another page's own row for reading."""
    shown = desk.current
    assert shown is not None
    with st.container(key="review-bar", gap="xxsmall"):
        if shown.mode == "read":
            (decisions or _decisions)(desk, shown)
        elif shown.mode == "edit":
            _editing(desk, shown, reasons)
        else:
            _reasons(desk, shown, reasons)
        to_top(f"{shown.task.id} {shown.mode}")


def comment_key(shown: Shown) -> str:
    """Return the key of the comment field."""
    return f"review.comment.{shown.task.id}.{shown.task.version}"


def edit_key(shown: Shown) -> str:
    """Return the key of the edit box."""
    return f"review.edit.{shown.task.id}.{shown.task.version}"


def _decisions(desk: Desk, shown: Shown) -> None:
    task = shown.task
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        button("Approve", "A", "approve", shown, approve, desk, task.id, False, primary=True)
        button("Edit", "E", "edit_mode", shown, set_mode, desk, task.id, "edit")
        button("Reject", "X", "reject", shown, set_mode, desk, task.id, "reject_reasons")
        button("Skip", "S", "skip", shown, skip, desk, task.id)
        button("Escalate", "G", "escalate", shown, _escalate, desk, task.id)
        button("Approve as example", "P", "exemplary", shown, approve, desk, task.id, True)
        comment_field(desk, shown)


def _editing(desk: Desk, shown: Shown, reasons: Sequence[str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        button("Save edit", "Ctrl+Enter", "save", shown, _save_edit, desk, shown.task.id, primary=True)
        button("Back", "Esc", "back", shown, set_mode, desk, shown.task.id, "read")
        _chosen(shown, reasons)
        comment_field(desk, shown)


def _reasons(desk: Desk, shown: Shown, reasons: Sequence[str]) -> None:
    verb = "reject" if shown.mode == "reject_reasons" else "save the edit"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        show(element("div", f"<b>Why?</b> One key will {verb}:"), narrow=True)
        for index, reason in enumerate(reasons):
            key = _FIRST_KEYS[index] if index < len(_FIRST_KEYS) else None
            button(_words(reason), key, f"reason.{index}", shown, _finish, desk, shown.task.id, (reason,))
        back = "read" if shown.mode == "reject_reasons" else "edit"
        button("Back", "Esc", "back", shown, set_mode, desk, shown.task.id, back)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        show(element("div", "Several? Choose:", cls="muted"), narrow=True)
        _chosen(shown, reasons)
        button("Save with these", "Enter", "several", shown, _finish, desk, shown.task.id, ())
        comment_field(desk, shown)


def _chosen(shown: Shown, reasons: Sequence[str]) -> None:
    st.pills(
        "Reasons",
        list(reasons),
        selection_mode="multi",
        format_func=_words,
        key=_pills_key(shown),
        label_visibility="collapsed",
        persist_state="page",
    )


def comment_field(desk: Desk, shown: Shown) -> None:
    """Draw the field for a comment."""
    st.text_input(
        "Comment",
        value=shown.comment,
        key=comment_key(shown),
        placeholder="Comment (optional, Tab when done)",
        label_visibility="collapsed",
        max_chars=4_000,
        on_change=_comment_typed,
        args=(desk, shown.task.id),
    )


def button(
    label: str, key: str | None, name: str, shown: Shown, action: object, *args: object, primary: bool = False
) -> None:
    """Draw a button that is bound to the task in front, with its key."""
    st.button(
        label,
        key=f"review.{name}.{shown.task.id}.{shown.task.version}",
        shortcut=key,
        type="primary" if primary else "secondary",
        on_click=action,  # type: ignore[arg-type]
        args=args,
        width="content",
    )


def approve(desk: Desk, task_id: str, exemplary: bool) -> None:
    """Approve the task in front with its comment."""
    keep_comment(desk, task_id)
    desk.decide(task_id, "approve", exemplary=exemplary)


def skip(desk: Desk, task_id: str) -> None:
    """Put the task in front back for others."""
    keep_comment(desk, task_id)
    desk.skip(task_id)


def _escalate(desk: Desk, task_id: str) -> None:
    keep_comment(desk, task_id)
    desk.escalate(task_id)


def set_mode(desk: Desk, task_id: str, mode: str) -> None:
    """Show another row of buttons for the task in front."""
    shown = desk.current
    if shown is None or shown.task.id != task_id or desk.at(task_id) is None:
        return
    keep_text(desk, task_id)
    shown.mode = mode  # type: ignore[assignment]
    desk.notice = None


def _save_edit(desk: Desk, task_id: str) -> None:
    """Save the typed text with the chosen reasons, or ask for one."""
    shown = desk.current
    if shown is None or shown.task.id != task_id:
        return
    keep_text(desk, task_id)
    if shown.text == shown.task.item.output and shown.label == (shown.task.item.label or ""):
        desk.say("problem", "The text is the same as the answer: change it, or go back (Esc) and approve it (A).")
    elif chosen := _picked(shown):
        desk.decide(task_id, "edit", chosen)
    else:
        shown.mode = "edit_reasons"


def _finish(desk: Desk, task_id: str, reasons: tuple[str, ...]) -> None:
    shown = desk.current
    if shown is None or shown.task.id != task_id:
        return
    keep_text(desk, task_id)
    together = tuple(dict.fromkeys((*reasons, *_picked(shown))))
    if not together:
        desk.say("problem", "Choose at least one reason first; a number key takes one and saves.")
        return
    desk.decide(task_id, "reject" if shown.mode == "reject_reasons" else "edit", together)


def _comment_typed(desk: Desk, task_id: str) -> None:
    if desk.current is not None and desk.current.task.id == task_id:
        desk.save_draft(task_id, comment=str(st.session_state.get(comment_key(desk.current), "")))


def keep_text(desk: Desk, task_id: str) -> None:
    """Take over what stands in the edit box and the comment field."""
    shown = desk.current
    if shown is None or shown.task.id != task_id:
        return
    shown.text = st.session_state.get(edit_key(shown), shown.text)
    shown.label = st.session_state.get(f"review.label.{task_id}", shown.label)
    keep_comment(desk, task_id)


def keep_comment(desk: Desk, task_id: str) -> None:
    """Take over what stands in the comment field."""
    if desk.current is not None and desk.current.task.id == task_id:
        desk.current.comment = st.session_state.get(comment_key(desk.current), desk.current.comment)


def _pills_key(shown: Shown) -> str:
    return f"review.reasons.{shown.task.id}.{shown.task.version}"


def _picked(shown: Shown) -> tuple[str, ...]:
    return tuple(st.session_state.get(_pills_key(shown)) or ())


def _words(reason: str) -> str:
    return plain_label(reason.replace("_", " "))
