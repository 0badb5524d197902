"""The figures of a period at the terminal: each with its interval, n and target; by group, with what changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hitl_core.cli.context import print_rows
from hitl_core.reports.definitions import BY_NAME, DEFINITIONS, Definition

if TYPE_CHECKING:
    from hitl_core.loop import Loop

Row = dict[str, Any]
_ORDER = {each.name: place for place, each in enumerate(DEFINITIONS)}


def period_figures(loop: Loop, since: datetime | None, by: str | None, project: str | None) -> Row:
    """Return `figures` (one group, or several), `gains` by quarter and `changes`, for JSON and for `print_figures`."""
    from hitl_core.reports.gains import quarterly_gains

    period = None if since is None else (since, None)
    figures = loop.reports.metrics(period, by=by, project=project)
    quarters = loop.reports.metrics(None, by="quarter", project=project)
    return {
        "figures": [_with_aim(row) for row in figures.iter_rows(named=True)],
        "gains": [row for row in quarterly_gains(quarters).iter_rows(named=True) if row["gain"] is not None],
        "changes": list(loop.reports.changes(period, project=project).iter_rows(named=True)),
    }


def print_figures(found: Row, by: str | None) -> None:
    """Print what `period_figures` returned."""
    rows: Sequence[Row] = found["figures"]
    if not rows:
        print("figures: none in this time")
        return
    heads = ("figure", "value", "95 % interval", "n", "target")
    ordered = sorted(rows, key=lambda row: (row["group"], _ORDER[row["metric"]]))
    print_rows(heads if by is None else (by, *heads), [_cells(row)[by is None :] for row in ordered])
    for row in found["gains"]:
        span = f"{100 * row['gain_low']:+.1f} to {100 * row['gain_high']:+.1f}"
        print(f"F1 gain, quarter from {row['quarter']}: {100 * row['gain']:+.1f} points ({span}, n = {row['n']:,})")
    if found["changes"]:
        print("what changed:")
        lines = [(f"{row['at']:%Y-%m-%d %H:%M}", row["kind"], row["name"], row["detail"]) for row in found["changes"]]
        print_rows(("when", "kind", "name", "detail"), lines)


def _with_aim(row: Row) -> Row:
    definition = BY_NAME[row["metric"]]
    return row | {"target": definition.target, "better": definition.better, "unit": definition.unit}


def _cells(row: Row) -> tuple[str, ...]:
    definition = BY_NAME[row["metric"]]
    certain = row["low"] is None or row["low"] == row["value"] == row["high"]
    interval = "" if certain else f"{_said(definition, row['low'])} to {_said(definition, row['high'])}"
    aim = "" if definition.target is None else f"{_SIDES[definition.better]} {_said(definition, definition.target)}"
    return (row["group"], definition.title, _said(definition, row["value"]), interval, f"{row['n']:,}", aim)


_SIDES = {"lower": "under", "higher": "at least"}


def _said(definition: Definition, value: float) -> str:
    if definition.percent:
        return f"{value:.1%}"
    if definition.unit == "s":
        return f"{value:,.1f} s"
    if definition.unit == "USD":
        return f"{value:.6f} USD"
    return f"{value:,.0f}" if definition.name == "outputs" else f"{value:.3f}"
