"""Is .8 really .8: the reliability curve with its consistency band, and how often each confidence occurs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from app.charts.periods import plain

if TYPE_CHECKING:
    from hitl_core.loop.trust.report import CalibrationReport

HEIGHT = 470
_LINE, _BAND, _FLAG, _MUTED = "#1f5fbf", "rgba(31,122,77,.16)", "#b3261e", "#8a96a8"
COLUMNS = {
    "bin_low": "confidence from",
    "bin_high": "to",
    "n": "n",
    "effective_n": "effective n",
    "share": "share of outputs",
    "mean_confidence": "mean confidence",
    "accuracy": "right",
    "accuracy_low": "right, low",
    "accuracy_high": "right, high",
    "band_low": "if confidence were true, low",
    "band_high": "if confidence were true, high",
    "flagged": "off by more than .1",
}


def reliability_rows(table: pl.DataFrame) -> pl.DataFrame:
    """Return a reliability table with headings for people; shares lie in [0, 1], intervals are at 95 %."""
    return table.select(list(COLUMNS)).rename(COLUMNS)


def draw_reliability(report: CalibrationReport, *, title: str, other: pl.DataFrame | None = None) -> go.Figure:
    """Return the curve over the histogram.

    Args:
        report: of the confidences that are looked at, with at least one bin.
        title: what they are; from anywhere.
        other: reliability table of other confidences, drawn faintly for comparison.
    """
    table = report.table
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.76, 0.24], vertical_spacing=0.05)
    _curve(figure, table)
    if other is not None:
        figure.add_scatter(
            x=other["mean_confidence"].to_list(),
            y=other["accuracy"].to_list(),
            mode="lines",
            line={"color": _MUTED, "dash": "dot", "width": 1.5},
            hoverinfo="skip",
            name="as they came",
            row=1,
            col=1,
        )
    _histogram(figure, table)
    figure.update_yaxes(title="share that is right", tickformat=".0%", range=[-0.02, 1.02], row=1, col=1)
    figure.update_yaxes(title="outputs", tickformat=".0%", rangemode="tozero", nticks=4, row=2, col=1)
    figure.update_xaxes(range=[-0.01, 1.01], row=1, col=1)
    figure.update_xaxes(title="confidence of the output", range=[-0.01, 1.01], row=2, col=1)
    text = f"{plain(title, 60)} (n = {report.n:,} labels, effective n = {report.effective_n:,.0f})"
    figure.update_layout(
        title={"text": text, "font": {"size": 15}, "x": 0, "y": 0.985},
        height=HEIGHT,
        margin={"l": 10, "r": 10, "t": 42, "b": 10},
        legend={"orientation": "h", "y": -0.16, "x": 0},
        hovermode="closest",
        bargap=0.04,
    )
    return figure


def _curve(figure: go.Figure, table: pl.DataFrame) -> None:
    x = table["mean_confidence"].to_list()
    around = {"x": x + x[::-1], "y": table["band_high"].to_list() + table["band_low"].to_list()[::-1]}
    name = "where it would lie if confidence were true (95 %)"
    figure.add_scatter(
        **around, mode="lines", fill="toself", fillcolor=_BAND, line_width=0, hoverinfo="skip", name=name, row=1, col=1
    )
    diagonal = {"x": [0, 1], "y": [0, 1], "mode": "lines", "line": {"color": "#1f7a4d", "dash": "dash", "width": 1.2}}
    figure.add_scatter(**diagonal, hoverinfo="skip", name="right as often as it says", row=1, col=1)
    right = table["accuracy"]
    figure.add_scatter(
        x=x,
        y=right.to_list(),
        error_y={
            "array": (table["accuracy_high"] - right).clip(0).to_list(),
            "arrayminus": (right - table["accuracy_low"]).clip(0).to_list(),
            "color": _LINE,
            "thickness": 1.2,
        },
        customdata=table.select("accuracy_low", "accuracy_high", "n", "effective_n", "bin_low", "bin_high").rows(),
        hovertemplate="confidence %{customdata[4]:.2f} to %{customdata[5]:.2f}, mean %{x:.2f}<br><b>%{y:.0%} right</b> "
        "(%{customdata[0]:.0%} to %{customdata[1]:.0%})<br>n = %{customdata[2]:,}, effective %{customdata[3]:,.0f}"
        "<extra></extra>",
        mode="lines+markers",
        line={"color": _LINE, "width": 2},
        marker={
            "size": 9,
            "color": [_FLAG if each else _LINE for each in table["flagged"]],
            "symbol": ["x" if each else "circle" for each in table["flagged"]],
        },
        name="what reviewers found (× off by more than .1)",
        row=1,
        col=1,
    )


def _histogram(figure: go.Figure, table: pl.DataFrame) -> None:
    width = table["bin_high"] - table["bin_low"]
    figure.add_bar(
        x=(table["bin_low"] + width / 2).to_list(),
        y=table["share"].to_list(),
        width=(width * 0.94).to_list(),
        customdata=table.select("n", "bin_low", "bin_high").rows(),
        hovertemplate="confidence %{customdata[1]:.2f} to %{customdata[2]:.2f}<br><b>%{y:.1%}</b> of outputs"
        "<br>n = %{customdata[0]:,} labels<extra></extra>",
        marker_color=_MUTED,
        showlegend=False,
        row=2,
        col=1,
    )
