"""What can be measured about an output from its own text, its query and its passages, without a model.

Public: `compute_signals`, `Signals`. Lexical: a signal says what the words are, not whether they are true. About two
milliseconds for an item of some hundred words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from hitl_core.confidence.overlap import Overlap, compare_words
from hitl_core.confidence.passages import MAX_CHARS
from hitl_core.confidence.sentences import split_sentences
from hitl_core.confidence.support import STOP_WORDS, SupportMark, mark_support
from hitl_core.confidence.words import capitals_mean_names, names, numbers, words
from hitl_core.domain.records import Item

MAX_OUTPUT_CHARS = 64_000
MAX_LISTED = 8
_LONGEST_LISTED = 40
_NEGATIONS = frozenset(
    words(
        "not no never none nothing nobody neither nor without cannot can't don't doesn't didn't isn't aren't wasn't "
        "weren't won't wouldn't shouldn't couldn't hasn't haven't hadn't kein keine keinen nicht nie niemals ohne "
        "ne pas jamais sans aucun aucune nunca ningún ninguna sin tampoco non mai senza não nem não "
        "не нет никогда без لا ليس لم لن"
    )
)
# Negation in writing without spaces is looked for as text: words are pairs of characters there.
_NEGATING_MARKS = ("不", "没", "未", "ない", "ません", "않", "ไม่")
_FIRST_PERSON = frozenset(
    words("i me my mine we us our ours i'm i've i'll we're we've ich wir mich uns je moi nous yo nosotros nos")
)


@dataclass(frozen=True, slots=True)
class Signals:
    """Measurements of one item; None where there is nothing to measure on (no passages, no words, no scores).

    Attributes:
        coverage_1, coverage_2, coverage_3: share of the output's words, pairs and triples of words found in a passage.
        support: mean support of the output's sentences by their best passage sentence, weighted by length, in [0, 1].
        unsupported_share: share of the sentences that no passage supports.
        novel_numbers, novel_names: distinct numbers and names of the output that neither a passage nor the query has.
        copied_run: longest run of words copied from one passage, at most 256; copied_share: its share of the output.
        output_words, context_words: lengths in words (pairs of characters where a script has no spaces).
        negation_share, first_person_share: share of the output's words that negate, or say I and we.
        query_overlap: share of the query's words, stop words apart, that the output has.
        retrieval_mean, retrieval_max: of the retrieval scores that came with the passages, as they came.
        numbers_listed, names_listed: at most eight of the novel ones, as folded or written, at most 40 characters each.
    """

    output_words: int
    context_words: int
    coverage_1: float | None = None
    coverage_2: float | None = None
    coverage_3: float | None = None
    support: float | None = None
    unsupported_share: float | None = None
    novel_numbers: int | None = None
    novel_names: int | None = None
    copied_run: int | None = None
    copied_share: float | None = None
    negation_share: float | None = None
    first_person_share: float | None = None
    query_overlap: float | None = None
    retrieval_mean: float | None = None
    retrieval_max: float | None = None
    numbers_listed: tuple[str, ...] = ()
    names_listed: tuple[str, ...] = ()

    def as_mapping(self) -> dict[str, Any]:
        """Return what is known, JSON-ready, by name: what a decision stores and rules see under `signals.`."""
        found = asdict(self)
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in found.items()
            if value is not None and value != ()
        }

    @classmethod
    def from_mapping(cls, stored: Mapping[str, Any]) -> Signals:
        """Read what `as_mapping` wrote; names it does not know are left out."""
        known = {each.name for each in fields(cls)}
        values: dict[str, Any] = {
            name: tuple(map(str, value)) if isinstance(value, list) else value
            for name, value in stored.items()
            if name in known
        }
        return cls(**({"output_words": 0, "context_words": 0} | values))


def compute_signals(item: Item) -> Signals:
    """Measure an item: its first 64,000 characters of output against its first 256,000 of passages."""
    scores = [each.retrieval_score for each in item.context if each.retrieval_score is not None]
    return measure_texts(item.query, [each.text for each in item.context], item.output, retrieval_scores=scores)


def measure_texts(
    query: str, passages: Sequence[str], output: str, *, retrieval_scores: Sequence[float] = ()
) -> Signals:
    """Measure texts, as `compute_signals` does an item."""
    output = output[:MAX_OUTPUT_CHARS]
    passages = [each for each in _within(passages, MAX_CHARS) if each.strip()]
    mine, theirs, asked = words(output), [words(each) for each in passages], words(query[:MAX_OUTPUT_CHARS])
    overlap = compare_words(mine, theirs) if mine and any(theirs) else None
    novel_numbers, novel_names = _novel(output, set(asked).union(*theirs)) if overlap else ((), ())
    marks = [each for each in mark_support(output, passages) if each.level != "none"] if overlap else []
    return Signals(
        output_words=len(mine),
        context_words=sum(map(len, theirs)),
        **_compared(overlap, len(mine)),
        **_supported(marks),
        novel_numbers=len(novel_numbers) if overlap else None,
        novel_names=len(novel_names) if overlap else None,
        negation_share=_negations(output, mine) / len(mine) if mine else None,
        first_person_share=sum(each in _FIRST_PERSON for each in mine) / len(mine) if mine else None,
        query_overlap=_query_overlap(asked, mine),
        retrieval_mean=math.fsum(retrieval_scores) / len(retrieval_scores) if retrieval_scores else None,
        retrieval_max=max(retrieval_scores, default=None),
        numbers_listed=_listed(novel_numbers),
        names_listed=_listed(novel_names),
    )


def _within(texts: Sequence[str], limit: int) -> list[str]:
    kept = []
    for text in texts:
        kept.append(text[:limit])
        limit -= len(kept[-1])
    return kept


def _compared(overlap: Overlap | None, length: int) -> dict[str, Any]:
    if overlap is None:
        return {}
    first, second, third = overlap.coverage
    return {
        "coverage_1": first,
        "coverage_2": second,
        "coverage_3": third,
        "copied_run": overlap.copied_run,
        "copied_share": overlap.copied_run / length,
    }


def _supported(marks: Sequence[SupportMark]) -> dict[str, Any]:
    if not marks:
        return {}
    lengths = [mark.end - mark.start for mark in marks]
    mean = sum(mark.support * length for mark, length in zip(marks, lengths, strict=True)) / sum(lengths)
    return {
        "support": min(1.0, mean),
        "unsupported_share": sum(mark.level == "unsupported" for mark in marks) / len(marks),
    }


def _novel(output: str, known: set[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the distinct numbers and names of the output that are not among the known words, in order."""
    figures: dict[str, None] = {}
    people: dict[str, None] = {}
    use_names = capitals_mean_names(output)
    for span in split_sentences(output):
        sentence = output[span.start : span.end]
        figures.update(dict.fromkeys(each for each in numbers(sentence) if each not in known))
        if use_names:
            people.update(dict.fromkeys(each for each in names(sentence) if known.isdisjoint(words(each))))
    return tuple(figures), tuple(people)


def _negations(output: str, mine: Sequence[str]) -> int:
    inside = 0 if output.isascii() else sum(output.count(mark) for mark in _NEGATING_MARKS)
    return min(len(mine), sum(each in _NEGATIONS for each in mine) + inside)


def _query_overlap(asked: Sequence[str], mine: Sequence[str]) -> float | None:
    content = set(asked) - STOP_WORDS
    return len(content.intersection(mine)) / len(content) if content else None


def _listed(found: Sequence[str]) -> tuple[str, ...]:
    return tuple(each[:_LONGEST_LISTED] for each in found[:MAX_LISTED])
