"""Every key of the session, in one place."""

from __future__ import annotations

import streamlit as st

from app import wiring
from app.desk import Desk

_REVIEWER = "session.reviewer"
_PROJECT = "session.project"
_DESK = "session.desk"
_TOLD = "session.told"
GOLDEN_SAID = "golden.said"
_PARAMETER = "reviewer"


def reviewer() -> str | None:
    """Return the name chosen at the door, from the session or the address."""
    name = st.session_state.get(_REVIEWER) or st.query_params.get(_PARAMETER, "")
    name = str(name).strip()[:200]
    if not name or "\x00" in name or not _encodes(name):
        return None
    st.session_state[_REVIEWER] = name
    if st.query_params.get(_PARAMETER) != name:
        st.query_params[_PARAMETER] = name
    return name


def enter(name: str) -> None:
    """Remember who sits here."""
    st.session_state[_REVIEWER] = name
    st.query_params[_PARAMETER] = name


def leave() -> None:
    """Give the tasks back and forget who sat here."""
    found: Desk | None = st.session_state.pop(_DESK, None)
    if found is not None:
        found.leave()
    st.session_state.pop(_REVIEWER, None)
    st.query_params.pop(_PARAMETER, None)


def project() -> str | None:
    """Return the project that is worked on, None for all."""
    chosen: str | None = st.session_state.get(_PROJECT)
    return chosen


def choose_project(name: str | None) -> None:
    """Work on one project from now; tasks of others go back."""
    st.session_state[_PROJECT] = name
    found: Desk | None = st.session_state.pop(_DESK, None)
    if found is not None:
        found.leave()


def desk(name: str) -> Desk:
    """Return the desk of the reviewer in this session."""
    found: Desk | None = st.session_state.get(_DESK)
    loop = wiring.loop()
    if found is None or found.reviewer != name or found.loop is not loop:
        found = Desk(loop, name, wiring.workup, project=project())
        st.session_state[_DESK] = found
    return found


def first_time(notice: int) -> bool:
    """Whether a numbered notice was not announced yet; remembers it."""
    new = bool(st.session_state.get(_TOLD, 0) < notice)
    st.session_state[_TOLD] = max(notice, st.session_state.get(_TOLD, 0))
    return new


def is_demo_project(name: str) -> bool:
    """Whether a project is the one `hitl demo` fills with made-up history."""
    return name == "demo"


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
