"""Gain of quality from quarter to quarter, held against its target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.components.safe_html import element, esc
from hitl_core.reports.gains import AIM, quarterly_gains

if TYPE_CHECKING:
    import polars as pl


def gains(figures: pl.DataFrame) -> str:
    """Return the gains as HTML; `figures` are grouped by quarter."""
    found = quarterly_gains(figures)
    head = element("h4", f"Gain of F1 by quarter (target: {100 * AIM:+.0f} points)", cls="head4")
    if not found["gain"].count():
        need = "A gain needs labels in two quarters that follow each other; choose a longer period or come back later."
        return head + element("div", need, cls="muted")
    heads = ("quarter from", "F1", "95 % interval", "n", "gain in points", "95 % interval", "against the target")
    columns = "".join(element("th", name, cls="n" if 0 < at < 6 else "") for at, name in enumerate(heads))
    rows = "".join(_row(row) for row in found.sort("quarter", descending=True).head(12).iter_rows(named=True))
    return head + element("table", element("tr", columns), rows, cls="grid")


def _row(row: dict[str, Any]) -> str:
    gained = row["gain"] is not None
    cells = (
        f"{row['f1']:.3f}",
        f"{row['low']:.3f} to {row['high']:.3f}",
        f"{row['n']:,}",
        f"{100 * row['gain']:+.1f}" if gained else "–",
        f"{100 * row['gain_low']:+.1f} to {100 * row['gain_high']:+.1f}" if gained else "–",
    )
    said, cls = _standing(row) if gained else ("", "")
    return element(
        "tr",
        element("td", esc(row["quarter"])),
        *(element("td", cell, cls="n") for cell in cells),
        element("td", element("span", said, cls=cls)),
    )


def _standing(row: dict[str, Any]) -> tuple[str, str]:
    if row["gain_low"] >= AIM:
        return "on target", "v-ok"
    return ("off target", "v-no") if row["gain_high"] < AIM else ("cannot be told yet", "v-none")
