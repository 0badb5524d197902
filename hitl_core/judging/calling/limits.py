"""How many calls a provider gets at once and a minute: more wait in line, in order, and are never refused."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager

from hitl_core.domain.errors import RateLimitedError
from hitl_core.judging.calling.attempt import current_attempt
from hitl_core.judging.chat import ChatModel, ChatReply, ChatRequest

Sleep = Callable[[float], Awaitable[object]]
LONGEST_PAUSE_SECONDS = 60.0


class ProviderLimits:
    """The line in front of one provider, for all models, event loops and threads of this process.

    The rate is a token bucket with room for one second's worth (at least one call). A provider that says when to come
    back (Retry-After) holds up everybody's next call, a minute at most.

    Args:
        concurrency: calls under way at once.
        requests_per_minute: calls begun a minute; None is no limit.
        sleep: how to wait for the rate.
        now: seconds that never go back.
    """

    def __init__(
        self,
        concurrency: int,
        requests_per_minute: float | None = None,
        *,
        sleep: Sleep = asyncio.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lock = threading.Lock()
        self._line: deque[Future[None]] = deque()
        self._under_way = 0
        self._sleep, self._now = sleep, now
        self._next_at = self._paused_until = 0.0
        self.adjust(concurrency, requests_per_minute)

    def adjust(self, concurrency: int, requests_per_minute: float | None) -> None:
        """Take new limits; calls under way are left alone."""
        with self._lock:
            self._concurrency = concurrency
            self._interval = 60.0 / requests_per_minute if requests_per_minute else 0.0
            self._admit()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait in line for a slot, then for the rate, and hold the slot."""
        await self._enter()
        try:
            while (wait := self._wait_for_rate()) > 0:
                await self._sleep(wait)
            yield
        finally:
            self._leave()

    def pause(self, seconds: float) -> None:
        """Begin no call for some seconds."""
        with self._lock:
            pause = min(seconds, LONGEST_PAUSE_SECONDS)
            self._paused_until = max(self._paused_until, self._now() + pause)

    async def _enter(self) -> None:
        place: Future[None] = Future()
        with self._lock:
            self._line.append(place)
            self._admit()
        if place.done():
            return
        try:
            await asyncio.shield(asyncio.wrap_future(place))
        except asyncio.CancelledError:
            self._give_up(place)
            raise

    def _give_up(self, place: Future[None]) -> None:
        with self._lock:
            if place.done():
                self._under_way -= 1
            else:
                self._line.remove(place)
            self._admit()

    def _leave(self) -> None:
        with self._lock:
            self._under_way -= 1
            self._admit()

    def _admit(self) -> None:
        while self._line and self._under_way < self._concurrency:
            self._under_way += 1
            self._line.popleft().set_result(None)

    def _wait_for_rate(self) -> float:
        """Take the next place in time if it has come and return 0, else return how long to wait."""
        with self._lock:
            now = self._now()
            if now < self._paused_until:
                return self._paused_until - now
            room = max(0.0, 1.0 - self._interval)
            due = max(self._next_at, now - room)
            if due > now:
                return due - now
            self._next_at = due + self._interval
            return 0.0


class Limited:
    """A chat model behind its provider's line."""

    def __init__(self, inner: ChatModel, limits: ProviderLimits, *, now: Callable[[], float] = time.monotonic) -> None:
        self.provider, self.endpoint, self.model = inner.provider, inner.endpoint, inner.model
        self.capabilities = inner.capabilities
        self._inner, self._limits, self._now = inner, limits, now

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer one request; see `ChatModel`."""
        async with self._limits.slot():
            attempt = current_attempt.get()
            if attempt is not None:
                attempt.admitted_at = self._now()
            try:
                return await self._inner.complete(request)
            except RateLimitedError as error:
                if error.retry_after:
                    self._limits.pause(error.retry_after)
                raise
