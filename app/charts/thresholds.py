"""What each position of a threshold would mean: the error that goes out with its bound, and the share reviewed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.charts.periods import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from app.charts.costs import Threshold

HEIGHT = 400
_ERROR, _BOUND, _REVIEW, _GOAL, _LIVE, _CHOSEN = "#b3261e", "#d9938b", "#1f5fbf", "#1f7a4d", "#8a5a00", "#1c2530"
COLUMNS = {
    "threshold": "threshold",
    "n": "n at or above",
    "effective_n": "effective n",
    "errors": "wrong ones",
    "error": "error",
    "bound": "error, upper bound",
    "guarantee": "all bounds hold at once",
    "share_reviewed": "share reviewed",
    "share_low": "share reviewed, low",
    "share_high": "share reviewed, high",
    "escaped": "escaped errors a month",
    "escaped_bound": "escaped errors a month, upper bound",
    "hours": "reviewer hours a month",
    "hours_low": "reviewer hours, low",
    "hours_high": "reviewer hours, high",
    "cost_usd": "cost a month (USD)",
    "cost_bound_usd": "cost a month, upper bound (USD)",
}


def preview_rows(preview: pl.DataFrame) -> pl.DataFrame:
    """Return a preview with headings for people."""
    return preview.select(list(COLUMNS)).rename(COLUMNS)


def draw_preview(
    preview: pl.DataFrame, *, n: int, chosen: float, target: float, live: Sequence[Threshold] = ()
) -> go.Figure:
    """Return error and share reviewed over the threshold.

    Args:
        preview: as `loop.calibration.preview` returns it: a row for each position.
        n: labelled rows that it rests on.
        chosen: where the slider stands.
        target: the error that is aimed at.
        live: thresholds that hold now.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.6, 0.4], vertical_spacing=0.07)
    _wrong(figure, preview)
    _reviewed(figure, preview)
    figure.add_hline(y=target, line={"color": _GOAL, "dash": "dash", "width": 1.4}, row=1, col=1)
    start = _start(preview, chosen, live)
    goal = {"x": 0, "xref": "paper", "xanchor": "left", "y": target, "yanchor": "bottom", "showarrow": False}
    figure.add_annotation(**goal, text=f"target {target:.1%}", font={"color": _GOAL, "size": 11})
    _line(figure, chosen, "here", _CHOSEN, 0)
    for mark in live:
        _line(figure, min(1.0, mark.at), plain(mark.name), _LIVE, 1)
    figure.update_yaxes(title="wrong", tickformat=".0%", range=[0, _top(preview, target)], row=1, col=1)
    figure.update_yaxes(title="reviewed", tickformat=".0%", range=[0, 1.03], row=2, col=1)
    figure.update_xaxes(range=[start, 1.005])
    figure.update_xaxes(title="threshold: from this confidence on outputs go by themselves", row=2, col=1)
    figure.update_layout(
        title={
            "text": f"Error and work at each threshold (n = {n:,} labels)",
            "font": {"size": 15},
            "x": 0,
            "y": 0.985,
        },
        height=HEIGHT,
        margin={"l": 10, "r": 10, "t": 66, "b": 10},
        legend={"orientation": "h", "y": -0.2, "x": 0},
        hovermode="closest",
    )
    return figure


def _wrong(figure: go.Figure, preview: pl.DataFrame) -> None:
    x, bound = preview["threshold"].to_list(), preview["bound"].to_list()
    together = bool(preview["guarantee"].all())
    name = "upper bound, all positions at once" if together else "upper bound, no guarantee"
    figure.add_scatter(
        x=x,
        y=bound,
        name=name,
        mode="lines",
        line={"color": _BOUND, "dash": "dot", "width": 1.5},
        hoverinfo="skip",
        row=1,
        col=1,
    )
    figure.add_scatter(
        x=x,
        y=preview["error"].to_list(),
        customdata=preview.select("bound", "n", "errors").rows(),
        hovertemplate="from %{x:.2f} on<br><b>%{y:.1%} wrong</b>, at most %{customdata[0]:.1%}"
        "<br>%{customdata[2]:,} of n = %{customdata[1]:,} labels<extra></extra>",
        mode="lines",
        line={"color": _ERROR, "width": 2},
        name="wrong among what goes out",
        row=1,
        col=1,
    )


def _reviewed(figure: go.Figure, preview: pl.DataFrame) -> None:
    x = preview["threshold"].to_list()
    band = {"x": x + x[::-1], "y": preview["share_high"].to_list() + preview["share_low"].to_list()[::-1]}
    figure.add_scatter(
        **band,
        mode="lines",
        fill="toself",
        fillcolor="rgba(31,95,191,.16)",
        line_width=0,
        hoverinfo="skip",
        name="95 % interval",
        row=2,
        col=1,
    )
    figure.add_scatter(
        x=x,
        y=preview["share_reviewed"].to_list(),
        customdata=preview.select("share_low", "share_high", "hours").rows(),
        hovertemplate="from %{x:.2f} on<br><b>%{y:.0%} reviewed</b> (%{customdata[0]:.0%} to %{customdata[1]:.0%})"
        "<br>%{customdata[2]:,.1f} hours a month<extra></extra>",
        mode="lines",
        line={"color": _REVIEW, "width": 2},
        name="share reviewed",
        row=2,
        col=1,
    )


def _line(figure: go.Figure, x: float, text: str, colour: str, row: int) -> None:
    figure.add_vline(x=x, line={"color": colour, "width": 1.6, "dash": "solid" if row == 0 else "dash"})
    place = {"x": x, "y": 1, "yref": "paper", "yanchor": "bottom", "yshift": 13 * row, "showarrow": False}
    figure.add_annotation(**place, text=text, font={"color": colour, "size": 11})


def _start(preview: pl.DataFrame, chosen: float, live: Sequence[Threshold]) -> float:
    """Leave out the low thresholds at which nothing is reviewed: there nothing changes."""
    moving = preview.filter(preview["share_reviewed"] > 0.002)["threshold"].to_list()
    return max(0.0, min([chosen, *moving, *(each.at for each in live)], default=0.0) - 0.05)


def _top(preview: pl.DataFrame, target: float) -> float:
    """Bounds of few rows reach 100 %; the estimates decide what is looked at."""
    worst = preview["error"].max()
    return min(1.02, 1.15 * max(4 * target, float(worst) if isinstance(worst, float) else 0.0))
