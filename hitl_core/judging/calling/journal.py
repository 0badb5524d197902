"""Ledger and cache, written in short transactions off the event loop, for many calls at once.

A database has one writer at a time and a durable commit takes milliseconds, so calls that end together share a
commit: what comes in while one is under way goes into the next. Nobody gets a reply before its rows are durable.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, NamedTuple, TypeVar

from hitl_core.domain.clock import Clock
from hitl_core.store.engine import Store
from hitl_core.store.judging import cache, ledger
from hitl_core.store.judging.cache import Kept
from hitl_core.store.judging.ledger import Call

MOST_AT_ONCE = 256
Given = TypeVar("Given")
Got = TypeVar("Got")


class Entry(NamedTuple):
    """What one attempt leaves behind: its ledger row, and the reply if there is one to keep."""

    call: Call
    kept: Kept | None = None


class Grouped(Generic[Given, Got]):
    """Runs `work` on one thread for whatever has been given meanwhile; usable from any number of event loops.

    A call that is cancelled while it waits has still given its part.
    """

    def __init__(self, work: Callable[[Sequence[Given]], Sequence[Got]], name: str) -> None:
        self._work = work
        self._waiting: list[tuple[Given, Future[Got]]] = []
        self._lock = threading.Lock()
        self._busy = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    def give(self, part: Given) -> Future[Got]:
        """Hand over one part and return at once."""
        future: Future[Got] = Future()
        with self._lock:
            self._waiting.append((part, future))
            if not self._busy:
                self._busy = True
                self._thread.submit(self._run)
        return future

    async def __call__(self, part: Given) -> Got:
        """Hand over one part and wait for what `work` made of it."""
        return await asyncio.shield(asyncio.wrap_future(self.give(part)))

    def close(self) -> None:
        """Finish what was given and stop the thread."""
        self._thread.shutdown(wait=True)

    def _run(self) -> None:
        while True:
            with self._lock:
                batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
                if not batch:
                    self._busy = False
                    return
            try:
                results = self._work([part for part, _ in batch])
            except Exception as error:  # noqa: BLE001 - whoever waits gets it, whatever it is
                for _, future in batch:
                    future.set_exception(error)
            else:
                for (_, future), result in zip(batch, results, strict=True):
                    future.set_result(result)


class Journal:
    """Where attempts and paid replies are written down, and looked up.

    Raises, from every method: StoreError when the database cannot be used.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock
        self._writer: Grouped[Entry, None] = Grouped(self._write, "model-ledger")
        self._reader: Grouped[str, str | None] = Grouped(self._find, "model-cache")

    async def save(self, entry: Entry) -> None:
        """Write one entry and return when it is durable."""
        await self._writer(entry)

    def save_soon(self, entry: Entry) -> None:
        """Hand an entry over without waiting, for a call that was cancelled; `close` waits for it."""
        self._writer.give(entry)

    async def find(self, request_key: str) -> str | None:
        """Return the reply kept for a request, as JSON, or None."""
        return await self._reader(request_key)

    def close(self) -> None:
        """Write what is left."""
        self._reader.close()
        self._writer.close()

    def _write(self, entries: Sequence[Entry]) -> Sequence[None]:
        with self.store.write() as tx:
            now = self.clock.now()
            ledger.insert(tx, [entry.call for entry in entries], at=now)
            cache.insert(tx, [entry.kept for entry in entries if entry.kept is not None], at=now)
        return [None] * len(entries)

    def _find(self, keys: Sequence[str]) -> Sequence[str | None]:
        with self.store.read() as tx:
            found = cache.find(tx, keys)
        return [found.get(key) for key in keys]
