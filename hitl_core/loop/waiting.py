"""Waiting for outcomes without asking the database all the time.

One thread per process watches for everybody: on PostgreSQL it listens for NOTIFY, on SQLite it makes one
indexed query for all that wait, after pauses that grow from 20 ms to half a second. A decision made in this
process wakes its waiters at once. The thread ends when nobody waits.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TypeVar

from hitl_core.domain.errors import StoreError
from hitl_core.store import events
from hitl_core.store.engine import Store

FIRST_PAUSE = 0.02
LONGEST_PAUSE = 0.5
SAFETY_POLL = 5.0
QUIET_SECONDS = 0.25
_log = logging.getLogger(__name__)
Wake = Callable[[], None]
T = TypeVar("T")


class OutcomeWatcher:
    """Wakes those who wait for an item when its outcome may have changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._waiting: dict[str, list[Wake]] = {}
        self._changed = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, item_key: str, wake: Wake) -> Iterator[None]:
        """Call `wake` (from another thread) whenever the item's outcome may have changed."""
        with self._lock:
            self._waiting.setdefault(item_key, []).append(wake)
            self._changed.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="hitl-outcomes", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                wakes = self._waiting.get(item_key, [])
                if wake in wakes:
                    wakes.remove(wake)
                if not wakes:
                    self._waiting.pop(item_key, None)
                self._changed.set()

    def poke(self, item_key: str) -> None:
        """Wake whoever waits for an item in this process."""
        with self._lock:
            wakes = list(self._waiting.get(item_key, ()))
        for wake in wakes:
            wake()

    def close(self) -> None:
        """Let the watching thread end; whoever still waits runs into their own timeout."""
        with self._lock:
            self._waiting.clear()
            self._changed.set()
            thread = self._thread
        if thread is not None:
            thread.join(4 * QUIET_SECONDS)

    def _watch(self) -> None:
        while self._anybody():
            try:
                self._poll() if self._store.is_sqlite else self._listen()
            except StoreError as error:
                if not self._waiting:
                    continue
                _log.warning("waiting for outcomes: %s", error)
                self._changed.clear()
                self._changed.wait(LONGEST_PAUSE)

    def _anybody(self) -> bool:
        with self._lock:
            if not self._waiting:
                self._thread = None
            return bool(self._waiting)

    def _poll(self) -> None:
        pause = FIRST_PAUSE
        while self._waiting:
            self._poke_reviewed()
            self._changed.clear()
            pause = FIRST_PAUSE if self._changed.wait(pause) else min(pause * 1.5, LONGEST_PAUSE)

    def _poke_reviewed(self) -> None:
        for key in events.reviewed(self._store, tuple(self._waiting)):
            self.poke(key)

    def _listen(self) -> None:
        looked_at = -SAFETY_POLL
        with closing(events.listen(self._store, quiet_seconds=QUIET_SECONDS)) as announced:
            for key in announced:
                if not self._waiting:
                    return
                if key is not None:
                    self.poke(key)
                elif time.monotonic() - looked_at >= SAFETY_POLL:
                    looked_at = time.monotonic()
                    self._poke_reviewed()


def wait_until(watcher: OutcomeWatcher, item_key: str, look: Callable[[], T | None], timeout: float) -> T | None:
    """Block until `look` finds something; None at the timeout (seconds)."""
    deadline = time.monotonic() + timeout
    woken = threading.Event()
    found = look()
    if found is not None or timeout <= 0:
        return found
    with watcher.watching(item_key, woken.set):
        while (left := deadline - time.monotonic()) > 0:
            woken.clear()
            found = look()
            if found is not None:
                return found
            woken.wait(left)
    return look()


async def wait_until_async(
    watcher: OutcomeWatcher, item_key: str, look: Callable[[], T | None], timeout: float
) -> T | None:
    """Await until `look` (run in a thread) finds something; None at the timeout (seconds)."""
    found = await asyncio.to_thread(look)
    if found is not None or timeout <= 0:
        return found
    running, woken = asyncio.get_running_loop(), asyncio.Event()
    deadline = time.monotonic() + timeout
    with watcher.watching(item_key, lambda: _set_soon(running, woken)):
        while (left := deadline - time.monotonic()) > 0:
            woken.clear()
            found = await asyncio.to_thread(look)
            if found is not None:
                return found
            try:
                await asyncio.wait_for(woken.wait(), left)
            except TimeoutError:
                break
    return await asyncio.to_thread(look)


def _set_soon(running: asyncio.AbstractEventLoop, woken: asyncio.Event) -> None:
    if not running.is_closed():
        running.call_soon_threadsafe(woken.set)
