"""Agreement as tables and charts: all coefficients, each two raters, over time, by domain and by reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import streamlit as st

from app.charts.agreement import draw_pairs, height_of
from app.charts.periods import Goal, draw_groups, draw_periods
from app.components.leads.figure import csv_of, figure
from app.components.raters import words
from app.components.safe_html import element, esc, show

if TYPE_CHECKING:
    from hitl_core.reports.raters.report import AgreementReport

FEWEST_IN_GROUP = 5
"""Groups with fewer items that have two opinions, or reasons cited less often, are in the table, but not drawn."""
_GOALS = (
    Goal(0.8, "excellent above .8", main=False),
    Goal(0.6, "good from .6"),
    Goal(0.4, "moderate from .4", main=False),
)
_HEADS = (
    ("who", "Whose opinions are compared"),
    ("about", "Which labels are compared"),
    ("coefficient", ""),
    ("value", "1 is perfect, 0 is what chance would give"),
    ("95 % interval", ""),
    ("band", words.BANDS),
    ("items", "Items with two opinions or more"),
    ("agree on", "Share of pairs of opinions that agree"),
    ("base rate", words.PARADOX),
)
_NUMBERS = frozenset({3, 4, 6, 7, 8})


def tiles(report: AgreementReport) -> str:
    """Return the headline: alpha of people with its interval, and how much it rests on."""
    first = report.coefficients.row(0, named=True)
    shown = [
        (
            words.number(first["value"]),
            f"alpha of people, {words.ends(first['low'], first['high'])}, n = {first['n']:,}",
        ),
        (f"{report.items:,}", "items with two opinions or more"),
        (f"{report.opinions:,}", "independent opinions"),
        (f"{report.people:,}", "people"),
        (f"{report.judges:,}", "judges"),
        (f"{report.settled:,}", "settled by a senior"),
    ]
    tile = (element("div", element("div", big, cls="big"), element("div", small, cls="muted"), cls="tile")
            for big, small in shown)  # fmt: skip
    return element("div", *tile, cls="tiles")


def coefficients(rows: pl.DataFrame) -> str:
    """Return all coefficients as a table, with the warnings they carry."""
    body = "".join(_coefficient(row) for row in rows.iter_rows(named=True))
    told = {
        f"{row['who']}, {row['labels']}": row["warning"] for row in rows.drop_nulls("warning").iter_rows(named=True)
    }
    notes = "".join(words.warning(f"{whose}: {each}") for whose, each in told.items())
    legend = element("div", words.BANDS, " ", words.PARADOX, cls="muted")
    return words.grid(_HEADS, body, numbers=_NUMBERS) + notes + legend


def pairs(report: AgreementReport) -> None:
    """Draw the heat map of each two raters."""
    if report.pairs.is_empty():
        show(element("div", "No two raters have an item in common.", cls="muted"))
        return
    drawn = draw_pairs(report.pairs, report.raters["rater_id"].to_list(), words.called)
    figure(drawn, report.pairs, key="agreement.pairs", name="Kappa of each two raters")


def over_time(report: AgreementReport) -> None:
    """Draw alpha over time."""
    rows = told(report.over_time)
    name = f"Krippendorff's alpha by {report.bucket}"
    if rows.is_empty():
        _too_few(name)
        return
    drawn = draw_periods(rows, title=name, axis="alpha", percent=False, goals=_GOALS)
    drawn.update_layout(height=height_of(report.people + report.judges))  # as high as the pairs beside it
    figure(drawn, report.over_time, key="agreement.time", name=name)


def by(rows: pl.DataFrame, name: str, *, key: str) -> None:
    """Draw alpha for each domain or reason."""
    shown = told(rows)
    if shown.is_empty():
        _too_few(name)
        return
    drawn = draw_groups(shown, title=name, axis="alpha", percent=False, goals=_GOALS)
    figure(drawn, rows, key=key, name=name)


def told(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the groups that have enough items and a value."""
    enough = rows.filter(pl.col("n") >= FEWEST_IN_GROUP).drop_nulls("value")
    return enough.filter(pl.col("cited") >= FEWEST_IN_GROUP) if "cited" in rows.columns else enough


def download(rows: pl.DataFrame, name: str, *, key: str) -> None:
    """Offer a table that is drawn on the page as a file."""
    file = f"{name.lower().replace(' ', '-')}.csv"
    st.download_button("Download as CSV", csv_of(rows), file, "text/csv", key=key, on_click="ignore")


def _too_few(name: str) -> None:
    text = f"No group has {FEWEST_IN_GROUP} items with two opinions (or {FEWEST_IN_GROUP} opinions that cite it) yet."
    show(element("div", element("b", esc(name)), element("div", text, cls="muted"), cls="card"))


def _coefficient(row: words.Row) -> str:
    measured = row["coefficient"] != "percent agreement"
    return words.cells(
        esc(row["who"]),
        esc(row["labels"]),
        esc(row["coefficient"]),
        words.number(row["value"]),
        words.ends(row["low"], row["high"]),
        words.band(row["band"]) if measured else "–",
        f"{row['n']:,}",
        words.percent(row["agreement"]),
        words.percent(row["base_rate"]),
        numbers=_NUMBERS,
    )
