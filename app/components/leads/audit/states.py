"""What audits say, segment by segment: read once for each new label, and put into words and a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app import wiring
from app.components.safe_html import element, esc
from app.components.state_strip import ago
from hitl_core.domain.errors import NotFoundError

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from hitl_core.audit import Failure, SegmentState, SequencePoint, Share

WORDS = {
    "breached": ("✗ breached", "v-no", "the error rose above the target"),
    "watching": ("– watching", "v-none", "not shown yet to be under the target"),
    "certified": ("✓ certified", "v-ok", "shown to be under the target"),
}
_HEADS = ("segment", "state", "wrong, estimated", "n", "effective n", "at all times", "labels", "unanswered")
EXPLAINED = (
    "“Wrong, estimated” is weighted by the chance of an audit, with its 95 % interval, from decisions whose labels "
    "were due by now. “At all times” holds whenever one looks, from every label so far, for an error rate that does "
    "not change."
)


def states(project: str | None) -> list[SegmentState]:
    """Return every segment's state, the ones that need a look first."""
    return wiring.remembered(("audit.states", project), lambda: wiring.loop().audit.states(project))


def sequence(project: str | None, segment: str) -> list[SequencePoint]:
    """Return a segment's running estimate; empty where nothing of it was audited."""

    def read() -> list[SequencePoint]:
        try:
            return wiring.loop().audit.sequence(segment, project)
        except NotFoundError:
            return []

    return wiring.remembered(("audit.sequence", project, segment), read)


def failures(project: str | None, segment: str) -> list[Failure]:
    """Return what audits found wrong in a segment, newest first."""
    wrong = wiring.loop().audit.failures
    return wiring.remembered(("audit.failures", project, segment), lambda: wrong(segment, project=project))


def states_markup(found: list[SegmentState], now: datetime) -> str:
    """Return the states as an HTML table."""
    head = element("tr", *(element("th", name, cls="n" if at > 1 else "") for at, name in enumerate(_HEADS)))
    return element("table", head, *(_row(each, now) for each in found), cls="grid")


def states_rows(found: list[SegmentState]) -> pl.DataFrame:
    """Return the states as a table to take along; rates are shares in [0, 1]."""
    import polars as pl

    return pl.DataFrame(
        [
            {
                "segment": each.segment,
                "state": each.state,
                "target": each.target,
                "window closed at (UTC)": each.until,
                "wrong (weighted)": each.estimate.weighted.value if each.estimate.n else None,
                "low": each.estimate.weighted.low,
                "high": each.estimate.weighted.high,
                "n": each.estimate.n,
                "effective n": each.estimate.effective_n,
                "naive count": each.estimate.naive.value if each.estimate.n else None,
                "unanswered share": each.estimate.unanswered_share,
                "worst case low": each.estimate.worst.low,
                "worst case high": each.estimate.worst.high,
                "at all times low": each.sequence.low,
                "at all times high": each.sequence.high,
                "the rate changed": each.changed,
                "labels": each.n,
                "labels that say wrong": each.errors,
                "unanswered": each.unanswered,
            }
            for each in found
        ],
        infer_schema_length=None,
    )


def said(share: Share) -> str:
    """Return a rate with its interval; dashes without a label."""
    if not share.n:
        return "–"
    return f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}]"


def state_word(state: str) -> str:
    """Return a state as HTML: in words and by sign, not by colour alone."""
    word, cls, means = WORDS[state]
    return element("b", word, cls=cls, title=means)


def _at_all_times(each: SegmentState) -> str:
    if not each.n:
        return "–"
    return "the rate changed" if each.changed else f"{each.sequence.low:.1%} to {each.sequence.high:.1%}"


def _row(each: SegmentState, now: datetime) -> str:
    late = f", oldest {ago(now - each.oldest_at)}" if each.oldest_at else ""
    cells = (
        said(each.estimate.weighted),
        f"{each.estimate.n:,}",
        f"{each.estimate.effective_n:,.0f}",
        _at_all_times(each),
        f"{each.n:,}",
        f"{each.unanswered:,}{late}",
    )
    name = element("td", esc(each.segment[:80]), title=each.segment[:400])
    return element("tr", name, element("td", state_word(each.state)), *(element("td", cell, cls="n") for cell in cells))
