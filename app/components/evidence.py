"""The passages, those that support the output best first, with the matching sentences marked."""

from __future__ import annotations

from collections.abc import Sequence

from app.components.safe_html import cut, element, esc
from hitl_core.confidence.support import SupportMark
from hitl_core.domain.records import Passage

SHOWN_PASSAGES = 12
SHOWN_CHARS = 3_000


def order_of(passages: Sequence[Passage], marks: Sequence[SupportMark]) -> list[int]:
    """Return passage numbers, best evidence first: by support given, then retrieval score, then as they came."""
    given = [0.0] * len(passages)
    for mark in marks:
        if mark.passage_index >= 0 and mark.level in ("supported", "weak"):
            given[mark.passage_index] += mark.support
    score = [passage.retrieval_score if passage.retrieval_score is not None else float("-inf") for passage in passages]
    return sorted(range(len(passages)), key=lambda index: (-given[index], -score[index], index))


def evidence(passages: Sequence[Passage], marks: Sequence[SupportMark], *, everything: bool) -> str:
    """Return the passages as HTML."""
    if not passages:
        return element("h4", "Passages", cls="head4") + element(
            "div",
            "This item came without passages; nothing in the answer can be checked against a source.",
            cls="empty",
        )
    order = order_of(passages, marks)
    how = "best evidence first" if marks else "highest retrieval score first"
    listed = order if everything else order[:SHOWN_PASSAGES]
    supported = {mark.passage_index for mark in marks if mark.level in ("supported", "weak")}
    best = order[0] if order[0] in supported else None
    cards = [_card(index, passages[index], marks, best=index == best, everything=everything) for index in listed]
    more = len(order) - len(listed)
    tail = element("div", f"{more} more passages are not shown.", cls="muted") if more else ""
    return element("h4", f"Passages · {len(passages)}, {how}", cls="head4") + "".join(cards) + tail


def is_long(passages: Sequence[Passage]) -> bool:
    """Whether something is left out unless everything is asked for."""
    return len(passages) > SHOWN_PASSAGES or any(len(passage.text) > SHOWN_CHARS for passage in passages)


def _card(index: int, passage: Passage, marks: Sequence[SupportMark], *, best: bool, everything: bool) -> str:
    score = "" if passage.retrieval_score is None else f"score {passage.retrieval_score:.3g}"
    name = passage.title or passage.source or "no source given"
    source = f" · {passage.source}" if passage.title and passage.source else ""
    head = element(
        "div",
        element("b", f"[{index + 1}]"),
        element("span", esc(name[:300]) + esc(source[:300]), cls="src", title=(name + source)[:600]),
        element("span", "best evidence", cls="tag") if best else "",
        element("span", score),
        cls="head",
    )
    part, more = cut(passage.text, len(passage.text) if everything else SHOWN_CHARS)
    sentences = {
        mark.passage_sentence
        for mark in marks
        if mark.passage_index == index and mark.level in ("supported", "weak") and mark.passage_sentence
    }
    body = f'<div class="prose" dir="auto">{_highlighted(part, sentences)}</div>'
    tail = (
        element("div", f"{len(passage.text) - len(part):,} more characters are not shown.", cls="muted") if more else ""
    )
    return element("div", head, body, tail, cls="passage best" if best else "passage")


def _highlighted(text: str, sentences: set[str]) -> str:
    found = sorted((text.find(sentence), len(sentence)) for sentence in sentences)
    pieces, at = [], 0
    for start, length in found:
        if start < at:
            continue
        pieces.append(esc(text[at:start]) + element("mark", esc(text[start : start + length]), cls="ev"))
        at = start + length
    return "".join(pieces) + esc(text[at:])
