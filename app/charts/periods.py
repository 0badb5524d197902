"""A figure over time with its interval, or side by side for groups; markers where something changed. Pure.

Public: `Marker`, `Goal`, `draw_periods`, `draw_groups`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import plotly.graph_objects as go

if TYPE_CHECKING:
    import polars as pl

MOST_POINTS = 2_000
HEIGHT = 330
_LINE, _BAND, _GOAL, _MUTED = "#1f5fbf", "rgba(31,95,191,.16)", "#1f7a4d", "#5b6776"
_KINDS = {"policy": "#8a5a00", "model": "#6a3fb5", "prompt": "#0b7285", "change": "#b3261e"}
_DASHES = {"policy": "dash", "model": "dashdot", "prompt": "dot", "change": "solid"}


class Marker(NamedTuple):
    """Something that changed: when (an ISO date or time), what kind (policy, model, prompt, change), and its name."""

    at: str
    kind: str
    name: str


class Goal(NamedTuple):
    """A value to be reached, and what it is called; `main` is the target, others lie on the way."""

    value: float
    name: str
    main: bool = True


def draw_periods(
    rows: pl.DataFrame,
    *,
    title: str,
    axis: str,
    percent: bool,
    goals: Sequence[Goal] = (),
    markers: Sequence[Marker] = (),
) -> go.Figure:
    """Return a line with its band over periods.

    Args:
        rows: group (ISO date a period starts on), value, low, high, n; at most 2,000 are drawn, the newest.
        title: of the figure; n is added.
        axis: what the vertical axis shows, with its unit.
        percent: whether values are shares.
        goals: drawn as named horizontal lines.
        markers: drawn as named vertical lines.
    """
    rows = rows.sort("group").tail(MOST_POINTS)
    x, figure = rows["group"].to_list(), go.Figure()
    banded = rows.drop_nulls(["low", "high"])
    if banded.height:
        edge = banded["group"].to_list()
        around = {"x": edge + edge[::-1], "y": banded["high"].to_list() + banded["low"].to_list()[::-1]}
        figure.add_scatter(
            **around,
            mode="lines",
            fill="toself",
            fillcolor=_BAND,
            line_width=0,
            hoverinfo="skip",
            name="95 % interval",
        )
    figure.add_scatter(
        x=x,
        y=rows["value"].to_list(),
        customdata=_hover(rows),
        hovertemplate=_template(percent=percent),
        mode="lines+markers",
        line={"color": _LINE, "width": 2},
        marker_size=7 if rows.height <= 60 else 3,
        name=title,
    )
    for row, marker in enumerate(_within(markers, x)):
        _mark(figure, marker, row % 3)
    figure.update_xaxes(type="date", title=None)
    return _finished(figure, rows, title, axis, percent, goals)


def draw_groups(rows: pl.DataFrame, *, title: str, axis: str, percent: bool, goals: Sequence[Goal] = ()) -> go.Figure:
    """Return groups side by side as points with their intervals; arguments as in `draw_periods`."""
    rows = rows.sort("n", descending=True).head(40).sort("group")
    value = rows["value"]
    whiskers = {
        "array": (rows["high"] - value).fill_null(0.0).to_list(),
        "arrayminus": (value - rows["low"]).fill_null(0.0).to_list(),
        "color": _LINE,
    }
    figure = go.Figure()
    figure.add_scatter(
        x=[plain(str(name)) for name in rows["group"].to_list()],
        y=value.to_list(),
        error_y=whiskers,
        customdata=_hover(rows),
        hovertemplate=_template(percent=percent),
        mode="markers",
        marker={"size": 11, "color": _LINE},
        name=title,
    )
    figure.update_xaxes(type="category", title=None)
    return _finished(figure, rows, title, axis, percent, goals)


def _finished(
    figure: go.Figure, rows: pl.DataFrame, title: str, axis: str, percent: bool, goals: Sequence[Goal]
) -> go.Figure:
    for goal in goals:
        place = {"x": 1, "xref": "paper", "xanchor": "right", "y": goal.value, "yanchor": "bottom"}
        figure.add_hline(y=goal.value, line={"color": _GOAL, "dash": "dash" if goal.main else "dot", "width": 1.5})
        figure.add_annotation(**place, text=goal.name, showarrow=False, font={"color": _GOAL, "size": 11})
    figure.update_yaxes(title=axis, tickformat=".0%" if percent else None, rangemode="tozero")
    figure.update_layout(
        title={"text": f"{title} (n = {int(rows['n'].sum()):,})", "font": {"size": 13}, "x": 0, "y": 0.98},
        height=HEIGHT,
        margin={"l": 10, "r": 10, "t": 78, "b": 10},
        showlegend=False,
        hovermode="closest",
    )
    return figure


def _mark(figure: go.Figure, marker: Marker, row: int) -> None:
    colour = _KINDS.get(marker.kind, _MUTED)
    figure.add_vline(x=marker.at, line={"color": colour, "dash": _DASHES.get(marker.kind, "dot"), "width": 1.4})
    figure.add_annotation(
        x=marker.at,
        y=1,
        yref="paper",
        yanchor="bottom",
        yshift=14 * row,
        text=plain(marker.name),
        showarrow=False,
        font={"color": colour, "size": 11},
    )


def _within(markers: Sequence[Marker], x: Sequence[str]) -> list[Marker]:
    """Keep what lies in the drawn time, the newest dozen; more lines than that hide the figure."""
    return [each for each in markers if x and each.at[:10] >= x[0]][-12:]


def plain(text: str, limit: int = 28) -> str:
    """Return text that Plotly shows as it is: it reads a subset of HTML in labels."""
    line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _hover(rows: pl.DataFrame) -> list[tuple[object, ...]]:
    return [tuple("–" if part is None else part for part in row) for row in rows.select("low", "high", "n").rows()]


def _template(*, percent: bool) -> str:
    shape = ":.1%" if percent else ":.4g"
    return (
        f"%{{x}}<br><b>%{{y{shape}}}</b> (%{{customdata[0]{shape}}} to %{{customdata[1]{shape}}})"
        "<br>n = %{customdata[2]:,}<extra></extra>"
    )
