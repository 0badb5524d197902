"""One golden example, or one item's story, as HTML."""

from __future__ import annotations

from app.components.edit_box import pieces
from app.components.related import said
from app.components.safe_html import cut, element, esc
from hitl_core.domain.records import Decision, GoldenExample, Review
from hitl_core.loop import ItemStory

_SHOWN = 3_000


def card(example: GoldenExample, likeness: str = "") -> str:
    """Return an example: question, output, what it corrected, where it comes from."""
    made = f"{example.created_at:%Y-%m-%d}" if example.created_at else ""
    facts = [
        f"by {esc(example.reviewer[:60])}" if example.reviewer else "",
        made,
        f"project {esc(example.project[:60])}",
        f"field {esc(example.domain[:60])}" if example.domain else "",
        f"because {esc(', '.join(example.reasons)[:120])}" if example.reasons else "",
        f"item {esc(example.item_id[:80])}" if example.item_id else "",
        f"{len(example.context)} passages",
        likeness,
        "<b>retired</b>" if example.status == "retired" else "",
    ]
    body = element("div", element("b", esc(example.query[:_SHOWN])))
    body += element("div", _text(example.output), cls="prose")
    return element("div", body, element("div", " · ".join(fact for fact in facts if fact), cls="muted"), cls="card")


def decision_line(decision: Decision, *, blind: bool) -> str:
    """Return one routing decision."""
    if blind:
        return element("div", "A reviewer still has to look at this item blind, so its route is not shown.", cls="card")
    believed = "none" if decision.confidence is None else f"{decision.confidence:.2f}"
    facts = (
        f"{decision.created_at:%Y-%m-%d %H:%M} UTC",
        f"route <b>{decision.route.value.replace('_', ' ')}</b>",
        f"confidence {believed}",
        f"policy version {decision.policy_version}",
        f"rules {esc(', '.join(decision.reasons)[:300]) or 'none'}",
    )
    return element("div", " · ".join(facts), cls="card")


def review_line(story: ItemStory, review: Review) -> str:
    """Return one review with what it changed."""
    when = f"{review.created_at:%Y-%m-%d %H:%M} UTC" if review.created_at else ""
    reasons = f" · {esc(', '.join(review.reasons))}" if review.reasons else ""
    head = f"{when} · <b>{review.verdict}</b> by {esc(review.reviewer[:80])}{reasons}"
    comment = element("div", "“", esc(review.comment[:_SHOWN]), "”") if review.comment else ""
    changed = ""
    if review.verdict == "edit" and review.output:
        changed = element("div", pieces(story.item.output, review.output), cls="prose")
    return element("div", element("div", head), comment, changed, cls="card")


def outcome_line(story: ItemStory, *, blind: bool) -> str:
    """Return what holds now; of an item to be looked at blind only that."""
    if blind:
        return element("div", "Not shown before a reviewer has looked at it blind.", cls="card")
    return element("div", element("b", esc(said(story.outcome))), cls="card")


def _text(text: str) -> str:
    part, more = cut(text, _SHOWN)
    return esc(part) + (" …" if more else "")
