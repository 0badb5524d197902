"""Who agrees with whom as a heat map, and raters' rates with their intervals. Pure: `draw_pairs`, `draw_rates`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from app.charts.periods import plain

if TYPE_CHECKING:
    import polars as pl

FEWEST_COMMON = 5
"""Items that two raters must have in common for their kappa to be drawn."""
MOST_TOLD = 12
"""With more raters than this the numbers stand in the hover only."""
_BANDS = ((0.0, 0.4, "#f3c9c3"), (0.4, 0.6, "#f6e3b0"), (0.6, 0.8, "#cfe8d6"), (0.8, 1.0, "#7fc49a"))
_SCALE = [(at, colour) for low, high, colour in _BANDS for at in (low, high)]
_RIGHT, _WRONG = "#1f5fbf", "#b3261e"
_ROW = 30


def draw_pairs(pairs: pl.DataFrame, raters: Sequence[str], name: Callable[[str], str] = str) -> go.Figure:
    """Return Cohen's kappa of each two raters as a heat map coloured by band.

    Args:
        pairs: rater_a, rater_b, value, low, high, n; a pair with fewer than five common items shows only how many.
        raters: in the order to be drawn; those without a pair are left out.
        name: how a rater is called.
    """
    met = {*pairs["rater_a"].to_list(), *pairs["rater_b"].to_list()}
    shown = [rater for rater in raters if rater in met]
    place = {rater: at for at, rater in enumerate(shown)}
    size = len(shown)
    values, texts, hovers = ([[filler] * size for _ in range(size)] for filler in (None, "", ""))
    for row in pairs.iter_rows(named=True):
        if row["rater_a"] not in place or row["rater_b"] not in place:
            continue
        told = row["n"] >= FEWEST_COMMON and row["value"] is not None
        for one, other in ((row["rater_a"], row["rater_b"]), (row["rater_b"], row["rater_a"])):
            y, x = place[one], place[other]
            values[y][x] = row["value"] if told else None
            texts[y][x] = f"{row['value']:.2f}<br>n {row['n']}" if told else f"n {row['n']}"
            hovers[y][x] = _hover(row, plain(name(one)), plain(name(other)))
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=list(range(size)),
            y=list(range(size)),
            text=texts if size <= MOST_TOLD else None,
            texttemplate="%{text}" if size <= MOST_TOLD else None,
            customdata=hovers,
            hovertemplate="%{customdata}<extra></extra>",
            colorscale=_SCALE,
            zmin=0,
            zmax=1,
            xgap=2,
            ygap=2,
            colorbar={
                "title": "kappa",
                "tickvals": [0.2, 0.5, 0.7, 0.9],
                "ticktext": ["poor", "moderate", "good", "excellent"],
            },
        )
    )
    names = [plain(name(rater), 24) for rater in shown]
    ticks: dict[str, Any] = {"tickvals": list(range(size)), "ticktext": names, "showgrid": False, "zeroline": False}
    figure.update_xaxes(**ticks, tickangle=-40 if size > 6 else 0)
    figure.update_yaxes(**ticks, autorange="reversed")
    most = int(pairs["n"].sum()) if pairs.height else 0
    return _finished(figure, f"Cohen's kappa of each two raters (n = {most:,} pairs of opinions)", height_of(size))


def height_of(raters: int) -> int:
    """Return how high the heat map of so many raters is, in pixels."""
    return max(330, 110 + (44 if raters <= MOST_TOLD else 26) * raters)


def draw_rates(raters: pl.DataFrame, name: Callable[[str], str] = str) -> go.Figure:
    """Return how often each rater finds right outputs right, and wrong ones wrong, with 95 % intervals.

    Args:
        raters: rater_id, sensitivity and specificity with _low and _high, positives, negatives.
        name: how a rater is called.
    """
    told = raters.drop_nulls("sensitivity").head(40)
    names = [plain(name(rater), 24) for rater in told["rater_id"].to_list()]
    figure = go.Figure()
    sides = (
        ("sensitivity", "right outputs called right", "positives", _RIGHT, -0.14, "circle"),
        ("specificity", "wrong outputs called wrong", "negatives", _WRONG, 0.14, "diamond"),
    )
    for rate, title, count, colour, shift, symbol in sides:
        value, low, high = (told[f"{rate}{end}"] for end in ("", "_low", "_high"))
        figure.add_scatter(
            x=value.to_list(),
            y=[at + shift for at in range(told.height)],
            error_x={
                "array": (high - value).to_list(),
                "arrayminus": (value - low).to_list(),
                "color": colour,
                "thickness": 1.5,
            },
            customdata=list(zip(names, low.to_list(), high.to_list(), told[count].to_list(), strict=True)),
            hovertemplate="%{customdata[0]}<br><b>%{x:.2f}</b> (%{customdata[1]:.2f} to %{customdata[2]:.2f})"
            "<br>about %{customdata[3]:.0f} outputs<extra></extra>",
            mode="markers",
            marker={"color": colour, "size": 9, "symbol": symbol},
            name=title,
        )
    figure.update_xaxes(range=[-0.02, 1.02], title="share")
    figure.update_yaxes(tickvals=list(range(told.height)), ticktext=names, autorange="reversed", zeroline=False)
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    labels = int(told["labels"].sum()) if told.height else 0
    return _finished(figure, f"What each rater finds (n = {labels:,} opinions)", 130 + _ROW * max(3, told.height))


def _hover(row: dict[str, Any], one: str, other: str) -> str:
    if row["value"] is None:
        return f"{one} and {other}: no kappa, n = {row['n']:,}"
    ends = "" if row["low"] is None else f" ({row['low']:.2f} to {row['high']:.2f})"
    agreed = f"agree on {row['agreement']:.0%}; {row['base_rate']:.0%} of labels are the same one"
    return f"{one} and {other}<br><b>{row['value']:.2f}</b>{ends}<br>n = {row['n']:,}<br>{agreed}"


def _finished(figure: go.Figure, title: str, height: int) -> go.Figure:
    figure.update_layout(
        title={"text": title, "font": {"size": 13}, "x": 0, "y": 0.98, "yanchor": "top"},
        height=height,
        margin={"l": 10, "r": 10, "t": 66, "b": 10},
        hovermode="closest",
        plot_bgcolor="#ffffff",
    )
    return figure
