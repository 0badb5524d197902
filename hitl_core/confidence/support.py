"""Which passage sentence supports each sentence of an output, by shared words. Lexical: not a truth check.

Public: `mark_support`, `SupportMark`, `Level`.

A sentence's support is the share of its words, weighted by how rare they are in the item's own passages, that the
best passage sentence contains; a word found elsewhere in the same passage counts half. Numbers and names weigh
double. A number that no passage contains makes the sentence unsupported whatever its words; a name that no passage
contains makes it weak at best.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hitl_core.confidence.passages import PassageIndex
from hitl_core.confidence.sentences import Span, split_sentences
from hitl_core.confidence.words import capitals_mean_names, names, numbers, words

Level = Literal["supported", "weak", "unsupported", "none"]

SUPPORTED_AT = 0.6
WEAK_AT = 0.35
_ELSEWHERE = 0.5
_FACT_WEIGHT = 2.0
_STOP_WEIGHT = 0.1
_MOST_WORDS = 200
_SAME = 1e-9
STOP_WORDS = frozenset(
    words(
        "a an and are as at be been but by can could did do does for from had has have he her his how i if in into is "
        "it its may might more most must no not of on or our she should so such than that the their them then there "
        "these they this those to was we were what when which who will with would yes you your also however therefore "
        "thus because der die das und ist ein eine le la les de des et est un une el los las y en es il che"
    )
)


@dataclass(frozen=True, slots=True)
class SupportMark:
    """The best lexical support of one sentence, `text[start:end]`.

    `support` is in [0, 1]; `passage_index` is -1 and `passage_sentence` empty where nothing is shared; `missing`
    holds the numbers and names found in no passage. Level `none` means there are no words to look for.
    """

    sentence: str
    start: int
    end: int
    support: float
    passage_index: int
    passage_sentence: str
    level: Level
    missing: tuple[str, ...] = ()


def mark_support(output: str, passages: Sequence[str]) -> tuple[SupportMark, ...]:
    """Mark each of the first 400 sentences of an output with its best passage sentence.

    Args:
        output: the text to check; the marks' spans tile it from its beginning, without gaps.
        passages: the item's passages in order; only their first 256,000 characters in all are compared.

    Returns:
        One mark per sentence, in order.
    """
    index = PassageIndex.build(passages)
    spans = split_sentences(output)
    use_names = capitals_mean_names(output)
    return tuple(_mark(output, span, index, use_names=use_names) for span in spans)


def _mark(output: str, span: Span, index: PassageIndex, *, use_names: bool) -> SupportMark:
    sentence = output[span.start : span.end]
    figures = numbers(sentence)
    people = names(sentence) if use_names else []
    facts = {*figures, *(word for name in people for word in words(name))}
    tokens = list(dict.fromkeys(words(sentence)))[:_MOST_WORDS]
    weights = [_weight(token, index, fact=token in facts) for token in tokens]
    missing_numbers = [number for number in dict.fromkeys(figures) if number not in index]
    missing_names = [n for n in dict.fromkeys(people) if not any(w in index for w in words(n))]
    if all(token in STOP_WORDS for token in tokens):
        return SupportMark(sentence.strip(), span.start, span.end, 0.0, -1, "", "none")
    best, share = _best(tokens, weights, index)
    return SupportMark(
        sentence=sentence.strip(),
        start=span.start,
        end=span.end,
        support=share,
        passage_index=int(index.owner[best]) if best >= 0 else -1,
        passage_sentence=index.sentences[best] if best >= 0 else "",
        level=_level(share, numbers_missing=bool(missing_numbers), names_missing=bool(missing_names)),
        missing=(*missing_numbers, *missing_names),
    )


def _weight(token: str, index: PassageIndex, *, fact: bool) -> float:
    if token in STOP_WORDS and not fact:
        return _STOP_WEIGHT
    rarity = math.log(1 + (len(index.sentences) + 1) / (index.frequency(token) + 0.5))
    return rarity * (_FACT_WEIGHT if fact else 1.0)


def _best(tokens: list[str], weights: list[float], index: PassageIndex) -> tuple[int, float]:
    """Return the best passage sentence (-1 for none) and its share of the weight, in [0, 1].

    Equal shares go to the sentence with more of the words itself, then to the shorter one, then to the text that
    sorts first, so that the order of the passages does not matter.
    """
    if not index.sentences:
        return -1, 0.0
    inside = np.zeros(len(index.sentences))
    nearby = np.zeros(index.passages)
    for token, weight in zip(tokens, weights, strict=True):
        if token in index:
            rows, owners = index.where(token)
            inside[rows] += weight
            nearby[owners] += weight
    share = (inside + _ELSEWHERE * (nearby[index.owner] - inside)) / math.fsum(weights)
    top = float(share.max())
    if top <= 0:
        return -1, 0.0
    ties = np.flatnonzero(share >= top - _SAME)
    ties = ties[inside[ties] >= inside[ties].max() - _SAME]
    return int(ties[index.rank[ties].argmin()]), min(1.0, top)


def _level(share: float, *, numbers_missing: bool, names_missing: bool) -> Level:
    if numbers_missing or share < WEAK_AT:
        return "unsupported"
    return "weak" if names_missing or share < SUPPORTED_AT else "supported"
