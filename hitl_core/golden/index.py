"""The FAISS index: an exact, in-memory copy of the golden vectors that can always be thrown away.

Public: `Entry`, `Hits`, `GoldenIndex`. Rows are kept in slots (FAISS ids) that are never used twice; small
arrays beside the index hold each slot's project and domain, so that filters cost microseconds.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hitl_core.domain.errors import InputError
from hitl_core.golden.guard import ReadWriteGuard

Vectors = NDArray[np.float32]
_FREE = -1


class Entry(NamedTuple):
    """What the index knows about an example beside its vector."""

    golden_id: str
    project: str
    domain: str | None


class Hits(NamedTuple):
    """What a search found, most similar first: n ids, n cosines, vectors of shape (n, dimension)."""

    ids: list[str]
    similarities: Vectors
    vectors: Vectors


class GoldenIndex:
    """Exact search by cosine over unit vectors; safe to search from threads while others add and remove.

    Args:
        fingerprint: the embedding model whose vectors these are.
        dimension: length of one vector.

    Attributes:
        watermark: `seq` of the last log row this index has seen.
        anchor: golden id of that log row; tells another database with the same numbers apart.
    """

    def __init__(self, fingerprint: str, dimension: int) -> None:
        self.fingerprint = fingerprint
        self.dimension = dimension
        self.watermark = 0
        self.anchor = ""
        self._faiss: Any = _new_index(dimension)
        self._guard = ReadWriteGuard()
        self._slots: dict[str, int] = {}
        self._ids: list[str] = []
        self._codes: dict[str | None, int] = {}
        self._projects: NDArray[np.int32] = np.full(64, _FREE, dtype=np.int32)
        self._domains: NDArray[np.int32] = np.full(64, _FREE, dtype=np.int32)

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, golden_id: str) -> bool:
        return golden_id in self._slots

    def add(self, entries: Sequence[Entry], vectors: Vectors) -> int:
        """Add examples that are not in yet; return how many were new.

        Args:
            entries: n examples; an id that is already in, or comes twice, is taken once.
            vectors: shape (n, dimension), finite, each of length 1.

        Raises:
            InputError: the shape does not fit or a number is not finite.
        """
        vectors = self._checked(vectors, len(entries))
        with self._guard.writing():
            fresh: dict[str, int] = {}
            for row, entry in enumerate(entries):
                if entry.golden_id not in self._slots:
                    fresh.setdefault(entry.golden_id, row)
            if fresh:
                self._insert([entries[row] for row in fresh.values()], vectors[list(fresh.values())])
        return len(fresh)

    def remove(self, golden_ids: Collection[str]) -> int:
        """Remove examples; unknown ids are ignored. Return how many were removed."""
        with self._guard.writing():
            slots = [self._slots.pop(golden_id) for golden_id in set(golden_ids) if golden_id in self._slots]
            if slots:
                self._faiss.remove_ids(np.array(slots, dtype=np.int64))
                self._projects[slots] = _FREE
                self._domains[slots] = _FREE
        return len(slots)

    def search(
        self,
        vector: Vectors,
        fetch: int,
        *,
        project: str | None = None,
        domain: str | None = None,
        exclude: Collection[str] = (),
    ) -> Hits:
        """Find the `fetch` most similar examples.

        Args:
            vector: shape (dimension,) or (1, dimension), of length 1.
            fetch: how many at most.
            project: only this project; None for all.
            domain: only this domain; None for all.
            exclude: ids that must not come back.
        """
        query = self._checked(vector, 1)
        with self._guard.reading():
            wanted = min(fetch + len(exclude), len(self._slots))
            mask = self._mask(project, domain)
            if wanted < 1 or (mask is not None and not mask.any()):
                return Hits([], np.zeros(0, np.float32), np.zeros((0, self.dimension), np.float32))
            similarities, slots = _search(self._faiss, query, wanted, mask)
            keep = [
                place
                for place, slot in enumerate(slots.tolist())
                if slot >= 0 and (not exclude or self._ids[slot] not in exclude)
            ][:fetch]
            slots = slots[keep]
            return Hits(
                [self._ids[slot] for slot in slots.tolist()], similarities[keep], self._faiss.reconstruct_batch(slots)
            )

    def dump(self) -> tuple[list[list[Any]], bytes]:
        """Return the live entries as JSON-ready `[slot, id, project, domain]` rows, and the FAISS index as bytes."""
        with self._guard.reading():
            names = {code: name for name, code in self._codes.items()}
            rows = [
                [slot, golden_id, names[int(self._projects[slot])], names[int(self._domains[slot])]]
                for golden_id, slot in self._slots.items()
            ]
            return rows, _faiss().serialize_index(self._faiss).tobytes()

    def restore(self, rows: list[list[Any]], blob: bytes) -> None:
        """Take over what `dump` returned.

        Raises:
            InputError: entries and vectors do not belong together.
        """
        faiss = _faiss()
        index = faiss.deserialize_index(np.frombuffer(blob, dtype=np.uint8))
        slots = {int(row[0]) for row in rows}
        if index.d != self.dimension or set(faiss.vector_to_array(index.id_map).tolist()) != slots:
            raise InputError("the entries of the index file do not match its vectors")
        with self._guard.writing():
            self._faiss = index
            self._ids = [""] * (max(slots, default=-1) + 1)
            self._slots = {}
            for slot, golden_id, project, domain in rows:
                self._ids[slot] = golden_id
                self._register(int(slot), Entry(golden_id, project, domain))

    def _insert(self, entries: list[Entry], vectors: Vectors) -> None:
        first = len(self._ids)
        self._faiss.add_with_ids(vectors, np.arange(first, first + len(entries), dtype=np.int64))
        self._ids.extend(entry.golden_id for entry in entries)
        for slot, entry in enumerate(entries, start=first):
            self._register(slot, entry)

    def _register(self, slot: int, entry: Entry) -> None:
        if slot >= len(self._projects):
            room = np.full(max(slot + 1 - len(self._projects), len(self._projects)), _FREE, dtype=np.int32)
            self._projects = np.concatenate([self._projects, room])
            self._domains = np.concatenate([self._domains, room])
        self._projects[slot] = self._codes.setdefault(entry.project, len(self._codes))
        self._domains[slot] = self._codes.setdefault(entry.domain, len(self._codes))
        self._slots[entry.golden_id] = slot

    def _mask(self, project: str | None, domain: str | None) -> NDArray[np.bool_] | None:
        """Return which slots pass the filters, or None when every live one does."""
        if project is None and domain is None:
            return None
        size = len(self._ids)
        mask = np.ones(size, dtype=np.bool_)
        if project is not None:
            mask &= self._projects[:size] == self._codes.get(project, -2)
        if domain is not None:
            mask &= self._domains[:size] == self._codes.get(domain, -2)
        return None if int(np.count_nonzero(mask)) == len(self._slots) else mask

    def _checked(self, vectors: Vectors, count: int) -> Vectors:
        array = np.ascontiguousarray(np.atleast_2d(vectors), dtype=np.float32)
        if array.shape != (count, self.dimension) and count:
            raise InputError(f"vectors have shape {array.shape}, expected ({count}, {self.dimension})")
        if not np.isfinite(array).all():
            raise InputError("a vector contains a number that is not finite")
        return array


def _faiss() -> Any:
    """Load FAISS on first use; its own stubs do not cover what is used here."""
    import faiss

    return faiss


def _new_index(dimension: int) -> Any:
    faiss = _faiss()
    return faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))


def _search(
    index: Any, query: Vectors, wanted: int, mask: NDArray[np.bool_] | None
) -> tuple[Vectors, NDArray[np.int64]]:
    """Search with one OpenMP thread; the setting belongs to the calling thread, so it is made every time."""
    faiss = _faiss()
    faiss.omp_set_num_threads(1)
    if mask is None:
        similarities, slots = index.search(query, wanted)
    else:
        bits = np.packbits(mask, bitorder="little")
        similarities, slots = index.search(
            query, wanted, params=faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
        )
    return similarities[0], slots[0]
