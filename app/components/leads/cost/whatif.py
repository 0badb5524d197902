"""Another policy beside what was decided: a published version or a file, and which items would move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import session
from app.components.leads import address, figure
from app.components.leads.filters import View
from app.components.safe_html import element, esc, link, show
from hitl_core import Loop
from hitl_core.domain.errors import HitlError
from hitl_core.domain.policy import Policy
from hitl_core.domain.policy_cost import Prices

if TYPE_CHECKING:
    import polars as pl

    from hitl_core.reports.whatif.result import Figure, MovedItem, WhatIf

NOTHING, FILE = "choose a policy", "a policy file"
MOST_ITEMS = 200
LISTED = 30
FIGURES = (
    ("human review rate", "review_rate", "share"),
    ("reviews asked for", "reviews", "count"),
    ("audits", "audits", "count"),
    ("wrong outputs that get out", "escaped", "errors"),
    ("cost", "cost", "usd"),
)
"""What is set side by side: title, prefix of the fields of a what-if, and how it is written."""


def compare(loop: Loop, view: View, prices: Prices) -> None:
    """Ask for another policy, and draw what it would have done with the outputs of the period."""
    chosen = choose(loop)
    if chosen is None:
        text = "Its decisions are replayed on the outputs of this period, at the prices on this page; nothing changes."
        show(element("div", text, cls="muted"))
        return
    try:
        with st.spinner("Replaying the decisions of this period …"):
            found, live = replayed(loop, chosen, view, prices)
    except HitlError as error:
        show(element("div", esc(str(error)), cls="notice problem"))
        return
    if not found.outputs:
        show(element("div", "Nothing was decided in this time; choose a longer period.", cls="muted"))
        return
    show(side_by_side(found, live) + notes(found))
    moved(found)


def replayed(loop: Loop, chosen: Policy | int, view: View, prices: Prices) -> tuple[WhatIf, WhatIf | None]:
    """Return what the chosen policy would have done, and the live one where others decided as well."""
    ask, version = loop.reports.what_if, loop.policies.live().version
    found = ask(chosen, view.period, project=view.project, prices=prices, most_items=MOST_ITEMS)
    if chosen == version or found.versions == (version,):
        return found, None
    return found, ask(version, view.period, project=view.project, prices=prices, most_items=0)


def choose(loop: Loop) -> Policy | int | None:
    """Return a published version by its number, an uploaded policy, or None while nothing usable is chosen."""
    published = {f"version {each.version}": each for each in loop.policies.history()}
    asked = address.choose(
        "What if", [NOTHING, FILE, *published], key="cost.whatif", parameter="whatif", default=NOTHING, width=320
    )
    if asked in published:
        each = published[asked]
        text = f"{each.name}, published {each.created_at:%Y-%m-%d %H:%M} UTC by {each.author}: {each.reason}"
        show(element("div", esc(text[:300]), cls="muted"))
        return each.version
    return uploaded() if asked == FILE else None


def uploaded() -> Policy | None:
    """Return the policy in an uploaded file; what cannot be read is said with its line or field."""
    given = st.file_uploader("Policy file", type="toml", key="cost.file")
    if given is None:
        return None
    try:
        return Policy.from_toml(given.getvalue().decode("utf-8"), given.name)
    except UnicodeDecodeError:
        show(element("div", "The file is no text in UTF-8.", cls="notice problem"))
    except HitlError as error:
        show(element("div", esc(str(error)), cls="notice problem"))
    return None


def side_by_side(found: WhatIf, live: WhatIf | None) -> str:
    """Return what was decided, what the live policy and the other would have, with every interval and n, as HTML."""
    heads = ["", "as decided", f"with {esc(found.policy[:80])}", "change"]
    if live is not None:
        heads.insert(2, f"live, {esc(live.policy[:80])}")
    head = element("tr", *(element("th", name, cls="n" if at else "") for at, name in enumerate(heads)))
    rows = "".join(_row(title, name, kind, found, live) for title, name, kind in FIGURES)
    many = (
        f"n = {found.outputs:,} outputs; below each figure its 95 % interval; changes are of what was decided. Errors "
        "weigh 1 / their chance of a look."
    )
    return element("table", head, rows, cls="grid") + element("div", many, cls="muted")


def notes(found: WhatIf) -> str:
    """Return what a reader must know, as HTML."""
    return "".join(element("div", f"Note: {esc(text)}.", cls="muted") for text in found.notes)


def moved(found: WhatIf) -> None:
    """Draw the items whose route changes, with links, and offer them as a file."""
    if not found.moved:
        show(element("div", "No item would go another way.", cls="card"))
        return
    listed = min(LISTED, len(found.items))
    show(element("h4", f"{found.moved:,} items would move", cls="head4") + routes(found))
    show(element("h4", f"The first {listed:,} of them", cls="head4") + items(found.items[:listed]))
    with st.expander(f"Table of {len(found.items):,} items that would move", key="cost.moved.open"):
        figure.table(_frame(found.items), key="cost.moved", name="Items that would move")


def routes(found: WhatIf) -> str:
    """Return how many items go from which route to which, and what their labels say, as HTML."""
    moves = sorted((each for each in found.routes if each.old != each.new), key=lambda each: -each.outputs)
    heads = ("went by", "would go by", "items", "of them labelled", "wrong")
    head = element("tr", *(element("th", name, cls="n" if at > 1 else "") for at, name in enumerate(heads)))
    rows = (
        element(
            "tr",
            element("td", _route(each.old)),
            element("td", _route(each.new)),
            *(element("td", f"{count:,}", cls="n") for count in (each.outputs, each.labelled, each.wrong)),
        )
        for each in moves
    )
    return element("table", head, *rows, cls="grid")


def items(shown: tuple[MovedItem, ...]) -> str:
    """Return items as a table that leads to each, as HTML."""
    heads = ("item", "project", "confidence", "went by", "would go by", "label")
    head = element("tr", *(element("th", name) for name in heads))
    return element("table", head, *map(_item, shown), cls="grid")


def _item(each: MovedItem) -> str:
    given = {"item": each.item_id, "project": each.project, "reviewer": session.reviewer()}
    label = "–" if each.right is None else "right" if each.right else "wrong"
    cells = (
        link("history", given, each.item_id[:80]),
        esc(each.project[:60]),
        "–" if each.confidence is None else f"{each.confidence:.3f}",
        _route(each.old),
        _route(each.new),
        element("span", label, cls={"right": "v-ok", "wrong": "v-no"}.get(label, "v-none")),
    )
    return element("tr", *(element("td", cell) for cell in cells))


def _row(title: str, name: str, kind: str, found: WhatIf, live: WhatIf | None) -> str:
    before, after = (getattr(found, f"{name}_{when}") for when in ("before", "after"))
    held = [] if live is None else [getattr(live, f"{name}_after")]
    if kind == "count":
        cells = [*(f"{count:,}" for count in (before, *held, after)), f"{after - before:+,}"]
    else:
        cells = [*(_said(each, kind) for each in (before, *held, after))]
        cells.append(_said(getattr(found, f"{name}_change"), kind, sign="+"))
    return element("tr", element("td", title), *(element("td", cell, cls="n") for cell in cells))


def _said(given: Figure, kind: str, sign: str = "") -> str:
    shape = "{:" + sign + {"share": ".1%", "errors": ",.0f", "usd": ",.0f"}[kind] + "}"
    value = "unknown" if given.value is None else shape.format(given.value)
    unit = " USD" if kind == "usd" and given.value is not None else ""
    ends = f"{shape.format(given.low)} to {shape.format(given.high)}"
    return element("b", f"{value}{unit}") + element("div", f"{ends}, n = {given.n:,}", cls="muted")


def _route(name: str) -> str:
    return esc(name.replace("_", " "))


def _frame(given: tuple[MovedItem, ...]) -> pl.DataFrame:
    import polars as pl

    columns = ("project", "item_id", "at", "confidence", "old", "new", "right")
    rows = [
        {name: getattr(each, name) for name in columns}
        | {"reasons_before": ", ".join(each.reasons_before), "reasons_after": ", ".join(each.reasons_after)}
        for each in given
    ]
    return pl.DataFrame(rows, infer_schema_length=None)
