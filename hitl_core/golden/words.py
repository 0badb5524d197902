"""Likeness by words: for examples that have no embedding yet, and for machines without a model.

The similarity of two texts is the weighted share of words they have in common,
    sum of weights of common words / sqrt(sum of weights of one * sum of weights of the other),
with weight log(1 + N / df), so a rare word says more than a common one. It is 1 for the same words and 0 for none.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import NamedTuple

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]+")
_MAX_WORDS = 256
_FUNCTION_WORDS = frozenset(
    "a an and are as at be been but by can could did do does for from had has have how i if in into is it its me my "
    "of on or our shall should so than that the their them there these they this those to us was we were what when "
    "where which who whom why will with would you your".split()
)


class WordHit(NamedTuple):
    """An id with its likeness in [0, 1]."""

    golden_id: str
    similarity: float


def words_of(text: str) -> frozenset[str]:
    """Return the distinct words that carry meaning (all of them if none does), at most 256.

    Scripts written without spaces give their pairs of characters instead.
    """
    found = _WORD.findall(unicodedata.normalize("NFKC", text[:20_000]).casefold())
    words: dict[str, None] = {}
    for word in found:
        if _UNSPACED.search(word) and len(word) > 1:
            words.update(dict.fromkeys(word[place : place + 2] for place in range(len(word) - 1)))
        else:
            words[word] = None
    telling = [word for word in words if word not in _FUNCTION_WORDS] or list(words)
    return frozenset(telling[:_MAX_WORDS])


def word_overlap(first: frozenset[str], second: frozenset[str]) -> float:
    """Return the share of words in common, unweighted: |A and B| / sqrt(|A| * |B|)."""
    if not first or not second:
        return 0.0
    return len(first & second) / math.sqrt(len(first) * len(second))


class WordIndex:
    """An inverted index of at most `limit` texts, the oldest leaving first. Not locked: the owner locks."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._words: dict[str, frozenset[str]] = {}
        self._scopes: dict[str, tuple[str, str | None]] = {}
        self._ids_by_word: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._words)

    def __contains__(self, golden_id: str) -> bool:
        return golden_id in self._words

    def add(self, golden_id: str, text: str, *, project: str = "", domain: str | None = None) -> None:
        """Add a text; the same id again changes nothing."""
        if golden_id in self._words:
            return
        self._words[golden_id] = words_of(text)
        self._scopes[golden_id] = (project, domain)
        for word in self._words[golden_id]:
            self._ids_by_word.setdefault(word, {})[golden_id] = None
        if len(self._words) > self._limit:
            self.remove(next(iter(self._words)))

    def remove(self, golden_id: str) -> None:
        """Remove a text if it is there."""
        self._scopes.pop(golden_id, None)
        for word in self._words.pop(golden_id, ()):
            ids = self._ids_by_word[word]
            del ids[golden_id]
            if not ids:
                del self._ids_by_word[word]

    def words(self, golden_id: str) -> frozenset[str]:
        """Return the words of a text, empty if it is not there."""
        return self._words.get(golden_id, frozenset())

    def search(
        self,
        text: str,
        fetch: int,
        *,
        project: str | None = None,
        domain: str | None = None,
        exclude: Collection[str] = (),
    ) -> list[WordHit]:
        """Return the most alike texts with at least one word in common, best first, later ids first on a tie.

        Args:
            text: what to look for.
            fetch: how many at most.
            project: only this project; None for all.
            domain: only this domain; None for all.
            exclude: ids that must not come back.
        """
        query = words_of(text)
        shared: dict[str, float] = {}
        for word in query:
            weight = self._weight(word)
            for golden_id in self._ids_by_word.get(word, ()):
                shared[golden_id] = shared.get(golden_id, 0.0) + weight
        mass = self._mass(query)
        wanted = {key: common for key, common in shared.items() if self._fits(key, project, domain, exclude)}
        hits = [
            WordHit(key, min(1.0, common / math.sqrt(mass * self._mass(self._words[key]))))
            for key, common in _most_shared(wanted, fetch)
        ]
        hits.sort(key=lambda hit: (hit.similarity, hit.golden_id), reverse=True)
        return hits[:fetch]

    def _fits(self, golden_id: str, project: str | None, domain: str | None, exclude: Collection[str]) -> bool:
        own_project, own_domain = self._scopes[golden_id]
        return (
            (project is None or own_project == project)
            and (domain is None or own_domain == domain)
            and golden_id not in exclude
        )

    def _weight(self, word: str) -> float:
        return math.log(1 + len(self._words) / max(len(self._ids_by_word.get(word, ())), 1))

    def _mass(self, words: frozenset[str]) -> float:
        return sum(map(self._weight, words))


def _most_shared(shared: dict[str, float], fetch: int) -> Iterable[tuple[str, float]]:
    """Narrow a large field by what is shared before the exact likeness is computed."""
    room = max(16 * fetch, 512)
    if len(shared) <= room:
        return shared.items()
    return sorted(shared.items(), key=lambda pair: pair[1], reverse=True)[:room]
