"""From what two searches found to the examples that are shown: one ranking, a floor, diversity. Pure.

Diversity is maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): the next pick maximises
    weight * similarity to the query - (1 - weight) * largest similarity to a pick so far.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hitl_core.golden.index import Hits, Vectors
from hitl_core.golden.words import WordHit, word_overlap

_TIE = 1e-5
_ROUNDING = 2e-5


class Pick(NamedTuple):
    """A chosen example with its similarity to the query and how it was found."""

    golden_id: str
    similarity: float
    method: Literal["embedding", "words"]


def select(
    meaning: Hits | None,
    words: list[tuple[WordHit, frozenset[str]]],
    *,
    k: int,
    min_similarity: float | None,
    diversity_weight: float,
) -> list[Pick]:
    """Choose at most k, most similar first.

    Args:
        meaning: what the vectors found.
        words: what the words found, each with its words.
        k: how many at most.
        min_similarity: leave out what is less alike; holds for cosines and for likeness by words.
        diversity_weight: 1 is similarity alone; less prefers examples that differ from each other.
    """
    if meaning is None:
        meaning = Hits([], np.zeros(0, np.float32), np.zeros((0, 1), np.float32))
    ids = [*meaning.ids, *(hit.golden_id for hit, _ in words)]
    relevance = meaning.similarities
    if words:
        relevance = np.concatenate([relevance, np.array([hit.similarity for hit, _ in words], dtype=np.float32)])
    relevance = _newer_first(relevance, ids)
    floor = -np.inf if min_similarity is None else min_similarity - _ROUNDING
    eligible = np.where(relevance >= floor, relevance, -np.inf)
    count = min(k, int(np.count_nonzero(relevance >= floor)))
    picked = pick_diverse(eligible, _likeness(meaning.vectors, [own for _, own in words]), count, diversity_weight)
    picked.sort(key=lambda place: -relevance[place])
    embedded = len(meaning.ids)
    return [
        Pick(ids[place], min(1.0, float(relevance[place])), "embedding" if place < embedded else "words")
        for place in picked
    ]


def _newer_first(relevance: NDArray[np.float32], ids: list[str]) -> NDArray[np.float32]:
    """Let the newer of two equally alike examples win, by less than anybody can see."""
    ordered = np.sort(relevance)
    if len(ids) < 2 or float(np.diff(ordered).min()) > _TIE:
        return relevance
    age = np.argsort(np.argsort(ids, kind="stable"), kind="stable").astype(np.float32)
    return (relevance + age * (_TIE / len(ids))).astype(np.float32)


def _likeness(vectors: Vectors, words: list[frozenset[str]]) -> Callable[[int], NDArray[np.float32]]:
    """Return a function that compares one candidate with all; across the two kinds 0 is assumed, unknown as it is."""
    embedded = len(vectors)
    if not words:
        return lambda place: vectors @ vectors[place]

    def likeness_to(place: int) -> NDArray[np.float32]:
        row = np.zeros(embedded + len(words), dtype=np.float32)
        if place < embedded:
            row[:embedded] = vectors @ vectors[place]
        else:
            row[embedded:] = [word_overlap(words[place - embedded], other) for other in words]
        return row

    return likeness_to


def pick_diverse(
    relevance: NDArray[np.float32], likeness_to: Callable[[int], NDArray[np.float32]], k: int, weight: float
) -> list[int]:
    """Return the positions of at most k candidates in the order they were picked; the first on a tie.

    Args:
        relevance: shape (n,), similarity of each candidate to the query.
        likeness_to: gives the similarity of all n candidates to the one at a position, shape (n,).
        k: how many to pick.
        weight: 1 is relevance alone, 0 is difference alone.
    """
    count = min(k, len(relevance))
    if count < 1:
        return []
    chosen = [int(relevance.argmax())]
    gain = weight * relevance
    gain[chosen[0]] = -np.inf
    closest = likeness_to(chosen[0])
    while len(chosen) < count:
        best = int((gain - (1 - weight) * closest).argmax())
        chosen.append(best)
        gain[best] = -np.inf
        if len(chosen) < count:
            closest = np.maximum(closest, likeness_to(best))
    return chosen
