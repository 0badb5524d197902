"""The library of golden examples: what people corrected, found again when a new question is like it."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from hitl_core.domain.clock import Clock, SystemClock
from hitl_core.domain.errors import ModelUnavailableError
from hitl_core.domain.records import FewShot, GoldenExample, Item, Passage, Review
from hitl_core.golden import shelf
from hitl_core.golden.finder import Finder
from hitl_core.golden.index import Vectors
from hitl_core.golden.models import Catalogues, EmbedderFactory
from hitl_core.golden.prompt import Message, build_messages
from hitl_core.golden.teaching import Teacher
from hitl_core.golden.words import words_of
from hitl_core.store import golden as rows
from hitl_core.store.engine import Store

Method = Literal["auto", "words"]
Status = Literal["active", "retired"]
Examples = list[GoldenExample]
Shots = list[FewShot]
Ids = list[str]
Messages = list[Message]


class GoldenLibrary:
    """Add, find and retire golden examples; `loop.golden`.

    Finding by meaning needs the embedding model in memory, which takes seconds the first time. A page that may
    not wait calls `warm_in_background()` once and asks with `method="words"` until `ready`.

    Args:
        store: the database.
        make_embedder: called once, on first need; None finds everything by words.
        index_dir: where the index is kept between runs; None keeps it in memory only.
        clock: the time written into rows.
        actor: who does it, for the events.
        diversity_weight: 1 ranks by similarity alone; less prefers examples that differ (MMR's lambda).
    """

    def __init__(
        self,
        store: Store,
        make_embedder: EmbedderFactory | None = None,
        index_dir: Path | None = None,
        *,
        clock: Clock | None = None,
        actor: str = "system",
        diversity_weight: float = 0.7,
    ) -> None:
        self._store = store
        self._clock = clock or SystemClock()
        self._actor = actor
        self._catalogues = Catalogues(make_embedder, index_dir)
        self._finder = Finder(store, self._catalogues, diversity_weight=diversity_weight)
        self._teacher = Teacher(store, self._catalogues, self._finder)

    @property
    def ready(self) -> bool:
        """Whether a question is embedded at once instead of after loading the model."""
        return self._catalogues.ready

    @property
    def problem(self) -> str:
        """Why examples are found by words only; empty if all is well or nobody has asked yet."""
        return self._catalogues.problem

    def acting_as(self, actor: str) -> GoldenLibrary:
        """Return the same library, writing under another name."""
        other = copy.copy(self)
        other._actor = actor
        return other

    def add(
        self,
        query: str,
        output: str,
        *,
        context: Sequence[Passage | str] = (),
        domain: str | None = None,
        project: str = "default",
        model_output: str | None = None,
        reasons: Sequence[str] = (),
        reviewer: str | None = None,
    ) -> GoldenExample:
        """Add an example by hand; return it, or the one that says the same. InputError for an empty or unclean text."""
        example = shelf.checked_example(
            project=project,
            query=query,
            context=tuple(context),
            output=output,
            model_output=model_output,
            domain=domain,
            reviewer=self._actor if reviewer is None else reviewer,
            reasons=tuple(reasons),
            created_at=self._clock.now(),
        )
        with self._store.write() as tx:
            kept = self._put(tx, [example])
            return rows.load_many(tx, kept)[kept[0]]

    def add_many(self, examples: Sequence[GoldenExample]) -> Ids:
        """Add examples in one transaction; return for each the id that stands for it."""
        with self._store.write() as tx:
            return self._put(tx, examples)

    def record(self, tx: sa.Connection, item: Item, review: Review, *, item_key: str | None = None) -> str | None:
        """Make an example of an accepted edit or an exemplary approval, inside the review's transaction.

        Returns:
            The id of the example that stands for it, or None when the review teaches nothing.
        """
        example = shelf.example_of_review(item, review, at=self._clock.now())
        return self._put(tx, [example], item_key=item_key)[0] if example else None

    def retire(self, golden_id: str, reason: str = "") -> None:
        """Take an example, and the near-duplicates it stands for, out of use; NotFoundError if there is none."""
        with self._store.write() as tx:
            shelf.retire(tx, golden_id, reason=reason, at=self._clock.now(), actor=self._actor)
            self._finder.expect_change()

    def retire_for_review(self, tx: sa.Connection, review_id: str, reason: str = "review undone") -> Ids:
        """Take out what a review taught, inside the transaction that undoes the review.

        Where other reviews taught the same, the oldest of them stands in for it.

        Returns:
            The ids that were retired.
        """
        self._finder.expect_change()
        return shelf.retire_for_review(tx, review_id, reason=reason, at=self._clock.now(), actor=self._actor)

    def list(
        self,
        *,
        project: str | None = None,
        domain: str | None = None,
        status: Status | None = "active",
        limit: int = 100,
        before: str | None = None,
    ) -> Examples:
        """Return examples, newest first; `status=None` includes retired ones, `before` continues after an id."""
        with self._store.read() as tx:
            return rows.listing(tx, project=project, domain=domain, status=status, limit=limit, before=before)

    def count(self, *, project: str | None = None, status: Status = "active") -> int:
        """Return how many examples there are."""
        with self._store.read() as tx:
            return rows.count(tx, project=project, status=status)

    def iterate(self, *, project: str | None = None, status: Status | None = "active") -> Iterator[GoldenExample]:
        """Yield every example, newest first, a thousand rows in memory at a time."""
        before = None
        while page := self.list(project=project, status=status, limit=1_000, before=before):
            yield from page
            before = page[-1].id

    def search(self, text: str, *, project: str | None = None, domain: str | None = None, limit: int = 20) -> Shots:
        """Find examples for a person: those that contain the words, then those alike in meaning.

        An example that contains every word comes first; its similarity is 1 where its meaning was not compared.
        """
        words = sorted(words_of(text), key=len, reverse=True)[:8]
        with self._store.read() as tx:
            literal = rows.listing(tx, project=project, domain=domain, containing=words, limit=limit) if words else []
        alike = self.few_shot(text, limit, project=project, domain=domain, diversity_weight=1.0)
        known = {shot.example.id: shot for shot in alike}
        found = {one.id: known.get(one.id) or FewShot(example=one, similarity=1.0, method="words") for one in literal}
        return list((found | known).values())[:limit]

    def few_shot(
        self,
        query: str,
        k: int = 4,
        *,
        domain: str | None = None,
        project: str | None = None,
        min_similarity: float | None = None,
        exclude_item: str | None = None,
        method: Method = "auto",
        vector: Vectors | None = None,
        fetch: int | None = None,
        diversity_weight: float | None = None,
    ) -> Shots:
        """Return the examples that teach most about a question, most similar first.

        Of the nearest `fetch` examples, k are chosen by maximal marginal relevance. Examples that wait for their
        embedding are found by their words; without an embedding model all are, and `FewShot.method` says so.
        A change by another process is seen a quarter of a second after its commit.

        Args:
            query: the question.
            k: how many at most.
            domain: only this domain.
            project: only this project.
            min_similarity: leave out what is less alike (cosine, or likeness by words).
            exclude_item: id of the item the question comes from; what it taught is left out.
            method: `auto`, or `words` for never waiting for the model.
            vector: the question's embedding, shape (dimension,), if the caller has it.
            fetch: candidates to choose from; by default max(4k, 32).
            diversity_weight: instead of the library's.

        Raises:
            InputError: the query is empty or not well-formed, or k is negative.
        """
        return self._finder.find(
            query,
            k,
            project=project,
            domain=domain,
            min_similarity=min_similarity,
            exclude_item=exclude_item,
            method=method,
            vector=vector,
            fetch=fetch,
            diversity_weight=diversity_weight,
        )

    def messages(
        self,
        query: str,
        k: int = 4,
        *,
        instructions: str | None = None,
        context: Sequence[Passage] | None = None,
        max_tokens: int = 2000,
        **filters: Any,
    ) -> Messages:
        """Return OpenAI chat messages: instructions, examples with the closest last, the question.

        Args:
            query: the question.
            k: how many examples at most.
            instructions: the system message.
            context: passages for the question; examples then show theirs.
            max_tokens: budget (one token for three bytes of UTF-8, 4 a message); examples that do not fit
                are left out whole, the least similar first.
            filters: as for `few_shot`.

        Raises:
            InputError: the question with instructions and context alone is over the budget.
        """
        shots = self.few_shot(query, k, **filters)
        return build_messages(query, shots, instructions=instructions, context=context, max_tokens=max_tokens)

    def catch_up(self) -> int:
        """Read now what other processes changed; return how many changes were new."""
        return self._finder.catch_up()

    def warm(self) -> None:
        """Load the embedding model, the index and the newest rows now; tries again where the model failed before.

        Raises:
            ModelUnavailableError: the model cannot be used.
        """
        self._catalogues.embedder(retry=True).warm()
        self._finder.catch_up(self._catalogues.meaning())
        self._finder.preload()

    def warm_in_background(self) -> threading.Thread:
        """Start `warm` in a daemon thread; `ready` and `problem` tell how it went."""
        thread = threading.Thread(target=self._warm_quietly, name="warm-embedder", daemon=True)
        thread.start()
        return thread

    def embed_pending(self, limit: int = 256) -> int:
        """Embed up to `limit` examples that wait for it, oldest first, and merge near-duplicates; the worker's job.

        Returns:
            How many were embedded; 0 when nothing waits.

        Raises:
            ModelUnavailableError: the model cannot be used.
        """
        return self._teacher.embed(limit, clock=self._clock, actor=self._actor)

    def close(self) -> None:
        """Keep the index for the next start if this process embedded examples."""
        self._teacher.save()

    def _put(self, tx: sa.Connection, examples: Sequence[GoldenExample], *, item_key: str | None = None) -> Ids:
        self._finder.expect_change()
        return shelf.put(tx, examples, at=self._clock.now(), actor=self._actor, item_key=item_key)

    def _warm_quietly(self) -> None:
        try:
            self.warm()
        except ModelUnavailableError as error:
            self._catalogues.give_up(error)
