"""Figures in words: a value in its unit, its interval, and how it stands to its target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from app.components.safe_html import element
from hitl_core.reports.definitions import BY_NAME, Definition

PLAIN = ("calibration_error", "f1")
"""Figures between 0 and 1 that are no shares of anything."""
Row = Mapping[str, Any]
Standing = Literal["met", "missed", "unsure", ""]
_STANDING = {"met": "on target", "missed": "off target", "unsure": "cannot be told yet", "": ""}
_CLASSES = {"met": "v-ok", "missed": "v-no", "unsure": "v-none", "": ""}


def is_share(name: str) -> bool:
    """Whether a figure is shown in per cent."""
    return not BY_NAME[name].unit and name not in (*PLAIN, "outputs")


def said(name: str, value: float | None) -> str:
    """Return a value in the unit of its figure, such as `12.3 %`, `1 min 35 s` or `0.0029 USD`."""
    if value is None:
        return "–"
    unit = BY_NAME[name].unit
    if unit == "s":
        return seconds(value)
    if unit == "USD":
        return usd(value)
    if name == "outputs":
        return f"{value:,.0f}"
    return f"{value:.1%}" if is_share(name) else f"{value:.3f}"


def usd(value: float) -> str:
    """Return an amount with as many digits as it needs, down to a millionth."""
    small = f"{value:.3f}" if abs(value) >= 0.01 else f"{value:.6f}".rstrip("0")
    return f"{value:,.2f} USD" if abs(value) >= 1 or not value else f"{small} USD"


def seconds(value: float) -> str:
    """Return a time in its largest fitting units."""
    if value < 100:
        return f"{value:.0f} s"
    if value < 3_600:
        return f"{value // 60:.0f} min {value % 60:.0f} s" if round(value % 60) else f"{value / 60:.0f} min"
    return f"{value / 3_600:.1f} h" if value < 48 * 3_600 else f"{value / 86_400:.1f} days"


def interval(row: Row) -> str:
    """Return the interval of a row of figures, or a dash where the rows carry none."""
    name = str(row["metric"])
    if row["low"] is None or row["high"] is None or name == "outputs":
        return "–"
    return f"{said(name, row['low'])} to {said(name, row['high'])}"


def target(definition: Definition) -> str:
    """Return what is aimed at, such as `under 10.0 %`."""
    if definition.target is None:
        return "–"
    return f"{'under' if definition.better == 'lower' else 'at least'} {said(definition.name, definition.target)}"


def standing(row: Row) -> Standing:
    """Return how a figure stands to its target: told only where the whole interval lies on one side."""
    definition = BY_NAME[str(row["metric"])]
    low, high = row["low"], row["high"]
    if definition.target is None or low is None or high is None:
        return ""
    if definition.better == "lower":
        return "met" if high < definition.target else "missed" if low > definition.target else "unsure"
    return "met" if low >= definition.target else "missed" if high < definition.target else "unsure"


def standing_markup(row: Row) -> str:
    """Return the standing as HTML; in words, not by colour alone."""
    found = standing(row)
    return element("span", _STANDING[found], cls=_CLASSES[found])
