"""Chat models as a policy describes them, with everything around them.

    with ModelRoom(store) as room:
        model = room.open(policy.judging.judges["cheap"], policy.judging)
        reply = await model.complete(ChatRequest(...))

From the inside: the adapter, the provider's line (`Limited`), price and ledger row (`Metered`), the budget
(`Budgeted`), retries (`Retrying`), the cache (`Cached`). A slot is given back before rows are written, and the budget
is inside the retries because an attempt that timed out may be charged for.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable
from decimal import Decimal
from types import TracebackType

from hitl_core.domain.clock import Clock, SystemClock
from hitl_core.domain.policy_judging import Judge, Judging
from hitl_core.judging.calling.budget import Budgeted, Purse
from hitl_core.judging.calling.caching import Cached
from hitl_core.judging.calling.journal import Journal
from hitl_core.judging.calling.limits import Limited, ProviderLimits, Sleep
from hitl_core.judging.calling.metering import Metered
from hitl_core.judging.calling.pricing import find_price
from hitl_core.judging.calling.retrying import Retrying
from hitl_core.judging.chat import Capabilities, ChatModel
from hitl_core.judging.client import LiteLLMModel
from hitl_core.store.engine import Store
from hitl_core.store.judging import ledger

Adapter = Callable[[Judge], ChatModel]


def ask_litellm(judge: Judge) -> ChatModel:
    """Return the adapter for a judge of a policy."""
    capabilities = Capabilities(
        logprobs=judge.logprobs, json_schema=judge.json_schema, max_context_tokens=judge.max_context_tokens
    )
    return LiteLLMModel(judge.model, endpoint=judge.api_base, api_key_env=judge.api_key_env, capabilities=capabilities)


class ModelRoom:
    """Opens models that share their provider's line, one budget, one ledger and one cache; one room a process.

    Close it to have everything written; models may be used from any event loop and thread.

    Args:
        store: where ledger and cache are.
        clock: dates the rows and begins the budget's day.
        adapter: makes the innermost model of a judge; a test gives its own.
        chance: draws the waits between retries.
        sleep: how to wait, in the line and between retries.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock | None = None,
        adapter: Adapter = ask_litellm,
        chance: random.Random | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._store, self._clock = store, clock or SystemClock()
        self._adapter, self._chance, self._sleep = adapter, chance, sleep
        self._journal = Journal(store, self._clock)
        self._purse = Purse(self._spent_today, self._clock)
        self._limits: dict[str, ProviderLimits] = {}
        self._adapters: dict[Judge, ChatModel] = {}
        self._lock = threading.Lock()

    def open(self, judge: Judge, judging: Judging) -> ChatModel:
        """Return the model of a judge under the section's limits, budget, prices and deadline.

        A later call with another section changes limits and budget for all models of the room.
        """
        with self._lock:
            adapter = self._adapters.get(judge) or self._adapters.setdefault(judge, self._adapter(judge))
            limits = self._line(adapter.provider, judging)
            self._purse.per_day, self._purse.per_item = judging.budget_usd_per_day, judging.budget_usd_per_item
        price = find_price(judging.prices, adapter.model)
        metered = Metered(Limited(adapter, limits), self._journal, price)
        budgeted = Budgeted(metered, self._purse, price, self._journal)
        retrying = Retrying(budgeted, deadline_seconds=judging.deadline_seconds, chance=self._chance, sleep=self._sleep)
        return Cached(retrying, self._journal)

    async def aclose(self) -> None:
        """Close the connections that were made in the running event loop, before the loop ends."""
        for adapter in self._adapters.values():
            if isinstance(adapter, LiteLLMModel):
                await adapter.aclose()

    def close(self) -> None:
        """Wait until everything is written."""
        self._journal.close()

    def __enter__(self) -> ModelRoom:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _line(self, provider: str, judging: Judging) -> ProviderLimits:
        limits = self._limits.get(provider)
        if limits is None:
            limits = ProviderLimits(judging.concurrency, judging.requests_per_minute, sleep=self._sleep)
            self._limits[provider] = limits
        else:
            limits.adjust(judging.concurrency, judging.requests_per_minute)
        return limits

    def _spent_today(self) -> Decimal:
        with self._store.read() as tx:
            return ledger.spent_on_day(tx, self._clock.now()).cost_usd
