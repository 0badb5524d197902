"""Paid replies are asked for once: what the cache holds costs no slot, no money and no time."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from decimal import Decimal

from hitl_core.judging.calling.attempt import current_key
from hitl_core.judging.calling.journal import Entry, Journal
from hitl_core.judging.calling.metering import describe
from hitl_core.judging.chat import ChatModel, ChatReply, ChatRequest, Usage


class Cached:
    """A chat model that looks a request up before it asks, and asks once where the same request comes twice at a time.

    The key covers endpoint, model, messages, sampling, schema, prompt version and sample index. What is found is
    written to the ledger with no tokens and at cost 0. Replies are kept by `Metered`, together with their price.
    """

    def __init__(self, inner: ChatModel, journal: Journal) -> None:
        self.provider, self.endpoint, self.model = inner.provider, inner.endpoint, inner.model
        self.capabilities = inner.capabilities
        self._inner, self._journal = inner, journal
        self._asking: dict[str, Future[None]] = {}
        self._lock = threading.Lock()

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer one request; see `ChatModel`."""
        key = request.key(endpoint=self.endpoint, model=self.model)
        token = current_key.set(key)
        try:
            return await self._find_or_ask(key, request)
        finally:
            current_key.reset(token)

    async def _find_or_ask(self, key: str, request: ChatRequest) -> ChatReply:
        while (other := self._begin(key)) is not None:
            await asyncio.shield(asyncio.wrap_future(other))
        try:
            kept = await self._journal.find(key)
            if kept is None:
                return await self._inner.complete(request)
        finally:
            self._end(key)
        free = {"cached": True, "cost_usd": Decimal(0), "latency_seconds": 0.0}
        reply = ChatReply.model_validate_json(kept).model_copy(update=free)
        unbilled = reply.model_copy(update={"usage": Usage()})
        await self._journal.save(Entry(describe(self, request, "cached", reply=unbilled)))
        return reply

    def _begin(self, key: str) -> Future[None] | None:
        """Take a key, or return what to wait for while somebody else has it."""
        with self._lock:
            other = self._asking.get(key)
            if other is None:
                self._asking[key] = Future()
            return other

    def _end(self, key: str) -> None:
        with self._lock:
            self._asking.pop(key).set_result(None)
