"""The opinions on one item side by side, without names: each verdict, what an edit changes, reasons and comment."""

from __future__ import annotations

from collections.abc import Sequence

from app.components.edit_box import pieces
from app.components.safe_html import chip, element, esc, text_block
from hitl_core.domain.records import Item
from hitl_core.loop.raters.dispute import Dispute, PeerOpinion

SHOWN_CHARS = 4_000
_SAID = {
    "approve": ("✓ approve", "v-ok", "The answer as it stands."),
    "edit": ("✎ edit", "", ""),
    "reject": ("✗ reject", "v-no", "The answer should not go out."),
}


def side_by_side(item: Item, dispute: Dispute) -> str:
    """Return the opinions and the reasons of those who passed the item on, as HTML."""
    cards = [card(item, number, each) for number, each in enumerate(dispute.opinions, 1)]
    grid = element("div", *cards, cls="opinions") if cards else nobody()
    return passed_on(dispute.escalations) + grid


def card(item: Item, number: int, opinion: PeerOpinion) -> str:
    """Return one opinion."""
    word, cls, plain = _SAID[opinion.verdict]
    label = chip("label", opinion.label[:60]) if opinion.label is not None else ""
    reasons = "".join(chip(esc(each.replace("_", " ")[:60])) for each in opinion.reasons)
    key = element("kbd", str(number)) if number <= 9 else ""
    head = element(
        "div", element("b", f"Opinion {number}"), element("b", word, cls=cls), reasons, label, key, cls="head"
    )
    return element("div", head, _changes(item, opinion) or plain, _comment(opinion), cls="opinion")


def passed_on(escalations: Sequence[str]) -> str:
    """Return why reviewers passed the item on, where they said."""
    lines = (element("div", "“", esc(each[:SHOWN_CHARS]), "”") for each in escalations[:9])
    said = "".join(lines)
    return element("div", element("b", "Passed on to a senior: "), said, cls="card") if said else ""


def nobody() -> str:
    """Return what stands where no opinion was given."""
    return element("div", "Nobody gave an opinion on it: a reviewer passed it on.", cls="muted")


def _changes(item: Item, opinion: PeerOpinion) -> str:
    if opinion.verdict != "edit" or opinion.output is None:
        return ""
    return element("div", pieces(item.output, opinion.output), cls="prose")


def _comment(opinion: PeerOpinion) -> str:
    if not opinion.comment:
        return ""
    part = opinion.comment[:SHOWN_CHARS]
    return text_block(part + (" …" if part != opinion.comment else ""), "said prose")
