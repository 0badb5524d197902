"""What some items carry beside the answer: other options, the model's explanation, the inputs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from app.components.safe_html import bar, element, esc, show
from hitl_core.domain.records import Alternative, Explanation, Item

SHOWN_ROWS = 60
SHOWN_CHARS = 2_000


def details(item: Item, *, blind: bool) -> None:
    """Draw the parts that the item has; a blind reviewer does not see confidences."""
    if item.inputs:
        show(element("h4", "Inputs", cls="head4") + table(item.inputs))
    if item.alternatives:
        show(element("h4", "Other options", cls="head4") + alternatives(item.alternatives, blind=blind))
    if item.explanation and (item.explanation.reasoning or item.explanation.top_features):
        show(element("h4", "The model's explanation", cls="head4") + explanation(item.explanation))


def table(values: dict[str, Any]) -> str:
    """Return a mapping as a two-column table."""
    rows = list(values.items())
    body = "".join(
        element("tr", element("td", esc(name[:200])), element("td", _value(value))) for name, value in rows[:SHOWN_ROWS]
    )
    more = (
        element("div", f"{len(rows) - SHOWN_ROWS} more rows are not shown.", cls="muted")
        if len(rows) > SHOWN_ROWS
        else ""
    )
    return element("table", element("tr", element("th", "field"), element("th", "value")), body, cls="grid") + more


def alternatives(options: Sequence[Alternative], *, blind: bool) -> str:
    """Return the options with confidence, pros and cons."""
    return "".join(_option(option, blind=blind) for option in options[:SHOWN_ROWS])


def explanation(given: Explanation) -> str:
    """Return the reasoning and the features as bars to either side."""
    reasoning = element("div", esc(given.reasoning[:SHOWN_CHARS]), cls="prose") if given.reasoning else ""
    features = sorted(given.top_features, key=lambda feature: -abs(feature.weight))[:15]
    largest = max((abs(feature.weight) for feature in features), default=0.0) or 1.0
    rows = "".join(
        element(
            "tr",
            element("td", esc(feature.name[:200])),
            element("td", bar(abs(feature.weight) / largest, "neg" if feature.weight < 0 else "")),
            element("td", f"{feature.weight:+.3g} {'for' if feature.weight >= 0 else 'against'}", cls="n"),
        )
        for feature in features
    )
    return element("div", reasoning, element("table", rows, cls="grid") if rows else "", cls="card")


def _option(option: Alternative, *, blind: bool) -> str:
    believed = (
        ""
        if option.confidence is None or blind
        else element("span", f" confidence {option.confidence:.2f}", cls="muted")
    )
    points = [("+", text) for text in option.pros] + [("−", text) for text in option.cons]
    listed = "".join(element("div", f"<b>{sign}</b> ", esc(text[:SHOWN_CHARS])) for sign, text in points[:20])
    return element("div", element("div", esc(option.output[:SHOWN_CHARS]), cls="prose"), believed, listed, cls="card")


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return esc(text[:SHOWN_CHARS]) + (" …" if len(text) > SHOWN_CHARS else "")
