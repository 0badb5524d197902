"""What each attempt cost, written down before anybody gets the reply."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from decimal import Decimal

from hitl_core.domain.errors import (
    BudgetExceededError,
    ModelCallError,
    ModelTimeoutError,
    RateLimitedError,
    RequestRefusedError,
    UnreadableReplyError,
)
from hitl_core.domain.policy_judging import Price
from hitl_core.judging.calling.attempt import Attempt, current_attempt, current_key
from hitl_core.judging.calling.journal import Entry, Journal
from hitl_core.judging.calling.pricing import cost_of
from hitl_core.judging.chat import ChatModel, ChatReply, ChatRequest
from hitl_core.store.judging.cache import Kept
from hitl_core.store.judging.ledger import Call, CallStatus

_STATUS: tuple[tuple[type[ModelCallError], CallStatus], ...] = (
    (ModelTimeoutError, "timeout"),
    (RateLimitedError, "rate_limited"),
    (RequestRefusedError, "refused"),
    (UnreadableReplyError, "unreadable"),
    (BudgetExceededError, "over_budget"),
)


class Metered:
    """A chat model whose attempts are priced and written to the ledger, and whose replies are kept in the cache.

    The ledger row and the kept reply are one transaction, durable before `complete` returns: a process that is
    killed has paid for nothing that it does not find again. What a failed attempt cost is unknown.
    """

    def __init__(
        self, inner: ChatModel, journal: Journal, price: Price | None, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.provider, self.endpoint, self.model = inner.provider, inner.endpoint, inner.model
        self.capabilities = inner.capabilities
        self._inner, self._journal, self._price, self._now = inner, journal, price, now

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer one request; see `ChatModel`.

        Raises:
            StoreError: the attempt could not be written down.
        """
        attempt = current_attempt.get() or Attempt()
        began = self._now()
        try:
            reply = await self._inner.complete(request)
        except ModelCallError as error:
            seconds = self._now() - (attempt.admitted_at or began)
            await self._journal.save(Entry(describe(self, request, status_of(error), error=error, seconds=seconds)))
            raise
        except asyncio.CancelledError:
            if attempt.admitted_at is not None:  # else it was given up in the line, and nobody was asked
                seconds = self._now() - attempt.admitted_at
                self._journal.save_soon(Entry(describe(self, request, "cancelled", seconds=seconds)))
            raise
        reply = reply.model_copy(update={"cost_usd": cost_of(reply.usage, self._price)})
        call = describe(self, request, "ok", reply=reply)
        kept = Kept(call.request_key, self.model, as_asked(self, request), reply.model_dump_json())
        await self._journal.save(Entry(call, kept))
        return reply


def describe(
    model: ChatModel,
    request: ChatRequest,
    status: CallStatus,
    *,
    reply: ChatReply | None = None,
    error: ModelCallError | None = None,
    seconds: float = 0.0,
    cost_usd: Decimal | None = None,
) -> Call:
    """Return the ledger row of an attempt."""
    used = reply.usage if reply is not None else None
    return Call(
        purpose=request.purpose[:32],
        provider=model.provider,
        model=model.model,
        request_key=current_key.get() or request.key(endpoint=model.endpoint, model=model.model),
        attempt=(current_attempt.get() or Attempt()).number,
        status=status,
        error="" if error is None else f"{type(error).__name__}: {error}",
        input_tokens=used.input_tokens if used else 0,
        cached_input_tokens=used.cached_input_tokens if used else 0,
        output_tokens=used.output_tokens if used else 0,
        cost_usd=reply.cost_usd if reply is not None else cost_usd,
        latency_seconds=reply.latency_seconds if reply is not None else seconds,
        item_id=request.item_id,
        project=request.project,
    )


def status_of(error: ModelCallError) -> CallStatus:
    """Return the ledger's word for how an attempt failed."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), "failed")


def as_asked(model: ChatModel, request: ChatRequest) -> str:
    """Return what a key was made from, as JSON: what replay compares a miss with."""
    body = request.model_dump_json(exclude={"timeout_seconds", "purpose", "item_id", "project"})
    return f'{{"endpoint":{json.dumps(model.endpoint)},"model":{json.dumps(model.model)},"request":{body}}}'
