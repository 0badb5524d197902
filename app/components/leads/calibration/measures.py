"""How well confidence is calibrated, in figures and in words: the measures, and the bins that are off."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

from app.components.safe_html import element, esc

if TYPE_CHECKING:
    import polars as pl

    from hitl_core.calibration import Estimate
    from hitl_core.loop.trust.evidence import Evidence
    from hitl_core.loop.trust.report import CalibrationReport


def measures_markup(report: CalibrationReport, *, naive: bool) -> str:
    """Return the measures as an HTML table; `naive` adds what counting each label once would have claimed."""
    heads = ["measure", "value [95 % interval]", "n", "effective n"] + ["a naive count"] * naive
    head = element("tr", *(element("th", name, cls="n" if at else "") for at, name in enumerate(heads)))
    rows = []
    for each in report.measures:
        cells = [said(each.weighted), f"{each.weighted.n:,}", f"{each.weighted.effective_n:,.0f}"]
        cells += [f"{said(each.naive)}, n = {each.naive.n:,}"] * naive
        note = element("div", esc(each.note), cls="muted")
        rows.append(
            element(
                "tr", element("td", element("b", esc(each.name)), note), *(element("td", c, cls="n") for c in cells)
            )
        )
    return element("table", head, *rows, cls="grid")


def measures_rows(report: CalibrationReport) -> pl.DataFrame:
    """Return the measures as a table to take along, weighted and naive."""
    import polars as pl

    return pl.DataFrame(
        [
            {"measure": each.name}
            | _columns("", each.weighted)
            | {"effective n": each.weighted.effective_n}
            | _columns("naive ", each.naive)
            | {"note": each.note}
            for each in report.measures
        ],
        infer_schema_length=None,
    )


def said(estimate: Estimate) -> str:
    """Return a figure with its interval."""
    if isnan(estimate.low):  # the rows carry no interval
        return f"{estimate.value:.3f} [–]"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def off_markup(report: CalibrationReport) -> str:
    """Return in words which bins are off by more than .1, as far as their labels can tell, as HTML."""
    rows = report.flagged().iter_rows(named=True)
    found = [element("div", _off(row), cls="card") for row in rows]
    if found:
        return "".join(found)
    return element("div", "No range of confidence is shown to be off by more than .1.", cls="muted")


def window_markup(evidence: Evidence) -> str:
    """Return what the figures rest on, as HTML."""
    estimate = evidence.estimate
    sentences = [
        f"<b>{evidence.n:,} labels</b> of decisions from {evidence.start:%Y-%m-%d} to {evidence.end:%Y-%m-%d %H:%M} "
        "UTC, when the last label was due.",
        f"Wrong, of all outputs in this window: <b>{estimate.weighted.value:.1%}</b> "
        f"[{estimate.weighted.low:.1%}, {estimate.weighted.high:.1%}], n = {estimate.n:,}, "
        f"effective n {estimate.effective_n:,.0f}."
        if estimate.n
        else "",
        f"{estimate.unanswered:,} labels asked for are missing ({estimate.unanswered_share:.1%} by weight)."
        if estimate.unanswered
        else "No label asked for is missing.",
        f"{evidence.forced:,} labels of outputs that a rule sends to a person are left out: no threshold decides "
        "about those."
        if evidence.forced
        else "",
    ]
    return element("div", " ".join(each for each in sentences if each), cls="muted")


def too_few(n: int, needed: int) -> tuple[str, ...]:
    """Return what is needed before figures are shown; ours."""
    return (
        f"<b>{n:,} labels so far; from {needed} on the figures are shown.</b>",
        "A label is a person's decision on an output that brought a confidence: reviews and audits both count, "
        "weighted by how likely they were. Review what waits, or look at a longer period or a larger part.",
    )


def _columns(prefix: str, estimate: Estimate) -> dict[str, float]:
    names = ("value", "low", "high", "n")
    return {f"{prefix}{name}": float(getattr(estimate, name)) for name in names}


def _off(row: dict[str, float]) -> str:
    sure = row["mean_confidence"] > row["accuracy"]
    verdict = "too sure of itself" if sure else "better than it says"
    return (
        f"<b>Confidence {row['bin_low']:.2f} to {row['bin_high']:.2f} is {verdict}:</b> it says "
        f"{row['mean_confidence']:.0%} and is right {row['accuracy']:.0%} of the time "
        f"[{row['accuracy_low']:.0%}, {row['accuracy_high']:.0%}], n = {row['n']:,}, "
        f"effective n {row['effective_n']:,.0f}, {row['share']:.0%} of outputs."
    )
