"""Frames on disk: a cache of the tables that catches up, and is rebuilt when it does not fit.

Only rows older than `LATE` are kept on disk and in memory for good: a transaction may commit a row some time after its
key was made, so the newest stretch is read again each time. Facts never change, so everything older stays as it is.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hitl_core.store.engine import Store
from hitl_core.store.frames.facts import FACTS, LAYOUT, Fact, packed_types
from hitl_core.store.frames.reading import read_facts

if TYPE_CHECKING:
    import polars as pl

LATE_MS = 10 * 60 * 1000
"""How long after its key was made a row may still appear."""
SAVE_ROWS = 20_000
"""How many new settled rows are worth another file."""
MOST_FILES = 16
GARBAGE_SECONDS = 3600.0
MANIFEST = "manifest.json"
_log = logging.getLogger(__name__)


def folder_beside(store: Store) -> Path:
    """Return where the frames of a database are kept: beside a SQLite file, else in data/local by its address."""
    database = store.engine.url.database
    if store.is_sqlite and database and database != ":memory:":
        return Path(f"{database}-frames")
    return Path("data/local/frames") / hashlib.sha256(store.address.encode()).hexdigest()[:16]


class FrameCache:
    """The frames of facts for one database; give it to one process, share it between threads.

    Args:
        store: the database.
        folder: where the files are kept; made when needed. Deleting it costs one reading of the tables.
        late_ms: see `LATE_MS`.
    """

    def __init__(self, store: Store, folder: Path, *, late_ms: int = LATE_MS) -> None:
        self._store = store
        self._folder = folder
        self._late_ms = late_ms
        self._lock = threading.Lock()
        self._frames: dict[str, KeptFrame] = {}

    def frames(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return (decisions, reviews) with every row that is committed now; in the order they were written."""
        with self._lock:
            decisions, reviews = (self._caught_up(fact) for fact in FACTS)
        return decisions, reviews

    def frame(self, fact: Fact) -> pl.DataFrame:
        """Return another fact's frame in the same way."""
        with self._lock:
            return self._caught_up(fact)

    def _caught_up(self, fact: Fact) -> pl.DataFrame:
        import polars as pl

        kept = self._frames.get(fact.name) or KeptFrame(self._folder / fact.name, fact, identity_of(self._store))
        new = read_facts(self._store, fact, since_ms=kept.settled_ms, whole=kept.settled_ms is None)
        everything = pl.concat([kept.frame, new]) if new.height else kept.frame
        newest = everything["made_ms"][-1] if everything.height else None
        if newest is not None:
            kept.settle(everything, int(newest) - self._late_ms)
        self._frames[fact.name] = kept
        return everything


def identity_of(store: Store) -> str:
    """Return what tells this database from another one at the same address: its first secret's digest."""
    import sqlalchemy as sa

    from hitl_core.store.tables import secrets

    with store.read() as tx:
        first = tx.execute(sa.select(secrets.c.value).order_by(secrets.c.name).limit(1)).scalar()
    return hashlib.sha256(f"{store.address}\0{first}".encode()).hexdigest()[:32]


class KeptFrame:
    """The settled part of one frame: rows made before `settled_ms`, in memory and in files."""

    def __init__(self, folder: Path, fact: Fact, identity: str) -> None:
        import polars as pl

        self._folder = folder
        types = packed_types(fact)
        columns = {name: str(kind) for name, kind in types.items()}
        self._fingerprint = {"layout": LAYOUT, "database": identity, "columns": columns}
        self._files: list[str] = []
        self._saved = 0
        self.settled_ms: int | None = None
        self.frame = pl.DataFrame(schema=types)
        self._load()

    def settle(self, everything: pl.DataFrame, before_ms: int, *, fewest: int | None = None) -> None:
        """Keep the rows made before a time; write a file when enough of them are new, by default `SAVE_ROWS`."""
        if self.settled_ms is not None and before_ms <= self.settled_ms:
            return
        rows = int(everything["made_ms"].search_sorted(before_ms, side="left"))
        self.frame, self.settled_ms = everything.head(rows), before_ms
        if rows - self._saved >= (SAVE_ROWS if fewest is None else fewest):
            try:
                self._save()
            except OSError as error:  # a folder that cannot be written costs time, not answers
                _log.warning("frames are not kept in %s: %s", self._folder, error)

    def _load(self) -> None:
        import polars as pl

        try:
            manifest = json.loads((self._folder / MANIFEST).read_text(encoding="utf-8"))
            if manifest["fingerprint"] != self._fingerprint:
                return
            files = [str(name) for name in manifest["files"]]
            parts = [_mapped(self._folder / name) for name in files]
            if sum(part.height for part in parts) != manifest["rows"]:
                return
        except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
            return  # no cache, or a damaged one: the tables are the truth
        self._files, self._saved = files, int(manifest["rows"])
        self.frame = pl.concat([self.frame, *parts])
        self.settled_ms = int(manifest["settled_ms"])

    def _save(self) -> None:
        """Write what is not in a file yet; a file that no manifest names is garbage and removed later."""
        self._folder.mkdir(parents=True, exist_ok=True)
        merged = len(self._files) >= MOST_FILES
        part = self.frame if merged else self.frame.slice(self._saved)
        name = f"{self.settled_ms}-{os.getpid()}-{threading.get_ident()}.arrow"
        part.write_ipc(self._folder / f"{name}.part")
        os.replace(self._folder / f"{name}.part", self._folder / name)
        files = [name] if merged else [*self._files, name]
        manifest: dict[str, Any] = {"fingerprint": self._fingerprint, "files": files, "rows": self.frame.height}
        manifest["settled_ms"] = self.settled_ms
        temporary = self._folder / f"{MANIFEST}.{os.getpid()}.part"
        temporary.write_text(json.dumps(manifest), encoding="utf-8")
        os.replace(temporary, self._folder / MANIFEST)
        self._files, self._saved = files, self.frame.height
        self._sweep()

    def _sweep(self) -> None:
        """Remove old files that the manifest does not name; whoever still has one open keeps its rows."""
        for file in self._folder.glob("*.arrow*"):
            if file.name not in self._files and time.time() - file.stat().st_mtime > GARBAGE_SECONDS:
                file.unlink(missing_ok=True)


def _mapped(file: Path) -> pl.DataFrame:
    """Return a file's rows without reading them: what no report asks for stays on disk."""
    import polars as pl
    import pyarrow as pa

    with pa.memory_map(str(file)) as source:
        frame = pl.from_arrow(pa.ipc.open_file(source).read_all(), rechunk=False)
    assert isinstance(frame, pl.DataFrame)
    return frame
