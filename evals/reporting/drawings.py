"""Draw frames as plotly figures, as JSON-ready dicts; every figure has a title, units and n."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

Figure = dict[str, Any]
# Okabe and Ito's colours, told apart without red and green.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F")
FONT = "system-ui, -apple-system, 'Segoe UI', sans-serif"


def draw_risk_coverage(curves: Mapping[str, pl.DataFrame], title: str = "Risk against coverage") -> Figure:
    """Error among the outputs let through, against the share let through.

    Args:
        curves: series name to a frame of `curves.risk_coverage`.
        title: of the figure.
    """
    traces = [
        {
            "type": "scatter",
            "mode": "lines" if frame.height > 3 else "lines+markers",
            "line": {"shape": "hv", "color": colour(place), "width": 2},
            "name": f"{escaped(name)} (n = {_last(frame, 'n'):,})",
            "x": frame["coverage"].to_list(),
            "y": frame["risk"].to_list(),
            "customdata": frame.select("threshold", "n").rows(),
            "hovertemplate": "let through %{x:.1%}, wrong %{y:.1%}<br>from %{customdata[0]:.3f}, n = %{customdata[1]}",
        }
        for place, (name, frame) in enumerate(curves.items())
    ]
    top = max((risk for frame in curves.values() for risk in frame["risk"].to_list()), default=0.0)
    return {
        "data": traces,
        "layout": layout(
            title,
            axis("coverage: share let through", percent=True, limits=(0, 1)),
            axis("risk: wrong among those", percent=True, limits=(0, max(0.05, top * 1.1))),
        ),
    }


def draw_reliability(bins: Mapping[str, pl.DataFrame], title: str = "Reliability") -> Figure:
    """Share of right outputs against confidence, with 95 % intervals and the line of perfect calibration.

    Args:
        bins: series name to a frame of `curves.reliability`.
        title: of the figure.
    """
    perfect = {
        "type": "scatter",
        "mode": "lines",
        "x": [0, 1],
        "y": [0, 1],
        "line": {"dash": "dot", "color": "#7F7F7F"},
        "name": "perfectly calibrated",
        "hoverinfo": "skip",
    }
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": f"{escaped(name)} (n = {int(frame['n'].sum()):,})",
            "x": frame["confidence"].to_list(),
            "y": frame["rate"].to_list(),
            "error_y": whiskers(frame, "rate"),
            "marker": {"color": colour(place), "size": 7},
            "line": {"color": colour(place), "width": 1},
            "customdata": frame["n"].to_list(),
            "hovertemplate": "said %{x:.3f}, right %{y:.1%}, n = %{customdata}",
        }
        for place, (name, frame) in enumerate(bins.items())
    ]
    x = axis("mean confidence of the bin", limits=(0, 1.02))
    return {"data": [perfect, *traces], "layout": layout(title, x, axis("right", percent=True, limits=(0, 1.02)))}


def draw_front(
    points: pl.DataFrame, title: str = "Quality against cost", cost: str = "cost", quality: str = ""
) -> Figure:
    """Quality against cost; the line joins the points that none beats in both.

    Args:
        points: a frame of `curves.front`: name, cost, quality, best; optionally low, high, n.
        title: of the figure.
        cost: title of the cost axis, with its unit.
        quality: title of the quality axis.
    """
    best = points.filter("best")
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": best["cost"].to_list(),
        "y": best["quality"].to_list(),
        "line": {"shape": "hv", "color": "#7F7F7F", "dash": "dot"},
        "name": "front",
        "hoverinfo": "skip",
    }
    dots: Figure = {
        "type": "scatter",
        "mode": "markers+text" if points.height <= 12 else "markers",
        "x": points["cost"].to_list(),
        "y": points["quality"].to_list(),
        "text": [escaped(name) for name in points["name"]],
        "textposition": "top center",
        "cliponaxis": False,
        "marker": {"size": 9, "color": [COLOURS[0] if each else "#9AA5B1" for each in points["best"]]},
        "name": "measured",
        "hovertemplate": "%{text}<br>%{x:.4g}, %{y:.1%}<extra></extra>",
    }
    if {"low", "high"} <= set(points.columns):
        dots["error_y"] = whiskers(points, "quality")
    return {"data": [line, dots], "layout": layout(title, axis(cost), axis(quality or "quality", percent=True))}


def draw_confusion(counts: pl.DataFrame, title: str = "Said against people's verdict") -> Figure:
    """Counts as a heat map with the numbers in it.

    Args:
        counts: a frame of `curves.confusion`: said, people, n.
        title: of the figure.
    """
    said, people = (sorted(counts[column].unique().to_list()) for column in ("said", "people"))
    known = {(row["said"], row["people"]): row["n"] for row in counts.to_dicts()}
    cells = [[known.get((one, other), 0) for other in people] for one in said]
    total = int(counts["n"].sum())
    heat = {
        "type": "heatmap",
        "x": [escaped(each) for each in people],
        "y": [escaped(each) for each in said],
        "z": cells,
        "text": [[f"{cell:,}" for cell in row] for row in cells],
        "texttemplate": "%{text}",
        "colorscale": [[0, "#FFFFFF"], [1, "#A9CDE6"]],
        "showscale": False,
        "hovertemplate": "said %{y}, people %{x}: %{z}<extra></extra>",
    }
    kinds: Figure = {"type": "category", "showgrid": False}
    return {
        "data": [heat],
        "layout": layout(f"{title} (n = {total:,})", axis("people", **kinds), axis("said", **kinds)),
    }


def draw_intervals(rows: pl.DataFrame, title: str, unit: str = "", percent: bool = True) -> Figure:
    """One dot with its interval a row, for slices or members side by side.

    Args:
        rows: name, value, low, high, n.
        title: of the figure.
        unit: title of the value axis.
        percent: whether values are shares.
    """
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": rows["value"].to_list(),
        "y": [f"{escaped(row['name'])} (n = {row['n']:,})" for row in rows.to_dicts()],
        "error_x": whiskers(rows, "value"),
        "marker": {"size": 9, "color": COLOURS[0]},
        "hovertemplate": "%{y}: %{x:.3f}<extra></extra>",
    }
    y = axis("", type="category", autorange="reversed", automargin=True)
    figure = layout(title, axis(unit, percent=percent), y)
    return {"data": [dots], "layout": figure | {"height": 160 + 26 * rows.height, "showlegend": False}}


def whiskers(rows: pl.DataFrame, value: str) -> Figure:
    """Error bars from the columns low and high; none where a bound is missing."""
    up = (rows["high"] - rows[value]).fill_null(0).clip(0).to_list()
    down = (rows[value] - rows["low"]).fill_null(0).clip(0).to_list()
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "thickness": 1, "width": 3}


def axis(title: str, *, percent: bool = False, limits: Sequence[float] | None = None, **more: Any) -> Figure:
    """An axis with its title."""
    found: Figure = {"title": {"text": title}, "gridcolor": "#E5E9EE", "zeroline": False, "automargin": True, **more}
    if percent:
        found["tickformat"] = ".0%"
    if limits is not None:
        found["range"] = list(limits)
    return found


def layout(title: str, x: Figure, y: Figure) -> Figure:
    """The look that all figures have in common."""
    return {
        "title": {"text": escaped(title), "x": 0, "xanchor": "left", "font": {"size": 15}},
        "font": {"family": FONT, "size": 13, "color": "#1F2933"},
        "paper_bgcolor": "#FFFFFF",
        "plot_bgcolor": "#FFFFFF",
        "xaxis": x,
        "yaxis": y,
        "height": 400,
        "margin": {"l": 60, "r": 20, "t": 50, "b": 90},
        "legend": {"orientation": "h", "y": -0.25},
    }


def colour(place: int) -> str:
    """The colour of the n-th series."""
    return COLOURS[place % len(COLOURS)]


def escaped(text: str) -> str:
    """A text that plotly shows as it is: it would read tags such as <b> and <a href> otherwise."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _last(frame: pl.DataFrame, column: str) -> int:
    return int(frame[column][-1]) if frame.height else 0
