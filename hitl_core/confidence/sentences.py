"""Where sentences begin and end, in most writing systems, without a model.

Public: `split_sentences`, `Span`. The spans tile the text, so joining them gives the text back; when there are
more than `limit`, they tile its beginning and the rest is left to the caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

MAX_SENTENCES = 400
MAX_SENTENCE_CHARS = 1_000

_NEVER_END = frozenset(
    "mr mrs ms dr prof sr jr st vs fig figs no nos vol pp ch sec art eq approx dept est e.g i.e eg ie cf viz resp "
    "jan feb mar apr jun jul aug sep sept oct nov dec gen col lt capt rev hon gov sen rep "
    "z.b d.h u.a bzw ca nr abs bspw vgl ggf p.ex mme mlle sig dott ing avv núm pág sra".split()
)
_MAY_END = frozenset("etc al inc ltd co corp a.m p.m u.s u.k u.n e.u usw ph.d m.d b.c a.d d.c".split())
_STARTERS = frozenset(
    "the this that these those it he she they we you i a an in on at by for from if when while as but and or so "
    "however therefore there here after before since because although each all both no not".split()
)
_CLOSERS = "\"'”’»)]}」』）】〉》"
_IN_CLASS = re.escape(_CLOSERS)
_FULL_STOP = "。！？｡．।॥؟۔።։"
# Possessive quantifiers and the look-behind keep hostile runs of dots and brackets linear.
_END = re.compile(
    rf"(?P<always>[{_FULL_STOP}]++[{_IN_CLASS}]*+\s*+)"
    rf"|(?P<maybe>(?<![.!?…])[.!?…]++[{_IN_CLASS}]*+(?:\[\d{{1,3}}\])*+)(?=(?P<space>\s++)|\Z)"
    r"|(?P<line>\n\s*+)"
)
_MARKER = re.compile(r"(?:[-*•‣◦–—]|#{1,6}|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])\s|\|")
_LIST_NUMBER = re.compile(r"(?:\A|\n)[^\S\n]*\(?(?:\d{1,3}|[a-zA-Z])\Z")
_LAST_WORD = re.compile(r"[^\s(\[\"'“‘«]+\Z")
_FIRST_WORD = re.compile(r"[\w']+")


class Span(NamedTuple):
    """Half-open character range of one sentence, trailing white space included."""

    start: int
    end: int


def split_sentences(text: str, limit: int = MAX_SENTENCES) -> tuple[Span, ...]:
    """Return the spans of at most `limit` sentences, in order, without gaps, from the first character.

    Ends are full stops of Latin, CJK, Indic, Arabic, Ethiopic and Armenian writing, blank lines and list items;
    abbreviations, initials, decimals and list numbers are not ends. Pieces over 1,000 characters are cut at
    white space so that no sentence is unbounded.
    """
    spans: list[Span] = []
    start = 0
    for end in _ends(text):
        for span in _bounded(text, start, end):
            spans.append(span)
            if len(spans) == limit:
                return tuple(spans)
        start = end
    return tuple(spans)


def _ends(text: str) -> Iterator[int]:
    lead = len(text) - len(text.lstrip())
    held = last = 0
    for match in _END.finditer(text):
        end = match.end("space") if match["space"] else match.end()
        if end > max(last, lead) and _is_end(text, match, last):
            if held:
                yield held
            held = last = end
    if len(text) > last and text[last:].strip():
        if held:
            yield held
        held = len(text)
    if text:
        yield held or len(text)


def _is_end(text: str, match: re.Match[str], last: int) -> bool:
    if match["always"] is not None:
        return True
    if match["line"] is not None:
        return _line_breaks_sentence(text, match)
    space = match["space"] or ""
    if space.count("\n") > 1 or match.end() == len(text):
        return True
    after = match.end() + len(space)
    following = text[after : after + 40]
    if following[:1].islower():
        return False
    if match["maybe"].rstrip(_CLOSERS) != ".":
        return True
    return _stop_ends(text[max(last, match.start() - 40) : match.start()], following)


def _stop_ends(before: str, following: str) -> bool:
    """Whether one full stop between these two pieces ends a sentence."""
    if _LIST_NUMBER.search(before):
        return False
    word = _LAST_WORD.search(before)
    token = word.group().casefold() if word else ""
    if token in _NEVER_END:
        return False
    if token in _MAY_END or (len(token) == 1 and before[-1:].isupper()):
        first = _FIRST_WORD.match(following)
        return bool(first and first.group().casefold() in _STARTERS)
    return True


def _line_breaks_sentence(text: str, match: re.Match[str]) -> bool:
    if match["line"].count("\n") > 1 or _MARKER.match(text, match.end()):
        return True
    before = text[max(0, match.start() - 8) : match.start()].rstrip()[-1:]
    wrapped = (before.isalnum() or before in ",;-") and text[match.end() : match.end() + 1].islower()
    return not wrapped


def _bounded(text: str, start: int, end: int) -> list[Span]:
    spans = []
    while end - start > MAX_SENTENCE_CHARS:
        cut = text.rfind(" ", start + MAX_SENTENCE_CHARS // 2, start + MAX_SENTENCE_CHARS) + 1
        cut = cut or start + MAX_SENTENCE_CHARS
        spans.append(Span(start, cut))
        start = cut
    return [*spans, Span(start, end)]
