"""The expected cost of an output over the threshold, with its band, the optimum and the live threshold. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import plotly.graph_objects as go

if TYPE_CHECKING:
    from hitl_core.reports.cost import CostCurve

HEIGHT = 380
MOST_POINTS = 2_000
_LINE, _BAND, _BEST, _LIVE = "#1f5fbf", "rgba(31,95,191,.16)", "#1f7a4d", "#8a5a00"
_PARTS = (("human_usd", "people", "#8a96a8", "dot"), ("escaped_usd", "escaped errors", "#b3261e", "dot"))


class Threshold(NamedTuple):
    """A threshold to be marked: where, and what it is called."""

    at: float
    name: str


def draw_cost(curve: CostCurve, live: Sequence[Threshold] = ()) -> go.Figure:
    """Return cost per output in USD over the threshold above which outputs go out by themselves.

    Args:
        curve: as `cost_curve` gives it; its last row (everything is reviewed) is drawn at 1.
        live: thresholds that hold now.
    """
    rows = curve.frame.tail(MOST_POINTS)
    x = [min(1.0, value) for value in rows["threshold"]]
    figure = go.Figure()
    band = {"x": x + x[::-1], "y": rows["high"].to_list() + rows["low"].to_list()[::-1]}
    figure.add_scatter(
        **band, mode="lines", fill="toself", fillcolor=_BAND, line_width=0, hoverinfo="skip", name="95 % band"
    )
    for column, name, colour, dash in _PARTS:
        figure.add_scatter(x=x, y=rows[column].to_list(), name=name, line={"color": colour, "dash": dash, "width": 1.5})
    figure.add_scatter(
        x=x,
        y=rows["cost_usd"].to_list(),
        customdata=rows.select("low", "high", "share_reviewed").rows(),
        hovertemplate="threshold %{x:.2f}<br><b>%{y:.3f} USD</b> (%{customdata[0]:.3f} to %{customdata[1]:.3f})"
        "<br>%{customdata[2]:.0%} reviewed<extra></extra>",
        line={"color": _LINE, "width": 2.5},
        name="all costs",
    )
    best = min(1.0, curve.best.threshold)
    figure.add_vrect(
        x0=min(1.0, curve.best_low), x1=min(1.0, curve.best_high), fillcolor=_BEST, opacity=0.1, line_width=0
    )
    _line(figure, best, "cheapest", _BEST, 0)
    for row, mark in enumerate(live, 1):
        _line(figure, min(1.0, mark.at), mark.name, _LIVE, row % 3)
    title = f"Expected cost of one output (n = {curve.n:,} labelled outputs)"
    figure.update_xaxes(
        title="threshold: at or above this confidence an output goes out by itself", range=[_from(x, live), 1.01]
    )
    figure.update_yaxes(title="USD per output", rangemode="tozero")
    figure.update_layout(
        title={"text": title, "font": {"size": 15}, "x": 0, "y": 0.98},
        height=HEIGHT,
        margin={"l": 10, "r": 10, "t": 66, "b": 10},
        legend={"orientation": "h", "y": -0.25, "x": 0},
    )
    return figure


def _from(x: Sequence[float], live: Sequence[Threshold]) -> float:
    """Return where the axis begins: a little before the first threshold that occurs or holds."""
    return max(0.0, min([*x, *(mark.at for mark in live)]) - 0.03)


def _line(figure: go.Figure, x: float, text: str, colour: str, row: int) -> None:
    figure.add_vline(x=x, line={"color": colour, "dash": "dash", "width": 1.6})
    figure.add_annotation(
        x=x, y=1, yref="paper", yanchor="bottom", yshift=14 * row, text=text, showarrow=False, font_color=colour
    )
