"""From a policy to the cascade that is asked: its models, the certificates that count, and what examples are shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from hitl_core.loop.judges.certifying import newest_state

if TYPE_CHECKING:
    from hitl_core.domain.clock import Clock
    from hitl_core.domain.opinions import JudgeVerdict
    from hitl_core.domain.policy_judging import Judge, Judging
    from hitl_core.domain.records import Item
    from hitl_core.embedding.embedder import Embedder, Vectors
    from hitl_core.golden import GoldenLibrary
    from hitl_core.judging.calling.model_room import ModelRoom
    from hitl_core.judging.chat import ChatModel
    from hitl_core.judging.committee.answering import Answers
    from hitl_core.judging.judge.judge import EquivalenceJudge, LlmJudge
    from hitl_core.judging.opinion import CertificateState, Judges
    from hitl_core.loop.judges.settling import Cascade
    from hitl_core.loop.policy_book import LivePolicy
    from hitl_core.store.engine import Store

MOST_EXAMPLES = 500
REMEMBERED_SECONDS = 2.0


class CascadeMaker:
    """Makes cascades whose models share one budget, one ledger and one cache; loads nothing heavy until it is asked."""

    def __init__(self, store: Store, clock: Clock, golden: GoldenLibrary, embedding_model: str = "") -> None:
        self._store, self._clock, self._golden, self._embedding_model = store, clock, golden, embedding_model
        self._room: ModelRoom | None = None
        self._embedder: Embedder | None = None

    def __call__(self, live: LivePolicy) -> Cascade:
        """Return the cascade of a policy.

        Raises:
            ConfigurationError: a judge cannot be made; the message says which.
        """
        from hitl_core.judging.cascade.building import build_cascade

        judging = live.policy.judging
        certified = Certificates(self._store, self._clock, judging)
        return build_cascade(
            judging,
            lambda name, section: self._judge(name, section, judging),
            certified=certified,
            make_answerer=lambda name, section: self._answerer(name, section, judging),
            encode=self._encode,
            make_comparer=lambda name, section: self._comparer(name, section, judging),
        )

    async def aclose(self) -> None:
        """Close connections, in the event loop that made them."""
        if self._room is not None:
            await self._room.aclose()

    def close(self) -> None:
        """Write what is left of the ledger."""
        if self._room is not None:
            self._room.close()

    def _encode(self, texts: Sequence[str]) -> Vectors:
        from hitl_core.embedding import load_embedder

        self._embedder = self._embedder or load_embedder(self._embedding_model)
        return self._embedder.encode(texts)

    def _answerer(self, name: str, section: Judge, judging: Judging) -> Answers:
        from hitl_core.judging.committee.answerer import ModelAnswerer

        return ModelAnswerer(name, self._model(section, judging), section)

    def _comparer(self, name: str, section: Judge, judging: Judging) -> EquivalenceJudge:
        from hitl_core.judging.judge.judge import EquivalenceJudge

        return EquivalenceJudge(self._model(section, judging), section, name=name)

    def _model(self, section: Judge, judging: Judging) -> ChatModel:
        from hitl_core.judging.calling.model_room import ModelRoom

        self._room = self._room or ModelRoom(self._store, clock=self._clock)
        return self._room.open(section, judging)

    def _judge(self, name: str, section: Judge, judging: Judging) -> Judges:
        from hitl_core.judging.judge.judge import LlmJudge

        model = self._model(section, judging)
        if not section.few_shot:
            return LlmJudge(model, section, name=name)

        def for_project(project: str) -> LlmJudge:
            pool = tuple(islice(self._golden.iterate(project=project), MOST_EXAMPLES))
            return LlmJudge(model, section, name=name, pool=pool)

        return TaughtJudge(name, for_project)


class TaughtJudge:
    """A judge that is shown golden examples: of the item's own project only, as they were when it was first asked."""

    def __init__(self, name: str, for_project: Callable[[str], LlmJudge]) -> None:
        self.name = name
        self.fingerprint = ""
        self._make = for_project
        self._judges: dict[str, LlmJudge] = {}

    async def judge(self, item: Item) -> JudgeVerdict:
        """Return the verdict; it carries the fingerprint of the project's judge."""
        if item.project not in self._judges:
            self._judges[item.project] = self._make(item.project)
        return await self._judges[item.project].judge(item)


class Certificates:
    """Says whether a verdict is covered by a valid certificate, by what is stored; remembered for two seconds."""

    def __init__(self, store: Store, clock: Clock, judging: Judging) -> None:
        self._store, self._clock, self._judging = store, clock, judging
        self._accept_at = {tier.judge: float(tier.accept_at) for tier in judging.tiers}
        self._known: dict[tuple[str, str, str], tuple[float, CertificateState]] = {}

    def __call__(self, verdict: JudgeVerdict) -> CertificateState:
        """Return the state of the certificate of the verdict's judge, fingerprint and project."""
        key = (verdict.project, verdict.judge, verdict.fingerprint)
        seen, state = self._known.get(key, (-REMEMBERED_SECONDS, None))
        if state is None or time.monotonic() - seen >= REMEMBERED_SECONDS:
            accept_at = self._accept_at.get(verdict.judge, 1.0)
            with self._store.read() as tx:
                state = newest_state(tx, verdict, self._judging, accept_at, self._clock.now())
            self._known[key] = (time.monotonic(), state)
        return state
