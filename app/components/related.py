"""What people said before: similar golden examples and earlier decisions."""

from __future__ import annotations

from collections.abc import Sequence

from app.components.safe_html import element, esc
from hitl_core.domain.records import FewShot, Item, Outcome

_SHOWN = 600


def similar(shots: Sequence[FewShot] | None) -> str:
    """Return golden examples like the question as HTML; None while they are looked up."""
    head = element("h4", "Similar golden examples", cls="head4")
    if shots is None:
        return head + element("div", "Looking …", cls="muted")
    if not shots:
        return head + element(
            "div", "None yet. Saved edits become examples and show here for questions like theirs.", cls="muted"
        )
    return head + "".join(_shot(shot) for shot in shots)


def earlier(found: Sequence[tuple[Item, Outcome | None]] | None) -> str:
    """Return earlier items on the same subject or question as HTML; None while they are looked up."""
    head = element("h4", "Earlier on this subject or question", cls="head4")
    if found is None:
        return head + element("div", "Looking …", cls="muted")
    if not found:
        return head + element("div", "Nothing earlier on the same subject or question.", cls="muted")
    return head + "".join(_earlier(item, outcome) for item, outcome in found)


def said(outcome: Outcome | None) -> str:
    """Return in plain words who decided what; text, not HTML."""
    if outcome is None:
        return "not decided yet"
    verdict = {"approve": "approved", "edit": "edited", "reject": "rejected"}.get(outcome.verdict or "", "decided")
    return f"{verdict} by {outcome.decided_by or 'nobody'}"


def _shot(shot: FewShot) -> str:
    how = "by meaning" if shot.method == "embedding" else "by words"
    example = shot.example
    head = element("div", f"likeness {shot.similarity:.2f} {how} · {esc(example.reviewer[:60])}", cls="muted")
    return element("div", element("b", esc(example.query[:_SHOWN])), _short(example.output), head, cls="card")


def _earlier(item: Item, outcome: Outcome | None) -> str:
    text = outcome.output if outcome and outcome.output else item.output
    head = element("div", f"{esc(said(outcome))} · item {esc(item.id[:80])}", cls="muted")
    return element("div", element("b", esc(item.query[:_SHOWN])), _short(text), head, cls="card")


def _short(text: str) -> str:
    return element("div", esc(text[:_SHOWN]) + (" …" if len(text) > _SHOWN else ""), cls="prose")
