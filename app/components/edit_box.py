"""The edit box with its word diff, and the small script that keeps typed text on the server."""

from __future__ import annotations

import streamlit as st

from app.components.decision_bar import edit_key, keep_text
from app.components.safe_html import element, esc, show
from app.desk import Desk, Shown
from app.word_diff import Change, diff_words, is_same

KEPT_CHARS = 2_000
CHANGED_CHARS = 20_000

# Trusted code of ours; text reaches it only as data. It puts the cursor into the box once, and sends what was typed
# after a pause, because the box itself reports only when it is left. The tab keeps the text too, for what was typed
# while the server was away or in the pause before a reload.
_SCRIPT = """
let focused = "";
function kept_in(place) {
  try { return sessionStorage.getItem(place); } catch { return null; }
}
function keep(place, text) {
  try {
    for (const other of Object.keys(sessionStorage)) {
      if (other.startsWith("hitl.typed.") && other !== place) sessionStorage.removeItem(other);
    }
    sessionStorage.setItem(place, text);
  } catch { /* A tab without storage, or a full one, still has the server's draft. */ }
}
export default function ({ data, setTriggerValue }) {
  let timer = 0;
  let box = null;
  const place = "hitl.typed." + data.box;
  const send = () => { if (box) setTriggerValue("typed", { task: data.task, text: box.value }); };
  const typed = () => { keep(place, box.value); clearTimeout(timer); timer = setTimeout(send, 700); };
  const attach = () => {
    box = document.querySelector("." + data.box + " textarea");
    if (!box) { timer = setTimeout(attach, 60); return; }
    box.addEventListener("input", typed);
    const kept = kept_in(place);
    if (kept !== null && kept !== box.value) {
      Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(box, kept);
      box.dispatchEvent(new Event("input", { bubbles: true }));
    }
    if (focused !== data.box) { focused = data.box; box.focus(); box.setSelectionRange(0, 0); box.scrollTop = 0; }
  };
  attach();
  return () => { clearTimeout(timer); if (box) box.removeEventListener("input", typed); };
}
"""


def edit_box(desk: Desk, shown: Shown) -> None:
    """Draw the box, prefilled, and what was changed so far."""
    key = edit_key(shown)
    st.text_area(
        "Your text (Ctrl+Enter saves)",
        value=shown.text,
        key=key,
        height=300,
        on_change=_typed,
        args=(desk, shown.task.id),
    )
    if shown.task.item.label is not None:
        st.text_input("Label", value=shown.label, key=f"review.label.{shown.task.id}", max_chars=200)
    _while_typing(desk, shown, key)


def diff_markup(shown: Shown) -> str:
    """Return what the edit changes as HTML."""
    changes = diff_words(shown.task.item.output, shown.text)
    if is_same(changes):
        return element("span", "Nothing changed yet; changes show here when you pause.", cls="muted")
    return element("h4", "Your changes", cls="head4") + element(
        "div", pieces(shown.task.item.output, shown.text), cls="prose"
    )


def pieces(before: str, after: str) -> str:
    """Return two texts as one, with what went out and what came in marked; the middle of long pieces is left out."""
    return "".join(_piece(each) for each in diff_words(before, after))


def _piece(change: Change) -> str:
    tag = {"keep": "span", "out": "del", "in": "ins"}[change.kind]
    most = KEPT_CHARS if change.kind == "keep" else CHANGED_CHARS
    if len(change.text) <= most:
        return element(tag, esc(change.text))
    head, tail = change.text[: most // 2], change.text[-most // 2 :]
    gap = element("span", f" … {len(change.text) - most:,} characters … ", cls="muted")
    return element(tag, esc(head)) + gap + element(tag, esc(tail))


def _typed(desk: Desk, task_id: str) -> None:
    keep_text(desk, task_id)
    if desk.current is not None and desk.current.task.id == task_id:
        desk.save_draft(task_id, desk.current.text, desk.current.comment)


@st.fragment
def _while_typing(desk: Desk, shown: Shown, key: str) -> None:
    """Keep what is being typed and show what it changes, without drawing the rest of the page."""
    task_id = shown.task.id
    component = st.components.v2.component("hitl_autosave", js=_SCRIPT)
    box = "st-key-" + key.replace(".", "-")
    sent = component(key=f"autosave.{task_id}", data={"box": box, "task": task_id}, on_typed_change=lambda: None)
    typed = getattr(sent, "typed", None)
    if isinstance(typed, dict) and typed.get("task") == task_id and isinstance(typed.get("text"), str):
        before = desk.notice
        desk.save_draft(task_id, text=typed["text"][:1_000_000])
        if desk.current is not shown:
            st.rerun()
        if desk.notice is not None and desk.notice is not before:
            # Only this part of the page is drawn again, so it says itself what the notice above will say.
            show(element("div", element("b", desk.notice.text), " ", esc(desk.notice.about), cls="notice problem"))
    show(element("div", diff_markup(shown), cls="pane low"))
