"""What changed in a period: policies, models, prompts, and where a figure itself broke; as markers and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.charts.periods import Marker
from app.components.safe_html import element, esc

if TYPE_CHECKING:
    import polars as pl

MOST_LINES = 30
MOVED = "change"
"""The kind of a change-point of a figure."""


def markers(changes: pl.DataFrame, title: str) -> list[Marker]:
    """Return the markers for the figure of a title: what was changed, and change-points of this very figure."""
    import polars as pl

    own = (pl.col("kind") != MOVED) | pl.col("name").str.starts_with(title)
    return [
        Marker(at.isoformat(), str(kind), str(name))
        for at, kind, name in changes.filter(own).select("at", "kind", "name").rows()
    ]


def table(changes: pl.DataFrame) -> str:
    """Return the changes as a table, newest first."""
    if not changes.height:
        return element("div", "No policy, model or prompt changed in this time.", cls="muted")
    rows = changes.sort("at", descending=True).head(MOST_LINES)
    heads = ("when (UTC)", "what", "name", "")
    body = "".join(
        element(
            "tr",
            element("td", f"{row['at']:%Y-%m-%d %H:%M}"),
            element("td", esc(row["kind"])),
            element("td", esc(str(row["name"])[:120])),
            element("td", esc(str(row["detail"])[:400])),
        )
        for row in rows.iter_rows(named=True)
    )
    more = changes.height - rows.height
    left = element("div", f"{more:,} earlier changes are not listed.", cls="muted") if more > 0 else ""
    return element("table", element("tr", *(element("th", name) for name in heads)), body, cls="grid") + left
