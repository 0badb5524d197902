"""What audits found in one segment, label by label: the running estimate with its confidence sequence. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
import polars as pl

from app.charts.periods import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hitl_core.audit import SequencePoint

HEIGHT = 360
MOST_ROWS = 600
"""A row is drawn three times: the estimate and both bounds; together they stay under 2,000 points."""
COLUMNS = ("decided (UTC)", "audits", "errors", "error rate", "lower bound", "upper bound")
_LINE, _BAND, _GOAL = "#1f5fbf", "rgba(31,95,191,.16)", "#1f7a4d"


def sequence_rows(points: Sequence[SequencePoint]) -> pl.DataFrame:
    """Return the points as a table, evenly thinned to what is drawn; the last one is always there.

    Returns:
        Columns `COLUMNS`: rates and bounds are shares in [0, 1].
    """
    step = max(1, -(-len(points) // MOST_ROWS))
    kept = points[::-1][::step][::-1]
    rows = [(each.at, each.n, each.errors, each.value, each.low, each.high) for each in kept]
    kinds = (pl.Datetime("us", "UTC"), pl.Int64, pl.Int64, pl.Float64, pl.Float64, pl.Float64)
    return pl.DataFrame(rows, schema=dict(zip(COLUMNS, kinds, strict=True)), orient="row")


def draw_sequence(
    rows: pl.DataFrame, *, segment: str, target: float, confidence: float = 0.95, by_number: bool = False
) -> go.Figure:
    """Return the running error rate of a segment with the interval that holds whenever one looks.

    Args:
        rows: as `sequence_rows` returns them, at least one.
        segment: its name, from anywhere.
        target: what the segment is held to.
        confidence: of the sequence.
        by_number: draw over the number of audits, where a burst at one moment can be seen.
    """
    along = COLUMNS[1] if by_number else COLUMNS[0]
    at, value, low, high = (rows[name].to_list() for name in (along, *COLUMNS[3:]))
    figure = go.Figure()
    band = {"x": at + at[::-1], "y": high + low[::-1]}
    name = f"{confidence:.0%} confidence sequence"
    figure.add_scatter(**band, mode="lines", fill="toself", fillcolor=_BAND, line_width=0, hoverinfo="skip", name=name)
    figure.add_scatter(
        x=at,
        y=value,
        customdata=rows.select(*COLUMNS[1:3], *COLUMNS[4:], pl.col(COLUMNS[0]).dt.strftime("%Y-%m-%d %H:%M")).rows(),
        hovertemplate="%{customdata[4]}<br><b>%{y:.1%}</b> (%{customdata[2]:.1%} to %{customdata[3]:.1%})"
        "<br>%{customdata[1]:,} of n = %{customdata[0]:,} audits wrong<extra></extra>",
        mode="lines+markers" if rows.height <= 60 else "lines",
        line={"color": _LINE, "width": 2},
        name="wrong so far",
    )
    figure.add_hline(y=target, line={"color": _GOAL, "dash": "dash", "width": 1.6})
    label = {"x": 0, "xref": "paper", "xanchor": "left", "y": target, "yanchor": "bottom", "showarrow": False}
    label |= {"bgcolor": "rgba(255,255,255,.75)"}
    figure.add_annotation(**label, text=f"target: at most {target:.1%}", font={"color": _GOAL, "size": 11})
    figure.update_xaxes(
        title="audits" if by_number else "time of the decision (UTC)", type=None if by_number else "date"
    )
    figure.update_yaxes(title="share of wrong outputs", tickformat=".0%", range=[0, _top(rows, target)])
    title = f"{plain(segment, 40)}: wrong outputs among audited ones (n = {rows[COLUMNS[1]][-1]:,} audits)"
    figure.update_layout(
        title={"text": title, "font": {"size": 15}, "x": 0, "y": 0.98},
        height=HEIGHT,
        margin={"l": 10, "r": 10, "t": 46, "b": 10},
        legend={"orientation": "h", "y": -0.25, "x": 0},
        hovermode="closest",
    )
    return figure


def _top(rows: pl.DataFrame, target: float) -> float:
    """Leave out the first labels' bounds of nearly 0 to 1: they would press the rest flat."""
    last, worst = float(rows[COLUMNS[5]][-1]), float(rows[COLUMNS[3]].tail(max(1, rows.height * 3 // 4)).max())  # type: ignore[arg-type]
    return min(1.0, 1.15 * max(target * 2, last * 1.3, worst))
