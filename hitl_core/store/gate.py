"""A fair queue in front of SQLite's single writer.

SQLite's busy handler sleeps and retries, so with many writing processes an unlucky one can wait for
seconds. Here a writer first takes an exclusive `flock` on a side file; the kernel hands it on in turn, and
SQLite's own lock is then free. Where the platform has no file locks the gate stands open and SQLite's busy
handler does what it always did.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hitl_core.domain.errors import StoreUnavailableError

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no fcntl
    fcntl = None  # type: ignore[assignment]


class WriterGate:
    """One writer at a time, across threads and processes that share a database file.

    Args:
        path: the side file; None for a database in memory, where only threads compete.
        enabled: False leaves everything to SQLite (for comparison in the bench).
    """

    def __init__(self, path: Path | None, *, enabled: bool = True) -> None:
        self._path = path
        self._enabled = enabled
        self._threads = threading.Lock()
        self._file: int | None = None
        self._pid = os.getpid()

    @property
    def guards_memory(self) -> bool:
        """Whether the database is in memory: one connection, which readers must not share with a writer."""
        return self._path is None

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Hold the gate for the length of a write transaction."""
        if not self._enabled:
            yield
            return
        if self._pid != os.getpid():  # a forked child must not share its parent's lock
            self._threads, self._file, self._pid = threading.Lock(), None, os.getpid()
        with self._threads:
            handle = self._handle()
            if handle is None:
                yield
                return
            fcntl.flock(handle, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(handle, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give the side file back."""
        if self._file is not None and self._pid == os.getpid():
            os.close(self._file)
        self._file = None

    def _handle(self) -> int | None:
        if self._path is None or fcntl is None:
            return None
        if self._file is None:
            try:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except OSError as error:
                raise StoreUnavailableError(
                    f"the file {self._path} beside the database cannot be written: {error.strerror}; "
                    "check that this user may write the database and its folder"
                ) from error
        return self._file
