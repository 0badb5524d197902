"""The passages of one item as an index from word to passage sentence, bounded in size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hitl_core.confidence.sentences import split_sentences
from hitl_core.confidence.words import words

MAX_CHARS = 256_000
MAX_PASSAGE_SENTENCES = 4_000

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PassageIndex:
    """Sentences of all passages, and where each word is.

    `owner[row]` is the passage of sentence `row`; `rank[row]` orders sentences by length, then text, so that ties
    are broken the same way whatever the order of the passages.
    """

    sentences: tuple[str, ...]
    owner: Rows
    rank: Rows
    passages: int
    _postings: dict[str, list[int]]
    _found: dict[str, tuple[Rows, Rows]] = field(default_factory=dict)

    @classmethod
    def build(cls, passages: Sequence[str]) -> PassageIndex:
        """Split and index the passages; at most 256,000 characters and 4,000 sentences in all."""
        sentences: list[str] = []
        owner: list[int] = []
        postings: dict[str, list[int]] = {}
        left = MAX_CHARS
        for position, passage in enumerate(passages):
            passage, left = passage[:left], left - len(passage[:left])
            for span in split_sentences(passage, limit=MAX_PASSAGE_SENTENCES - len(sentences)):
                sentence = passage[span.start : span.end].strip()
                for word in set(words(sentence)):
                    postings.setdefault(word, []).append(len(sentences))
                sentences.append(sentence)
                owner.append(position)
            if left <= 0 or len(sentences) >= MAX_PASSAGE_SENTENCES:
                break
        order = sorted(range(len(sentences)), key=lambda row: (len(sentences[row]), sentences[row]))
        rank = np.empty(len(sentences), dtype=np.int64)
        rank[order] = np.arange(len(sentences))
        return cls(tuple(sentences), np.asarray(owner, dtype=np.int64), rank, len(passages), postings)

    def __contains__(self, word: str) -> bool:
        """Whether some passage contains the word."""
        return word in self._postings

    def frequency(self, word: str) -> int:
        """Return how many passage sentences contain the word."""
        return len(self._postings.get(word, ()))

    def where(self, word: str) -> tuple[Rows, Rows]:
        """Return the sentences and the passages that contain a known word."""
        if word not in self._found:
            rows = np.asarray(self._postings[word], dtype=np.int64)
            self._found[word] = rows, np.unique(self.owner[rows])
        return self._found[word]
