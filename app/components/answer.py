"""The output with each sentence marked by its lexical support."""

from __future__ import annotations

from collections.abc import Sequence

from app.components.safe_html import cut, element, esc, text_block
from hitl_core.confidence.support import SupportMark

SHOWN_CHARS = 20_000
MEANING = "Lexical match: words of this sentence found in a passage; not a truth check."
_CLASSES = {"supported": "s-ok", "weak": "s-weak", "unsupported": "s-unsupported", "none": "s-none"}


def question(text: str, *, everything: bool) -> str:
    """Return the query as HTML."""
    part, more = cut(text, len(text) if everything else 4_000)
    return element("h4", "Question", cls="head4") + text_block(part + (" …" if more else ""), "question prose")


def answer(output: str, marks: Sequence[SupportMark] | None, *, everything: bool) -> str:
    """Return the output as HTML; `marks` is None while they are being computed."""
    part, more = cut(output, len(output) if everything else SHOWN_CHARS)
    if marks is None:
        body, below = esc(part), element("div", "Comparing with the passages …", cls="legend")
    else:
        end = marks[-1].end if marks else 0
        body = "".join(_sentence(part, mark) for mark in marks if mark.start < len(part)) + esc(part[end:])
        below = _legend(marks, whole=end >= len(output))
    left_out = (
        element("div", f"{len(output) - len(part):,} more characters are not shown.", cls="muted") if more else ""
    )
    return element("h4", "Answer", cls="head4") + f'<div class="prose" dir="auto">{body}</div>' + left_out + below


def plain(output: str, *, everything: bool) -> str:
    """Return the output without marks."""
    part, more = cut(output, len(output) if everything else SHOWN_CHARS)
    left_out = (
        element("div", f"{len(output) - len(part):,} more characters are not shown.", cls="muted") if more else ""
    )
    return element("h4", "Answer", cls="head4") + text_block(part) + left_out


def _sentence(text: str, mark: SupportMark) -> str:
    written = text[mark.start : mark.end]
    core = written.rstrip()
    tail = esc(written[len(core) :])
    if mark.level == "none":
        return esc(core) + tail
    return element("span", esc(core), cls=_CLASSES[mark.level], title=_hint(mark)) + _reference(mark) + tail


def _reference(mark: SupportMark) -> str:
    number = f"[{mark.passage_index + 1}]" if mark.passage_index >= 0 else ""
    match mark.level:
        case "supported":
            return element("span", number, cls="ref", title=_hint(mark))
        case "weak":
            return element("span", f"≈{number}", cls="ref mid", title=_hint(mark))
        case _:
            return element("span", "⚠", cls="ref bad", title=_hint(mark))


def _hint(mark: SupportMark) -> str:
    missing = f" Not in any passage: {', '.join(mark.missing[:8])}." if mark.missing else ""
    where = (
        f" Best match in passage {mark.passage_index + 1}: {mark.passage_sentence[:300]}"
        if mark.passage_index >= 0
        else ""
    )
    return f"{mark.support:.0%} of this sentence's words, weighted by rarity.{missing}{where}"


def _legend(marks: Sequence[SupportMark], *, whole: bool) -> str:
    found = [mark.level for mark in marks]
    missing = list(dict.fromkeys(word for mark in marks for word in mark.missing))[:12]
    parts = [
        f'<span class="ref">[n]</span> found in passage n: {found.count("supported")}',
        f'<span class="s-weak">partly</span> <span class="ref mid">≈</span> {found.count("weak")}',
        f'<span class="s-unsupported">not found</span> <span class="ref bad">⚠</span> {found.count("unsupported")}',
    ]
    text = " · ".join(parts) + f". {MEANING}"
    if missing:
        text += " Numbers and names in no passage: " + element("b", esc(", ".join(missing))) + "."
    if not whole:
        text += f" Only the first {len(marks)} sentences are marked."
    return element("div", text, cls="legend")
