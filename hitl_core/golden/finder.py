"""The hot path: question to examples, with as little beside the vector search as possible."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal

from hitl_core.domain.errors import InputError, ModelUnavailableError
from hitl_core.domain.records import FewShot, GoldenExample
from hitl_core.domain.text import require_clean_names
from hitl_core.golden.catalogue import Catalogue
from hitl_core.golden.index import Vectors
from hitl_core.golden.models import Catalogues
from hitl_core.golden.row_cache import RowCache
from hitl_core.golden.selection import Pick, select
from hitl_core.store import golden as rows
from hitl_core.store.engine import Store

REFRESH_SECONDS = 0.25
EAGER_SECONDS = 2.0
MIN_FETCH = 32


class Finder:
    """Finds examples and keeps recently shown rows, whose text never changes.

    Args:
        store: the database.
        catalogues: what to search.
        diversity_weight: MMR's lambda.
    """

    def __init__(self, store: Store, catalogues: Catalogues, *, diversity_weight: float) -> None:
        self._store = store
        self._catalogues = catalogues
        self._diversity_weight = diversity_weight
        self._rows = RowCache()
        self._eager_until = 0.0

    def find(
        self,
        query: str,
        k: int,
        *,
        project: str | None,
        domain: str | None,
        min_similarity: float | None,
        exclude_item: str | None,
        method: Literal["auto", "words"],
        vector: Vectors | None,
        fetch: int | None,
        diversity_weight: float | None,
    ) -> list[FewShot]:
        """See `GoldenLibrary.few_shot`."""
        _check(query, k, method, min_similarity)
        require_clean_names(query=query, project=project, domain=domain, exclude_item=exclude_item)
        if k == 0:
            return []
        catalogue, vector = self._prepare(query, method, vector)
        fetch = max(k, fetch if fetch is not None else max(4 * k, MIN_FETCH))
        exclude = self._taught_by(exclude_item, project)
        meaning = None
        if vector is not None:
            meaning = catalogue.by_meaning(vector, fetch, project=project, domain=domain, exclude=exclude)
        picks = select(
            meaning,
            catalogue.by_words(query, fetch, project=project, domain=domain, exclude=exclude),
            k=k,
            min_similarity=min_similarity,
            diversity_weight=self._diversity_weight if diversity_weight is None else diversity_weight,
        )
        return self._shown(picks)

    def catch_up(self, catalogue: Catalogue | None = None) -> int:
        """Bring one catalogue, or all that are in use, up to the table now."""
        chosen = [catalogue] if catalogue is not None else self._catalogues.loaded
        if not chosen:
            return 0
        with self._store.read() as tx:
            return max(each.catch_up(tx) for each in chosen)

    def preload(self) -> None:
        """Read the newest examples into memory, as many as are kept there."""
        before = None
        while self._rows.has_room:
            with self._store.read() as tx:
                page = rows.listing(tx, before=before, limit=1_000)
            if not page:
                return
            self._rows.put_many(page)
            before = page[-1].id

    def expect_change(self) -> None:
        """Look at the table on every search for two seconds: a transaction of this process is about to commit."""
        self._eager_until = time.monotonic() + EAGER_SECONDS

    def _prepare(self, query: str, method: str, vector: Vectors | None) -> tuple[Catalogue, Vectors | None]:
        """Return what to search, up to date, and the question's vector; by words where there is no model."""
        if method == "auto":
            try:
                catalogue = self._catalogues.meaning()
                self._refresh(catalogue)
                return catalogue, self._embedded(query, catalogue) if vector is None else vector
            except ModelUnavailableError:
                vector = None
        self._refresh(self._catalogues.words)
        return self._catalogues.words, None

    def _embedded(self, query: str, catalogue: Catalogue) -> Vectors | None:
        """Embed the question, unless there is nothing to compare it with."""
        if not catalogue.embedded:
            return None
        try:
            return self._catalogues.embedder().encode([query])
        except ModelUnavailableError as error:
            self._catalogues.give_up(error)
            raise

    def _refresh(self, catalogue: Catalogue) -> None:
        now = time.monotonic()
        fresh = now - catalogue.looked_at < REFRESH_SECONDS
        if fresh and now >= self._eager_until and catalogue.opened:
            return
        catalogue.looked_at = now
        with self._store.read() as tx:
            catalogue.catch_up(tx, wait=now < self._eager_until)

    def _taught_by(self, item_id: str | None, project: str | None) -> set[str]:
        if item_id is None:
            return set()
        with self._store.read() as tx:
            return rows.of_item(tx, item_id, project)

    def _shown(self, picks: Sequence[Pick]) -> list[FewShot]:
        examples = self._examples([pick.golden_id for pick in picks])
        return [
            FewShot.model_construct(example=examples[pick.golden_id], similarity=pick.similarity, method=pick.method)
            for pick in picks
            if pick.golden_id in examples
        ]

    def _examples(self, ids: list[str]) -> dict[str, GoldenExample]:
        found = self._rows.get_many(ids)
        missing = [golden_id for golden_id in ids if golden_id not in found]
        if missing:
            with self._store.read() as tx:
                loaded = rows.load_many(tx, missing)
            self._rows.put_many(loaded.values())
            found |= loaded
        return found


def _check(query: str, k: int, method: str, min_similarity: float | None) -> None:
    if min_similarity is not None and not -1 <= min_similarity <= 1:
        raise InputError(f"min_similarity is {min_similarity:g}, expected a number from -1 to 1")
    if k < 0:
        raise InputError(f"k is {k}, expected how many examples to return, 0 or more")
    if method not in ("auto", "words"):
        raise InputError(f"method is {method!r}, expected 'auto' or 'words'")
    if not query.strip():
        raise InputError("the query is empty; give the question that examples should be alike to")
