"""The worker's part: give waiting examples their vectors, and merge those that say the same."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from hitl_core.domain.clock import Clock
from hitl_core.domain.records import GoldenExample
from hitl_core.embedding import Embedder
from hitl_core.golden.catalogue import Catalogue
from hitl_core.golden.duplicates import MIN_COSINE, close_pairs, may_be_same
from hitl_core.golden.finder import Finder
from hitl_core.golden.index import Vectors
from hitl_core.golden.models import Catalogues
from hitl_core.store import events, golden_vectors
from hitl_core.store import golden as rows
from hitl_core.store.engine import Store
from hitl_core.store.golden_vectors import Unembedded

NEIGHBOURS = 5
SAVE_AFTER = 1_000


class Teacher:
    """Embeds what waits and keeps the index on disk; one per process, shared by all who write under other names."""

    def __init__(self, store: Store, catalogues: Catalogues, finder: Finder) -> None:
        self._store = store
        self._catalogues = catalogues
        self._finder = finder
        self._turn = threading.Lock()
        self._unsaved = 0

    def embed(self, limit: int, *, clock: Clock, actor: str) -> int:
        """See `GoldenLibrary.embed_pending`."""
        embedder = self._catalogues.embedder()
        catalogue = self._catalogues.meaning()
        with self._turn:
            self._finder.catch_up(catalogue)
            done = 0
            if catalogue.waiting:
                done = embed_batch(self._store, catalogue, embedder, limit=limit, clock=clock, actor=actor)
                self._finder.catch_up(catalogue)
            self._unsaved += done
            if self._unsaved >= SAVE_AFTER or not done:
                self._save()
        return done

    def save(self) -> None:
        """Save the index if this process embedded anything since the last time."""
        with self._turn:
            self._save()

    def _save(self) -> None:
        if self._unsaved and self._catalogues.meaning().save():
            self._unsaved = 0


def embed_batch(store: Store, catalogue: Catalogue, embedder: Embedder, *, limit: int, clock: Clock, actor: str) -> int:
    """Embed up to `limit` waiting examples, oldest first, in one short transaction; return how many.

    The model runs outside the transaction, so nobody waits for it; an example that was retired meanwhile gets a
    vector that nobody looks up.
    """
    with store.read() as tx:
        waiting = golden_vectors.unembedded(tx, embedder.fingerprint, limit=limit)
    if not waiting:
        return 0
    vectors = embedder.encode([row.query for row in waiting])
    merges = _same_as_older(store, catalogue, embedder, waiting, vectors)
    packed = {row.golden_id: vector.astype("<f4").tobytes() for row, vector in zip(waiting, vectors, strict=True)}
    with store.write() as tx:
        at = clock.now()  # not earlier: loading the model may have taken seconds
        golden_vectors.add_vectors(tx, packed, fingerprint=embedder.fingerprint, dimension=embedder.dimension, at=at)
        done = {"examples": len(packed), "fingerprint": embedder.fingerprint}
        events.append(tx, "golden.embedded", at=at, actor=actor, data=done)
        for golden_id, keeper in merges.items():
            if rows.merge(tx, golden_id, keeper):
                events.append(
                    tx, "golden.merged", at=at, actor=actor, data={"golden_id": golden_id, "stands_for": keeper}
                )
    return len(waiting)


def _same_as_older(
    store: Store, catalogue: Catalogue, embedder: Embedder, waiting: Sequence[Unembedded], vectors: Vectors
) -> dict[str, str]:
    """Return {id: id of the older example that says the same}, never pointing at one that is merged itself."""
    suspects = _alike_questions(catalogue, waiting, vectors)
    if not suspects:
        return {}
    with store.read() as tx:
        known = rows.load_many(tx, sorted({golden_id for pair in suspects for golden_id in pair}))
    pairs = [
        (known[new], known[old])
        for new, old in suspects
        if new in known and old in known and may_be_same(known[new], known[old])
    ]
    merges: dict[str, str] = {}
    for (new, old), same in zip(pairs, _same_outputs(embedder, pairs), strict=True):
        if same and new.id not in merges:
            merges[new.id] = merges.get(old.id, old.id)
    return {new: old for new, old in merges.items() if new != old}


def _alike_questions(catalogue: Catalogue, waiting: Sequence[Unembedded], vectors: Vectors) -> list[tuple[str, str]]:
    """Return (new, older) ids of one project and domain whose questions have a cosine above 0.98."""
    suspects = []
    within = np.tril(vectors @ vectors.T > MIN_COSINE, k=-1)
    for place, row in enumerate(waiting):
        hits = catalogue.by_meaning(
            vectors[place], NEIGHBOURS, project=row.project, domain=row.domain, exclude={row.golden_id}
        )
        near = [key for key, cosine in zip(hits.ids, hits.similarities, strict=True) if cosine > MIN_COSINE]
        near += [waiting[other].golden_id for other in np.flatnonzero(within[place])[:NEIGHBOURS]]
        suspects += [(row.golden_id, other) for other in near]
    return suspects


def _same_outputs(embedder: Embedder, pairs: Sequence[tuple[GoldenExample, GoldenExample]]) -> list[bool]:
    if not pairs:
        return []
    encoded = embedder.encode([text for new, old in pairs for text in (new.output, old.output)])
    return close_pairs(encoded[0::2], encoded[1::2])
