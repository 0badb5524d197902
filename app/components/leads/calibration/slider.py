"""The threshold slider: what each position would mean for errors, work and money; only this part is drawn again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import wiring
from app.charts.costs import Threshold
from app.charts.thresholds import draw_preview, preview_rows
from app.components.leads.figure import figure
from app.components.safe_html import element, show
from hitl_core.loop.trust.preview import MonthlyPrices
from hitl_core.routing.plan import plan_for

if TYPE_CHECKING:
    import polars as pl

    from app.components.leads.calibration.scope import View
    from hitl_core.domain.policy import Policy
    from hitl_core.domain.policy_cost import Prices
    from hitl_core.loop.trust.evidence import Scope

MINUTES = 1.5
Row = dict[str, Any]
NOTHING_LEFT = (
    "<b>No label is left for one threshold here.</b> Parts of it have thresholds of their own in the live policy, "
    "which decide about every labelled output. Choose one of those parts above, such as a field."
)


def preview(view: View) -> pl.DataFrame:
    """Return what each position of the slider would mean."""
    loop = wiring.loop()
    prices = monthly(loop.policy.cost)
    room, given = loop.calibration, view.calibrator or None

    def read() -> pl.DataFrame:
        return room.preview(view.scope, given, 0.05, prices)

    return wiring.remembered(("calibration.preview", *view.key), read, at_once=False)


def monthly(prices: Prices) -> MonthlyPrices:
    """Return the policy's prices as minutes and rate of a reviewer; a price of a review becomes a rate."""
    minutes = prices.minutes_per_review or MINUTES
    rate = prices.rate_per_hour_usd
    return MonthlyPrices(
        review_minutes=minutes,
        hour_usd=prices.human_usd * 60 / minutes if rate is None else rate,
        escaped_usd=prices.escaped_error_usd,
    )


def threshold_of(policy: Policy, scope: Scope) -> float:
    """Return from which confidence on the scope's outputs go by themselves under a policy; above 1 where none does."""
    kind = {"project": scope.project, "domain": "", "label": "", "model": ""} | dict(scope.where)
    tiers = plan_for(policy).ground_for(SimpleNamespace(**kind)).tiers  # type: ignore[arg-type]
    return next((lowest for lowest, route, _ in tiers.steps if route == "auto_approve"), 2.0)


def slider(view: View) -> None:
    """Draw slider, figures for where it stands, and the curve over all positions."""
    policy, rows = wiring.loop().policy, preview(view)
    if not rows["n"].max():
        show(element("div", NOTHING_LEFT, cls="empty"))
        return
    _moving(rows, threshold_of(policy, view.scope), monthly(policy.cost), policy.audit.target_error)


# Its arguments are kept while the slider moves: nothing is read or reckoned again.
@st.fragment
def _moving(rows: pl.DataFrame, live: float, prices: MonthlyPrices, target: float) -> None:
    chosen = st.slider(
        "Outputs go by themselves from this confidence on",
        0.0,
        1.0,
        round(min(1.0, live), 2),
        0.01,
        key="calibration.threshold",
    )
    row = rows.row(min(range(rows.height), key=lambda at: abs(rows["threshold"][at] - chosen)), named=True)
    labels = int(rows["n"].max() or 0)  # type: ignore[arg-type]
    show(tiles(row, labels) + element("div", explained(row, prices, live), cls="muted"))
    marks = [Threshold(live, "live")] if live <= 1 else []
    drawn = draw_preview(rows, n=labels, chosen=chosen, target=target, live=marks)
    figure(drawn, preview_rows(rows), key="calibration.preview", name="Error and work at each threshold")


def tiles(row: Row, labels: int) -> str:
    """Return the figures of one position as HTML; each with its interval or bound, and n."""
    bound = f"at most {row['bound']:.1%}, {'simultaneous bound' if row['guarantee'] else 'no guarantee'}"
    wrong = "–" if row["error"] is None else f"{row['error']:.1%}"
    share = f"95 % interval {row['share_low']:.0%} to {row['share_high']:.0%}"
    hours = f"95 % interval {row['hours_low']:,.0f} to {row['hours_high']:,.0f}"
    above = f"n = {row['n']:,} from here on, effective {row['effective_n']:,.0f}"
    every = f"n = {labels:,} labels"
    made = (
        ("share reviewed", f"{row['share_reviewed']:.0%}", share, every),
        ("wrong among what goes out", wrong, bound, above),
        ("escaped errors a month", f"{row['escaped']:,.1f}", f"at most {row['escaped_bound']:,.0f}", above),
        ("cost a month", f"{row['cost_usd']:,.0f} USD", f"at most {row['cost_bound_usd']:,.0f} USD", every),
        ("reviewer hours a month", f"{row['hours']:,.1f}", hours, every),
    )
    return element("div", *(_tile(*each) for each in made), cls="tiles")


def explained(row: Row, prices: MonthlyPrices, live: float) -> str:
    """Return what the figures rest on, as HTML; ours."""
    now = f"The live policy stands at {live:.2f}." if live <= 1 else "Under the live policy nothing goes out by itself."
    promise = (
        "The bounds hold at every position of the slider at once, 95 % sure, however long one moves it"
        if row["guarantee"]
        else "The bounds hold for one position named beforehand only: no guarantee while one moves the slider"
    )
    return (
        f"{now} {promise}; to publish, let a threshold be found below. Of about {row['items']:,.0f} outputs a month, "
        f"at {prices.review_minutes:g} min a review, {prices.hour_usd:,.0f} USD an hour and "
        f"{prices.escaped_usd:,.0f} USD an escaped error, as the policy's section <code>cost</code> says."
    )


def _tile(label: str, value: str, bound: str, n: str) -> str:
    body = element("div", value, cls="big") + element("div", label) + element("div", bound, cls="muted")
    return element("div", body, element("div", n, cls="muted"), cls="tile")
