"""Every key of the session, in one place."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app import wiring
from app.desk import Desk
from app.wiring import Workup
from hitl_core.domain.records import ReviewTask, Stage

_REVIEWER = "session.reviewer"
_PROJECT = "session.project"
_DESK = "session.desk"
_SETTLING = "session.settling"
_TOLD = "session.told"
GOLDEN_SAID = "golden.said"
AUDIT_SAID = "audit.said"
CALIBRATION_SAID = "calibration.said"
CALIBRATION_FOUND = "calibration.found"
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
    _clear_desks()
    st.session_state.pop(_REVIEWER, None)
    st.query_params.pop(_PARAMETER, None)


def project() -> str | None:
    """Return the project that is worked on, None for all."""
    chosen: str | None = st.session_state.get(_PROJECT)
    return chosen


def choose_project(name: str | None) -> None:
    """Work on one project from now; tasks of others go back."""
    st.session_state[_PROJECT] = name
    _clear_desks()


def desk(name: str) -> Desk:
    """Return the desk of the reviewer in this session."""
    return _desk(_DESK, name, wiring.workup, (Stage.HUMAN, Stage.AUDIT))


def settling_desk(name: str) -> Desk:
    """Return the desk at which a senior settles what others disagree on."""
    return _desk(_SETTLING, name, wiring.workup_of_dispute, (Stage.ADJUDICATE,))


def first_time(notice: int) -> bool:
    """Whether a numbered notice was not announced yet; remembers it."""
    new = bool(st.session_state.get(_TOLD, 0) < notice)
    st.session_state[_TOLD] = max(notice, st.session_state.get(_TOLD, 0))
    return new


def is_demo_project(name: str) -> bool:
    """Whether a project is the one `hitl demo` fills with made-up history."""
    return name == "demo"


def _desk(key: str, name: str, prepare: Callable[[ReviewTask], Workup], stages: tuple[Stage, ...]) -> Desk:
    found: Desk | None = st.session_state.get(key)
    loop = wiring.loop()
    if found is None or found.reviewer != name or found.loop is not loop:
        found = Desk(loop, name, prepare, project=project(), stages=stages)
        st.session_state[key] = found
    return found


def _clear_desks() -> None:
    for key in (_DESK, _SETTLING):
        found: Desk | None = st.session_state.pop(key, None)
        if found is not None:
            found.leave()


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
