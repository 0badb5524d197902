"""The door: who reviews. A name, no sign-in; the launcher says so where others can reach the app."""

from __future__ import annotations

import streamlit as st

from app import session, wiring
from app.components.safe_html import element, show
from app.desk import Desk
from hitl_core.domain.errors import InputError
from hitl_core.domain.records import Reviewer


def door() -> None:
    """Ask for a name and, if wanted, for expertise."""
    show(
        element(
            "div",
            element("h3", "Who is reviewing?"),
            "Your name is written beside each decision. Anything works; use the same one next time.",
            cls="empty",
        )
    )
    known = {each.name: each for each in wiring.loop().reviewers()}
    with st.form("door.form", border=False, width=520):
        name = st.text_input("Your name", key="door.name", max_chars=200, autocomplete="username")
        chosen = (
            st.selectbox("… or somebody who was here before", list(known), index=None, key="door.known")
            if known
            else None
        )
        expertise = st.text_input(
            "Expertise (optional, separated by commas)", key="door.expertise", help="Opens tasks that ask for it."
        )
        if st.form_submit_button("Start reviewing", type="primary", key="door.enter"):
            _enter(name.strip() or chosen or "", expertise, known)


def _enter(name: str, expertise: str, known: dict[str, Reviewer]) -> None:
    wanted = tuple(dict.fromkeys(part.strip()[:200] for part in expertise.split(",") if part.strip()))
    before = known.get(name)
    try:
        if before is None or wanted:
            both = tuple(dict.fromkeys((*(before.expertise if before else ()), *wanted)))
            senior = before.senior if before else False
            loop = wiring.loop().acting_as(name)
            loop.save_reviewer(Reviewer(name=name, expertise=both, senior=senior))
    except (InputError, ValueError):
        show(element("div", "Please give a name of 1 to 200 ordinary characters.", cls="notice problem"))
        return
    session.enter(name)
    st.rerun()


def projects(desk: Desk) -> None:
    """Let the reviewer keep to one project."""
    known = desk.loop.projects()
    if len(known) > 1:
        place = known.index(desk.project) if desk.project in known else None
        st.selectbox(
            "Only this project", known, index=place, key="review.project", on_change=_chosen, placeholder="all"
        )


def _chosen() -> None:
    """Take over the chosen project."""
    session.choose_project(st.session_state.get("review.project"))
