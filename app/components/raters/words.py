"""Coefficients, intervals and raters in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.components.safe_html import element, esc

Row = Mapping[str, Any]
_JUDGE = "judge:"
_CLASSES = {"excellent": "v-ok", "good": "v-ok", "moderate": "", "poor": "v-no"}
BANDS = "Bands: above .8 excellent, .6 to .8 good, .4 to .6 moderate, under .4 poor."
PARADOX = (
    "Base rate: share of all labels that are the most frequent one. Where nearly all labels are the same, kappa and "
    "alpha fall although people agree (the kappa paradox); such rows say so, and Gwet's AC1 is the one to read."
)


def called(rater: str) -> str:
    """Return a rater's name; a judge is called one."""
    return f"{rater.removeprefix(_JUDGE)} (judge)" if rater.startswith(_JUDGE) else rater


def number(value: float | None, digits: int = 2) -> str:
    """Return a coefficient, or a dash."""
    return "–" if value is None else f"{value:.{digits}f}"


def ends(low: float | None, high: float | None) -> str:
    """Return an interval, or a dash."""
    return "–" if low is None or high is None else f"{low:.2f} to {high:.2f}"


def percent(value: float | None) -> str:
    """Return a share."""
    return "–" if value is None else f"{value:.0%}"


def band(name: str | None) -> str:
    """Return a band as HTML, in words and not by colour alone."""
    return "–" if name is None else element("b", name, cls=_CLASSES[name])


def warning(text: str | None) -> str:
    """Return a warning as HTML."""
    return "" if not text else element("div", "⚠ ", esc(text[:1].upper() + text[1:]), cls="notice problem")


def cells(*texts: str, numbers: frozenset[int] = frozenset()) -> str:
    """Return a table row of HTML cells; those at `numbers` stand to the right."""
    return element("tr", *(element("td", text, cls="n" if at in numbers else "") for at, text in enumerate(texts)))


def grid(heads: Sequence[tuple[str, str]], rows: str, *, numbers: frozenset[int]) -> str:
    """Return a table; `heads` are what each column is called and what it means."""
    head = "".join(
        element("th", text, cls="n" if at in numbers else "", title=meaning) for at, (text, meaning) in enumerate(heads)
    )
    return element("table", element("tr", head), rows, cls="grid")
