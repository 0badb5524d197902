"""Asking again where that helps: after a time-out, too many requests or a failure on the provider's side."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from hitl_core.domain.errors import ModelCallError, RateLimitedError
from hitl_core.judging.calling.attempt import Attempt, current_attempt
from hitl_core.judging.calling.limits import Sleep
from hitl_core.judging.chat import ChatModel, ChatReply, ChatRequest

RETRIES = 2
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 8.0
LEAST_TIMEOUT_SECONDS = 0.05


class Retrying:
    """A chat model that asks again, at most twice.

    The wait is drawn evenly from nothing to a bound that doubles (full jitter; Brooker, "Exponential backoff and
    jitter", 2015), on top of Retry-After where the provider gave it. Time counts from when the first attempt left its
    provider's line: no attempt begins after the deadline, and the last one's time-out is cut to what is left.

    Args:
        inner: the model to ask.
        deadline_seconds: for all attempts together.
        retries: how often to ask again.
        chance: draws the waits.
        sleep: how to wait.
        now: seconds that never go back.
    """

    def __init__(
        self,
        inner: ChatModel,
        *,
        deadline_seconds: float,
        retries: int = RETRIES,
        chance: random.Random | None = None,
        sleep: Sleep = asyncio.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.provider, self.endpoint, self.model = inner.provider, inner.endpoint, inner.model
        self.capabilities = inner.capabilities
        self._inner, self._retries, self._deadline_seconds = inner, retries, deadline_seconds
        self._chance = chance or random.Random()  # noqa: S311 - spreads load, keeps no secret
        self._sleep, self._now = sleep, now

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer one request; see `ChatModel`."""
        attempt, asked_at = Attempt(), self._now()
        seconds = min(request.timeout_seconds, self._deadline_seconds)
        began: float | None = None
        while True:
            try:
                if seconds != request.timeout_seconds:
                    request = request.model_copy(update={"timeout_seconds": seconds})
                reply = await self._ask(request, attempt)
                return reply if attempt.number == 1 else reply.model_copy(update={"attempts": attempt.number})
            except ModelCallError as error:
                now = self._now()
                began = began if began is not None else attempt.admitted_at or asked_at
                wait = self._wait(error, attempt.number)
                left = began + self._deadline_seconds - now - wait
                if not error.retryable or attempt.number > self._retries or left < LEAST_TIMEOUT_SECONDS:
                    raise
                seconds = min(request.timeout_seconds, left)
                await self._sleep(wait)
            attempt = Attempt(attempt.number + 1)

    async def _ask(self, request: ChatRequest, attempt: Attempt) -> ChatReply:
        token = current_attempt.set(attempt)
        try:
            return await self._inner.complete(request)
        finally:
            current_attempt.reset(token)

    def _wait(self, error: ModelCallError, number: int) -> float:
        bound = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (number - 1))
        asked = (error.retry_after or 0.0) if isinstance(error, RateLimitedError) else 0.0
        return asked + self._chance.uniform(0, bound)
