"""One segment of what goes out by itself: what is known, how it came to be known, and what was found wrong."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import streamlit as st

from app import session, wiring
from app.charts.audits import draw_sequence, sequence_rows
from app.components.leads import address
from app.components.leads.audit.states import failures, said, sequence, state_word
from app.components.leads.figure import figure, table
from app.components.leads.signing import signed_in
from app.components.safe_html import element, esc, link, show
from hitl_core.audit import clean_rows_needed
from hitl_core.domain.errors import HitlError
from hitl_core.domain.policy_sections import MONITOR

if TYPE_CHECKING:
    import polars as pl

    from hitl_core.audit import Failure, SegmentState

FEWEST = 10
OVER = ("time", "audits")
CONSTANT = "That is a statement about an error rate that does not change; the breach test watches for a change."
CHANGED = "<b>The labels contradict it: the error rate has changed</b>, and it is a statement about one that does not."
SHOWN = 40
_HEADS = ("decided (UTC)", "item", "confidence", "audited 1 in", "found by", "reviewed (UTC)", "policy version")


def segment(state: SegmentState, project: str | None) -> None:
    """Draw everything about a segment."""
    if state.breaker is not None:
        stopped(state)
    show(element("div", *(element("div", sentence) for sentence in sentences(state)), cls="card"))
    points = sequence(project, state.segment)
    if state.n < FEWEST or not points:
        show(element("div", too_few(state), cls="empty"))
    else:
        rows, confidence = sequence_rows(points), wiring.loop().policy.audit.confidence
        over = address.segments("Draw over", OVER, key="audit.over", parameter="over", default=OVER[0])
        drawn = draw_sequence(
            rows, segment=state.segment, target=state.target, confidence=confidence, by_number=over == OVER[1]
        )
        figure(drawn, rows, key="audit.sequence", name="Audits over time")
    wrong_ones(state, project)


def sentences(state: SegmentState) -> list[str]:
    """Return what is known about a segment, as HTML sentences."""
    estimate, target = state.estimate, f"{state.target:.1%}"
    made = [f"{state_word(state.state)} {esc(state.segment[:80])}: at most {target} of outputs may be wrong."]
    if state.n:
        made.append(
            f"Whenever one looks, {estimate.confidence:.0%} sure: <b>{state.sequence.low:.1%} to "
            f"{state.sequence.high:.1%}</b> wrong, from {state.errors:,} wrong of {state.n:,} audits. "
            f"{CHANGED if state.changed else CONSTANT}"
        )
    if estimate.n:
        made.append(
            f"Up to {state.until:%Y-%m-%d %H:%M} UTC, when the last label was due: <b>{said(estimate.weighted)}</b> "
            f"wrong, n = {estimate.n:,}, effective n {estimate.effective_n:,.0f}. {_unanswered(state)}"
        )
    else:
        made.append(f"No label of a closed window yet: labels are due up to {state.until:%Y-%m-%d %H:%M} UTC.")
    made.append(
        f"The breach test stands at {state.watch.strength:.0%} of an alarm; while all is well it raises a false one "
        f"in {state.watch.run_length:,.0f} audits or less often."
    )
    if state.since is not None:
        made.append(f"A person let it go out again on {state.since:%Y-%m-%d %H:%M} UTC; audits count from there.")
    return made


def too_few(state: SegmentState) -> str:
    """Return what is needed before a figure is drawn, as HTML."""
    needed = clean_rows_needed(state.target)
    so_far = f"{state.n} {'audit' if state.n == 1 else 'audits'} so far"
    return (
        f"<b>{so_far}; from {FEWEST} on they are drawn over time.</b> About {needed} without an error would certify "
        f"{state.target:.1%}. Audits wait in the review queue like any other task, blind."
    )


def stopped(state: SegmentState) -> None:
    """Say what a tripped breaker did, and let a named person reset it."""
    breaker = state.breaker
    assert breaker is not None
    version, held = _what_it_did(state)
    lines = (
        element(
            "b", f"Nothing of {esc(state.segment[:80])} goes out by itself since {breaker.since:%Y-%m-%d %H:%M} UTC."
        ),
        f" The monitor published policy version {version}: {esc(breaker.reason[:400])}."
        if version
        else f" {esc(breaker.reason[:400])}.",
        f" {held:,} {'output' if held == 1 else 'outputs'} came to a person because of it. Only a person lets the "
        "segment go out again.",
    )
    show(element("div", *lines, cls="notice problem"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = signed_in("audit.name")
        st.text_input("Why may it go out again?", key=f"audit.reason.{state.segment}", max_chars=500, width=420)
        st.button(
            "Let it go out again",
            key=f"audit.reset.{state.segment}",
            on_click=reset,
            args=(state.segment,),
            disabled=name is None,
        )


def reset(name: str) -> None:
    """Reset a breaker with the typed reason."""
    who = session.reviewer()
    reason = str(st.session_state.get(f"audit.reason.{name}", ""))
    if who is None:
        return
    try:
        version = wiring.loop().acting_as(who).audit.reset(name, reason)
        said_now = (f"{name} goes out by itself again, as policy version {version}; audits count from now.", True)
    except HitlError as error:
        said_now = (f"Not reset: {error}", False)
    st.session_state[session.AUDIT_SAID] = said_now


def wrong_ones(state: SegmentState, project: str | None) -> None:
    """List what audits found wrong, with links to the items."""
    found = failures(project, state.segment)
    title = f"What audits found wrong in {esc(state.segment[:80])}"
    if not found:
        show(element("h4", title, cls="head4") + element("div", f"Nothing, in n = {state.n:,} audits.", cls="muted"))
        return
    head = element("tr", *(element("th", name) for name in _HEADS))
    more = f"The newest {SHOWN} of {len(found):,}." if len(found) > SHOWN else f"{len(found):,} in all."
    rows = "".join(_failure(each) for each in found[:SHOWN])
    show(
        element("h4", title, cls="head4") + element("table", head, rows, cls="grid") + element("div", more, cls="muted")
    )
    with st.expander("The same as a table to take along", key="audit.failures.open"):
        table(_failure_rows(found), key="audit.failures", name="Audits that found an error")


def _failure(each: Failure) -> str:
    parameters = {"item": each.item_id, "project": each.project, "reviewer": session.reviewer()}
    believed = "–" if each.confidence is None else f"{each.confidence:.2f}"
    cells = (
        f"{each.decided_at:%Y-%m-%d %H:%M}",
        link("history", parameters, each.item_id[:80]),
        believed,
        f"{1 / each.inclusion_probability:,.0f}",
        "a reviewer" if wiring.loop().policy.overlap.hide_names else esc(each.reviewer[:60]),
        f"{each.reviewed_at:%Y-%m-%d %H:%M}",
        str(each.policy_version),
    )
    return element("tr", *(element("td", cell) for cell in cells))


def _failure_rows(found: list[Failure]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame([asdict(each) for each in found], infer_schema_length=None)


def _unanswered(state: SegmentState) -> str:
    estimate = state.estimate
    if not estimate.unanswered:
        return "Every label asked for is there."
    worst = f"{estimate.worst.low:.1%} to {estimate.worst.high:.1%}"
    refused = f" No certificate may rest on it: {esc(estimate.refused)}." if estimate.refused else ""
    return (
        f"{estimate.unanswered:,} labels asked for are missing ({estimate.unanswered_share:.0%} by weight); whatever "
        f"they would say, the rate lies within {worst}.{refused}"
    )


def _what_it_did(state: SegmentState) -> tuple[int | None, int]:
    """Return the policy version that the monitor published, and how many outputs came to a person because of it."""
    import polars as pl

    loop, breaker = wiring.loop(), state.breaker
    assert breaker is not None
    start = f"{state.segment}: "
    versions = (each for each in loop.policies.history() if each.author == MONITOR and each.reason.startswith(start))
    version = next((each.version for each in versions), None)
    rows = loop.audit.rows(since=breaker.since)
    mine = pl.all_horizontal(
        pl.col(key).fill_null("").str.strip_chars().str.to_lowercase() == value for key, value in state.when.items()
    )
    return version, rows.filter(pl.col("breaker") & mine).height
