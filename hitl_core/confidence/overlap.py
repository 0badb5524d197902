"""How much of one sequence of words is found in others: n-gram coverage and the longest copied run.

Each distinct word becomes one character, so that runs of words are substrings and sets of them are quick.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

_ORDERS = (1, 2, 3)
# Longer runs count as this long, so that a whole book copied costs no more than a page.
MAX_RUN = 256
_SLIDE_WITHIN = 2_000_000
# Characters below 0xE000 include the surrogates, which text may not hold; the first one separates passages.
_FIRST = 0xE000
_APART = chr(_FIRST)
_UNKNOWN = chr(_FIRST + 1)


class Overlap(NamedTuple):
    """Share of the n-grams (n = 1, 2, 3; None where there are none) found in a passage, and the longest run."""

    coverage: tuple[float | None, float | None, float | None]
    copied_run: int


def compare_words(mine: Sequence[str], passages: Iterable[Sequence[str]]) -> Overlap:
    """Compare words with those of the passages; a run does not cross from one passage into the next.

    Args:
        mine: words of the output in order.
        passages: words of each passage in order, of any number.

    Returns:
        `coverage[n - 1]` counts every occurrence of an n-gram of `mine`; `copied_run` is at most 256 words.
    """
    letters = {word: chr(_FIRST + 2 + position) for position, word in enumerate(dict.fromkeys(mine))}
    text = "".join(letters[word] for word in mine)
    source = _APART.join("".join(letters.get(word, _UNKNOWN) for word in passage) for passage in passages)
    first, second, third = (_coverage(text, source, order) for order in _ORDERS)
    return Overlap((first, second, third), _longest_run(text, source))


def _coverage(text: str, source: str, order: int) -> float | None:
    mine = _grams(text, order)
    if not mine:
        return None
    theirs = set(_grams(source, order))
    return sum(gram in theirs for gram in mine) / len(mine)


def _longest_run(text: str, source: str) -> int:
    """Slide along short texts; bisect long ones, as where a run of n words is shared, so is one of n - 1."""
    if len(text) * len(source) <= _SLIDE_WITHIN:
        return _slid(text, source)
    shared, beyond = 0, min(len(text), len(source), MAX_RUN) + 1
    while beyond - shared > 1:
        # Runs are short as a rule: double first, bisect after.
        middle = (shared + beyond) // 2 if shared * 2 >= beyond else max(1, shared * 2)
        if _is_shared(text, source, middle):
            shared = middle
        else:
            beyond = middle
    return shared


def _slid(text: str, source: str) -> int:
    longest = 0
    for start in range(len(text)):
        while longest < min(MAX_RUN, len(text) - start) and text[start : start + longest + 1] in source:
            longest += 1
    return longest


def _is_shared(text: str, source: str, length: int) -> bool:
    return not set(_grams(text, length)).isdisjoint(_grams(source, length))


def _grams(text: str, length: int) -> list[str]:
    return [text[at : at + length] for at in range(len(text) - length + 1)]
