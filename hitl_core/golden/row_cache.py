"""Examples shown lately, kept in memory. A row's text never changes, so a kept row is never wrong."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from hitl_core.domain.records import GoldenExample

ROWS_KEPT = 16_384
CHARACTERS_KEPT = 64_000_000


class RowCache:
    """The most recently used rows, at most 16,384 and 64 million characters."""

    def __init__(self, rows: int = ROWS_KEPT, characters: int = CHARACTERS_KEPT) -> None:
        self._limit = rows
        self._characters_limit = characters
        self._characters = 0
        self._rows: OrderedDict[str, GoldenExample] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def has_room(self) -> bool:
        """Whether a thousand more ordinary rows fit."""
        return len(self._rows) + 1_000 <= self._limit and self._characters < self._characters_limit * 3 // 4

    def get_many(self, ids: Sequence[str]) -> dict[str, GoldenExample]:
        """Return those that are kept, and note that they were used."""
        with self._lock:
            found = {}
            for golden_id in ids:
                if (example := self._rows.get(golden_id)) is not None:
                    self._rows.move_to_end(golden_id)
                    found[golden_id] = example
            return found

    def put_many(self, examples: Iterable[GoldenExample]) -> None:
        """Keep rows; the least recently used leave."""
        with self._lock:
            for example in examples:
                if example.id not in self._rows:
                    self._rows[example.id] = example
                    self._characters += _size(example)
            while self._rows and (len(self._rows) > self._limit or self._characters > self._characters_limit):
                _, gone = self._rows.popitem(last=False)
                self._characters -= _size(gone)


def _size(example: GoldenExample) -> int:
    texts = len(example.query) + len(example.output) + len(example.model_output or "")
    return texts + sum(len(passage.text) for passage in example.context)
