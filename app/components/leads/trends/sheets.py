"""The figures of a period: a table of all, and each over time or by group with its target, meaning, table and file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from app.charts.periods import Goal, Marker, draw_groups, draw_periods
from app.components.leads import figure, wording
from app.components.leads.filters import View
from app.components.leads.trends import turns
from app.components.safe_html import element, esc, show
from hitl_core.reports.definitions import BY_NAME, DEFINITIONS, Definition

if TYPE_CHECKING:
    import plotly.graph_objects as go
    import polars as pl

SHEETS = {
    "Review load": ("human_review_rate", "correction_rate", "auto_approval_rate", "outputs"),
    "Decisions": ("approval_rate", "modification_rate", "override_rate", "rejection_rate"),
    "Times": ("review_seconds_median", "review_seconds_p95", "sla_compliance", "turnaround_seconds_median"),
    "Quality": ("accuracy", "escaped_error_rate", "calibration_error", "f1"),
}
"""Which figures stand on which sheet; only the chosen one is drawn."""
FEWEST = 20
"""With fewer rows in all a figure is not drawn."""
_PATH = (Goal(0.30, "the path begins: 30 %", main=False), Goal(0.05, "the path ends: 5 %", main=False))
_COLUMNS = ("figure", "value", "95 % interval", "n", "target", "against the target")


def summary(figures: pl.DataFrame) -> str:
    """Return all figures of the period as a table; `figures` has one group."""
    rows = {str(row["metric"]): row for row in figures.iter_rows(named=True)}
    body = "".join(_summary_row(each, rows[each.name]) for each in DEFINITIONS if each.name in rows)
    head = "".join(element("th", name, cls="n" if at in (1, 2, 3) else "") for at, name in enumerate(_COLUMNS))
    return element("table", element("tr", head), body, cls="grid")


def block(name: str, figures: pl.DataFrame, view: View, changes: pl.DataFrame) -> None:
    """Draw one figure: title with "?", chart, and behind it the table that can be downloaded."""
    import polars as pl

    definition, rows = BY_NAME[name], figures.filter(pl.col("metric") == name).drop("metric").sort("group")
    with st.container(border=True, key=f"trends-block-{name}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            show(element("b", esc(definition.title)), narrow=True)
            with st.popover("?", key=f"trends.meaning.{name}", help="What this figure is"):
                show(meaning(definition))
        if int(rows["n"].sum()) < FEWEST:
            show(element("div", _too_few(int(rows["n"].sum())), cls="muted"))
            return
        file = f"{definition.title} by {view.grouping}"
        drawn = chart(definition, rows, view, turns.markers(changes, definition.title))
        figure.figure(drawn, rows.rename({"group": view.grouping}), key=f"trends.{name}", name=file)


def chart(definition: Definition, rows: pl.DataFrame, view: View, markers: Sequence[Marker]) -> go.Figure:
    """Return the chart of one figure."""
    share = wording.is_share(definition.name)
    axis = "share" if share else {"s": "seconds"}.get(definition.unit, definition.unit) or "number"
    goals, title = goals_of(definition), f"by {view.grouping}"
    if view.over_time:
        return draw_periods(rows, title=title, axis=axis, percent=share, goals=goals, markers=markers)
    return draw_groups(rows, title=title, axis=axis, percent=share, goals=goals)


def goals_of(definition: Definition) -> tuple[Goal, ...]:
    """Return the lines a figure is held against."""
    if definition.target is None:
        return ()
    main = Goal(definition.target, f"target: {wording.target(definition)}")
    return (main, *_PATH) if definition.name == "human_review_rate" else (main,)


def meaning(definition: Definition) -> str:
    """Return what a figure is, as HTML."""
    aim = f"Target: {wording.target(definition)}." if definition.target is not None else ""
    return element("div", element("div", esc(definition.meaning)), element("div", esc(aim), cls="muted"))


def _summary_row(definition: Definition, row: wording.Row) -> str:
    numbers = (wording.said(definition.name, row["value"]), wording.interval(row), f"{int(row['n']):,}")
    return element(
        "tr",
        element("td", esc(definition.title), title=definition.meaning),
        *(element("td", text, cls="n") for text in numbers),
        element("td", wording.target(definition)),
        element("td", wording.standing_markup(row)),
    )


def _too_few(n: int) -> str:
    return f"Too few rows: {n} in this time; it is drawn from {FEWEST} on. Choose a longer period, or all projects."
