"""Golden examples: what corrections taught; search, look, retire."""

from __future__ import annotations

import streamlit as st

from app import session, wiring
from app.components import trouble
from app.components.golden_card import card
from app.components.safe_html import element, esc, show
from hitl_core.domain.errors import HitlError
from hitl_core.domain.records import FewShot, GoldenExample
from hitl_core.loop import Loop

PAGE_SIZE = 20


def page() -> None:
    """Draw the page."""
    loop = wiring.loop()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input("Search by words or meaning", key="golden.search", max_chars=1_000, width=520)
        project = st.selectbox(
            "Project", loop.projects(), index=None, key="golden.project", placeholder="all", width=260
        )
        retired = st.checkbox("Show retired", key="golden.retired")
    active = loop.golden.count(project=project)
    if not active and not retired:
        trouble.empty(
            "No golden examples yet",
            "Every edit that a reviewer saves becomes one, and so does an answer approved as an example (P).",
            "Your application asks for them with <code>loop.golden.few_shot(query)</code>.",
        )
        return
    found = examples(loop, text, project, retired=retired)
    show(element("div", f"{len(found)} shown of {active:,} active.", cls="muted"))
    if not found:
        show(element("div", "Nothing matches; try fewer or other words.", cls="empty"))
    for example, likeness in found:
        entry(example, likeness)


def examples(loop: Loop, text: str, project: str | None, *, retired: bool) -> list[tuple[GoldenExample, str]]:
    """Return what to list, with how it was found."""
    if not text.strip():
        status = None if retired else "active"
        listed = loop.golden.list(project=project, status=status, limit=PAGE_SIZE * 2)  # type: ignore[arg-type]
        return [(example, "") for example in listed]
    if loop.golden.ready:
        shots = loop.golden.search(text, project=project, limit=PAGE_SIZE)
    else:
        # The model takes seconds to load, which no page may wait for.
        shots = loop.golden.few_shot(text, PAGE_SIZE, project=project, method="words", diversity_weight=1.0)
        shots = [*with_words(loop, text, project, known={shot.example.id for shot in shots}), *shots]
    how = {"embedding": "by meaning", "words": "by words"}
    return [(shot.example, f"likeness {shot.similarity:.2f} {how[shot.method]}") for shot in shots]


def with_words(loop: Loop, text: str, project: str | None, known: set[str]) -> list[FewShot]:
    """Return newer examples whose question or output holds every word, while meaning cannot be compared."""
    wanted = text.casefold().split()
    recent = loop.golden.list(project=project, limit=500)
    found = [each for each in recent if all(word in f"{each.query}\n{each.output}".casefold() for word in wanted)]
    return [FewShot(example=each, similarity=1.0, method="words") for each in found if each.id not in known]


def entry(example: GoldenExample, likeness: str) -> None:
    """Draw one example with the way to retire it."""
    left, right = st.columns([11, 1], gap="small", vertical_alignment="top")
    with left:
        show(card(example, likeness))
    if example.status == "retired":
        return
    with right, st.popover("Retire", key=f"golden.open.{example.id}"):
        st.text_input("Why?", key=f"golden.reason.{example.id}", max_chars=500)
        st.button("Retire this example", key=f"golden.retire.{example.id}", on_click=retire, args=(example.id,))


def retire(golden_id: str) -> None:
    """Take an example out of use, with the typed reason."""
    reason = str(st.session_state.get(f"golden.reason.{golden_id}", "")).strip()
    name = session.reviewer()
    if not reason or name is None:
        missing = "a reason" if name else "your name (choose one on the Review page)"
        st.session_state[session.GOLDEN_SAID] = f"Not retired: give {missing}."
        return
    try:
        wiring.loop().acting_as(name).golden.retire(golden_id, reason)
        st.session_state[session.GOLDEN_SAID] = "Retired; prompts no longer use it."
    except HitlError as error:
        st.session_state[session.GOLDEN_SAID] = f"Not retired: {error}"


if said := st.session_state.pop(session.GOLDEN_SAID, None):
    show(element("div", esc(said), cls="notice info"))
page()
