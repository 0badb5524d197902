"""What thresholds cost, in sentences, as a figure and as a table; and what was saved."""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING

from app.charts.costs import Threshold, draw_cost
from app.components.leads import figure, wording
from app.components.safe_html import element, esc, show

if TYPE_CHECKING:
    from hitl_core.reports.cost import CostCurve, CostPoint
    from hitl_core.reports.spending import CostReport


def tiles(report: CostReport) -> str:
    """Return the large figures of the period as HTML."""
    spent = wording.usd(report.judge_usd) + (" and more" if report.judge_unknown else "")
    calls = f"{report.judge_calls:,} calls, {report.judge_unknown:,} of them at an unknown price"
    shown = (
        ("outputs", f"{report.outputs:,}", ""),
        ("reviews", f"{report.reviews:,}", ""),
        ("reviews cost, at these prices", wording.usd(report.reviews * report.prices.review_usd), ""),
        ("judges cost, as recorded", spent, calls),
        ("saved against reviewing everything", _total(report), ""),
    )
    return element("div", *(_tile(*each) for each in shown), cls="tiles") + element("div", _saved(report), cls="muted")


def curve(report: CostReport) -> None:
    """Draw the expected cost over the threshold with what follows from it; or say what is missing."""
    from hitl_core.reports.spending import FEWEST_LABELS

    found = report.curve
    if found is None:
        text = (
            f"{report.labels} labelled outputs about which the threshold decided; from {FEWEST_LABELS} on the cost is "
            "drawn over the threshold. Labels come from reviews and blind audits: choose a longer period or audit more."
        )
        show(element("div", text, cls="card"))
        return
    show(sentences(found, report.live_threshold, report.steady))
    live = [] if report.live_threshold is None else [Threshold(report.live_threshold, "live")]
    figure.figure(draw_cost(found, live), found.frame, key="cost.curve", name="Expected cost over the threshold")


def sentences(found: CostCurve, live: float | None, steady: float | None = None) -> str:
    """Return the optimum, what to choose, the live threshold beside it and what reviewing everything costs, as HTML."""
    best, everything = found.best, found.review_all
    first = (
        "Reviewing everything is cheapest"
        if best.threshold > 1
        else f"The cheapest threshold is <b>{best.threshold:.3f}</b> (95 % interval {upto(found.best_low)} to "
        f"{upto(found.best_high)})"
    )
    saved = f"{wording.usd(found.saved_low)} to {wording.usd(found.saved_high)}"
    lines = [
        f"{first}: {_cost(best)} an output, {best.share_reviewed:.0%} reviewed; n = {found.n:,} labelled outputs, "
        f"{found.effective_n:,.0f} effective.",
        f"Reviewing everything costs {_cost(everything)}; the cheapest threshold saves {wording.usd(found.saved_usd)} "
        f"an output (95 % interval {saved}).",
    ]
    if steady is not None:
        lines.append(ahead(steady))
    if live is not None:
        here = point_at(found, live)
        lines.append(
            f"The live threshold {live:g} costs {_cost(here)} an output, {here.share_reviewed:.0%} reviewed: "
            f"{dearer(here, best)}."
        )
    return element("div", *(element("div", line) for line in lines), cls="card")


def ahead(steady: float) -> str:
    """Return what to choose for outputs to come."""
    if steady > 1:
        return "For outputs to come: review everything until more labels show a saving; the above may be chance."
    return f"For outputs to come {steady:.3f} is the steadier choice: it follows chance in these labels less."


def point_at(found: CostCurve, threshold: float) -> CostPoint:
    """Return the point of the curve that holds at a threshold: outputs at or above it go out by themselves."""
    from hitl_core.reports.cost import CostPoint

    at = min(int(found.frame["threshold"].search_sorted(threshold, side="left")), found.frame.height - 1)
    row = found.frame.row(at, named=True)
    return CostPoint(**{name: row[name] for name in CostPoint.__dataclass_fields__})


def dearer(here: CostPoint, best: CostPoint) -> str:
    """Return what 1,000 outputs cost more than at the cheapest threshold, with a cautious interval.

    It is put together from the two points' own (MOVER) as if they were of different outputs, so it is rather too wide.
    """
    more = here.cost_usd - best.cost_usd
    if not more:
        return "as much as the cheapest"
    low = more - hypot(here.cost_usd - here.low, best.high - best.cost_usd)
    high = more + hypot(here.high - here.cost_usd, best.cost_usd - best.low)
    ends = f"{wording.usd(1000 * low)} to {wording.usd(1000 * high)}"
    return f"{wording.usd(1000 * more)} more for 1,000 outputs (cautious 95 % interval {ends})"


def upto(threshold: float) -> str:
    """Return an end of the optimum's interval in words."""
    return "review everything" if threshold > 1 else f"{threshold:.3f}"


def _total(report: CostReport) -> str:
    return "–" if report.saved is None else wording.usd(report.saved.total_usd)


def _saved(report: CostReport) -> str:
    saved = report.saved
    if saved is None:
        return "Savings are told once a blind audit of what went out by itself came back."
    return (
        f"Saved: {wording.usd(saved.value)} an output (95 % interval {wording.usd(saved.low)} to "
        f"{wording.usd(saved.high)}, n = {saved.n:,} blind audits): reviews not paid for, less the errors that a "
        "person had caught."
    )


def _tile(label: str, value: str, title: str) -> str:
    body = element("div", esc(value), cls="big") + element("div", esc(label), cls="muted")
    return element("div", body, cls="tile", title=title)


def _cost(point: CostPoint) -> str:
    return f"<b>{wording.usd(point.cost_usd)}</b> ({point.low:.3f} to {point.high:.3f})"
