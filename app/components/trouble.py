"""Pages that say what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.components import look
from app.components.safe_html import element, esc, show


def empty(title: str, *lines: str, hint: str = "") -> None:
    """Say that there is nothing here, and what to do; `title` and `lines` are ours, `hint` is escaped."""
    body = "".join(element("div", line) for line in lines)
    extra = element("div", esc(hint), cls="muted") if hint else ""
    show(element("div", element("h3", title), body, extra, cls="empty"))


def database_gone(error: Exception) -> None:
    """Say that the database cannot be reached, and offer to try again."""
    look.apply()
    empty(
        "The database cannot be reached",
        "Nothing you saved is lost. Nothing new can be saved until it is back; text you were typing stays here.",
        "Try again in a moment; if it stays like this, run <code>hitl doctor</code> on the server.",
        hint=str(error),
    )
    st.button("Try again", key="trouble.retry", type="primary")


def unexpected(number: str) -> None:
    """Say that the page failed; the server's log has the reason under the number."""
    empty(
        "This page failed",
        f"The reason is in the server's log under <b>{esc(number)}</b>. What was saved is safe; reload to go on.",
    )


def others(lanes: Sequence[tuple[str, str, str, int]]) -> None:
    """Say that what waits is not open to this reviewer: (pool, project, expertise, tasks) each."""
    judged = sum(count for pool, *_, count in lanes if pool == "judges")
    if judged and all(pool == "judges" for pool, *_ in lanes):
        empty(
            "Nothing waits for a person",
            f"{judged:,} outputs are with the judges; those that need a person come here when the judges have spoken, "
            "or when none came in time.",
        )
        return
    pools = {"people": "reviewers", "seniors": "seniors", "judges": "with the judges"}
    rows = "".join(
        element(
            "tr",
            element("td", esc(project[:80])),
            element("td", esc(expertise[:80]) or "–"),
            element("td", pools.get(pool, "others")),
            element("td", str(count), cls="n"),
        )
        for pool, project, expertise, count in lanes[:30]
    )
    heads = "".join(element("th", name) for name in ("project", "expertise asked for", "for", "tasks"))
    empty(
        "Nothing is open to you right now",
        "These tasks wait for an expertise you did not name, for seniors, or you skipped them within the last hour:",
        element("table", element("tr", heads), rows, cls="grid"),
        "Disputed and escalated ones are settled by seniors, on the Adjudicate page.",
        "To take the others, change your name below and give that expertise, or run <code>hitl reviewer --help</code>.",
    )
