"""Everything fast that mirrors the golden table: the vector index, and the words of what has no vector yet.

It follows the table's log: each log row says only *which* example changed, and the example's present row says
how, so replaying a row twice does no harm. The caller brings the open transaction.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from hitl_core.golden.index import Entry, GoldenIndex, Hits, Vectors
from hitl_core.golden.index_file import StaleIndexError, index_path, load_index, save_index
from hitl_core.golden.words import WordHit, WordIndex
from hitl_core.store import golden_vectors
from hitl_core.store.golden_vectors import Change

BATCH = 1_000
WAITING_LIMIT = 5_000
WORDS_LIMIT = 100_000


class Catalogue:
    """The searchable copy for one embedding model, or by words alone.

    Args:
        fingerprint: the embedding model; None keeps every active example by its words.
        dimension: length of its vectors.
        folder: where the index is kept between runs; None keeps it in memory only.

    At most 5,000 examples that wait for their vector are held by their words (100,000 without a model); the
    newest stay.
    """

    def __init__(self, fingerprint: str | None = None, dimension: int = 1, folder: Path | None = None) -> None:
        self.fingerprint = fingerprint
        self.dimension = dimension
        self.watermark = -1
        self.looked_at = float("-inf")
        self._folder = folder
        self._anchor = ""
        self._index = GoldenIndex(fingerprint or "", dimension)
        self._words = self._no_words()
        self._words_lock = threading.Lock()
        self._turn = threading.Lock()

    @property
    def opened(self) -> bool:
        """Whether the table was read at least once."""
        return self.watermark >= 0

    @property
    def embedded(self) -> int:
        """How many examples are found by meaning."""
        return len(self._index)

    @property
    def waiting(self) -> int:
        """How many examples are found by their words only."""
        return len(self._words)

    def catch_up(self, tx: sa.Connection, *, wait: bool = True) -> int:
        """Read what changed since the last time; return how many log rows were new.

        Args:
            tx: an open transaction.
            wait: False returns at once when another thread is reading already.
        """
        if not self._turn.acquire(blocking=wait or not self.opened):
            return 0
        try:
            head = golden_vectors.log_head(tx)
            if not self.opened or head < self.watermark:
                self._open(tx, head)
            seen = 0
            while self.watermark < head:
                batch = golden_vectors.changes(tx, after=self.watermark, limit=BATCH)
                if not batch:
                    break
                self._apply(tx, batch)
                seen += len(batch)
            return seen
        finally:
            self._turn.release()

    def by_meaning(
        self, vector: Vectors, fetch: int, *, project: str | None, domain: str | None, exclude: Collection[str]
    ) -> Hits:
        """Search the vectors; see `GoldenIndex.search`."""
        return self._index.search(vector, fetch, project=project, domain=domain, exclude=exclude)

    def by_words(
        self, text: str, fetch: int, *, project: str | None, domain: str | None, exclude: Collection[str]
    ) -> list[tuple[WordHit, frozenset[str]]]:
        """Search the words of what has no vector; each hit comes with its words."""
        if not len(self._words):
            return []
        with self._words_lock:
            hits = self._words.search(text, fetch, project=project, domain=domain, exclude=exclude)
            return [(hit, self._words.words(hit.golden_id)) for hit in hits]

    def save(self) -> bool:
        """Keep the index for the next start; False without a folder or while another process writes it."""
        if self._folder is None or self.fingerprint is None or not self.opened:
            return False
        with self._turn:
            self._index.watermark, self._index.anchor = self.watermark, self._anchor
            return save_index(self._index, index_path(self._folder, self.fingerprint))

    def _open(self, tx: sa.Connection, head: int) -> None:
        """Start from the file if it belongs to this table and model, else from nothing: the log then rebuilds it."""
        self._index = self._from_file(tx, head) or GoldenIndex(self.fingerprint or "", self.dimension)
        fresh = self._no_words()
        by_rows_alone = self.fingerprint is None
        if by_rows_alone or self._index.watermark:
            limit = WORDS_LIMIT if by_rows_alone else WAITING_LIMIT
            for row in golden_vectors.unembedded(tx, self.fingerprint, limit=limit, newest=True):
                fresh.add(row.golden_id, row.query, project=row.project, domain=row.domain)
        with self._words_lock:
            self._words = fresh
        self.watermark = head if by_rows_alone else self._index.watermark
        self._anchor = "" if by_rows_alone else self._index.anchor

    def _from_file(self, tx: sa.Connection, head: int) -> GoldenIndex | None:
        if self._folder is None or self.fingerprint is None:
            return None
        with contextlib.suppress(StaleIndexError):
            index = load_index(index_path(self._folder, self.fingerprint), self.fingerprint, self.dimension)
            if 0 < index.watermark <= head and golden_vectors.log_anchor(tx, index.watermark) == index.anchor:
                return index
        return None

    def _apply(self, tx: sa.Connection, batch: list[Change]) -> None:
        latest = {change.golden_id: change for change in batch}
        active = {key: change for key, change in latest.items() if change.status == "active"}
        gone = [key for key in latest if key not in active]
        missing = [key for key in active if key not in self._index]
        found = golden_vectors.vectors(tx, missing, self.fingerprint) if self.fingerprint and missing else {}
        if found:
            entries = [Entry(key, active[key].project, active[key].domain) for key in found]
            self._index.add(entries, np.frombuffer(b"".join(found.values()), "<f4").reshape(len(found), -1))
        if gone:
            self._index.remove(gone)
        with self._words_lock:
            for key in (*gone, *found):
                self._words.remove(key)
            for key in missing:
                if key not in found:
                    change = active[key]
                    self._words.add(key, change.query, project=change.project, domain=change.domain)
        self.watermark, self._anchor = batch[-1].seq, batch[-1].golden_id

    def _no_words(self) -> WordIndex:
        return WordIndex(WORDS_LIMIT if self.fingerprint is None else WAITING_LIMIT)
