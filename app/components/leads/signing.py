"""Whose name a lead's change carries: a change without a name is refused."""

from __future__ import annotations

import streamlit as st

from app import session
from app.components.safe_html import element, esc, show


def signed_in(key: str) -> str | None:
    """Return who is here; where nobody said so, ask for a name in place."""
    name = session.reviewer()
    if name is not None:
        show(element("div", "Published in the name of ", element("b", esc(name[:80])), ".", cls="muted"), narrow=True)
        return name
    st.text_input("Your name (a change needs one)", key=key, max_chars=200, on_change=_enter, args=(key,), width=320)
    return None


def _enter(key: str) -> None:
    if name := str(st.session_state.get(key, "")).strip():
        session.enter(name)


def notice(key: str) -> None:
    """Show once what the last change came to: text under a key of the session, and whether it went well."""
    if said := st.session_state.pop(key, None):
        text, well = said
        show(element("div", esc(text), cls="notice" if well else "notice problem"))
