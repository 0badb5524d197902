"""The index on disk: one file, written whole or not at all, refused when anything about it does not match.

Layout: a magic line, a JSON header line, the entries as JSON, the FAISS index. The header carries schema,
fingerprint, dimension, watermark, anchor, lengths and the SHA-256 of everything after it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hitl_core.domain.errors import InputError
from hitl_core.golden.index import GoldenIndex

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no fcntl
    fcntl = None  # type: ignore[assignment]

MAGIC = b"HITL-GOLDEN\n"
SCHEMA = 1


class StaleIndexError(InputError):
    """The file cannot be used for this model or this program; the index is rebuilt from rows."""


def index_path(folder: Path, fingerprint: str) -> Path:
    """Return where the index of one embedding model lies."""
    return folder / f"golden-{hashlib.sha256(fingerprint.encode()).hexdigest()[:16]}.index"


def save_index(index: GoldenIndex, path: Path) -> bool:
    """Write the index beside the old file, fsync, and rename over it; a kill at any moment leaves a whole file.

    Returns:
        False when another process is writing it at this moment; nothing is lost, the table is the truth.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _only_writer(path.with_suffix(".lock")) as mine:
        if not mine:
            return False
        for leftover in path.parent.glob(f"{path.name}.*.tmp"):
            leftover.unlink(missing_ok=True)
        watermark, anchor = index.watermark, index.anchor
        rows, blob = index.dump()
        entries = json.dumps(rows, ensure_ascii=False).encode()
        header = {
            "schema": SCHEMA,
            "fingerprint": index.fingerprint,
            "dimension": index.dimension,
            "watermark": watermark,
            "anchor": anchor,
            "entries": len(entries),
            "vectors": len(blob),
            "sha256": hashlib.sha256(entries + blob).hexdigest(),
        }
        _write_whole(path, (MAGIC, json.dumps(header).encode() + b"\n", entries, blob))
    return True


def load_index(path: Path, fingerprint: str, dimension: int) -> GoldenIndex:
    """Read an index that belongs to this model.

    Raises:
        StaleIndexError: the file is missing, torn, damaged, or of another model or schema.
    """
    try:
        with path.open("rb") as stream:
            if stream.readline(64) != MAGIC:
                raise StaleIndexError(f"{path} is not an index of this program")
            header = json.loads(stream.readline(8192))
            _check_header(header, path, fingerprint, dimension)
            body = stream.read()
    except OSError as error:
        raise StaleIndexError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise error if isinstance(error, StaleIndexError) else StaleIndexError(f"{path} is damaged") from error
    split = header["entries"]
    if len(body) != split + header["vectors"] or hashlib.sha256(body).hexdigest() != header["sha256"]:
        raise StaleIndexError(f"{path} is damaged: its SHA-256 does not match")
    index = GoldenIndex(fingerprint, dimension)
    index.restore(json.loads(body[:split]), body[split:])
    index.watermark, index.anchor = header["watermark"], header["anchor"]
    return index


def _check_header(header: Any, path: Path, fingerprint: str, dimension: int) -> None:
    expected = {"schema": SCHEMA, "fingerprint": fingerprint, "dimension": dimension}
    for name, value in expected.items():
        if not isinstance(header, dict) or header.get(name) != value:
            given = header.get(name) if isinstance(header, dict) else header
            raise StaleIndexError(f"{path} has {name} {given!r}, expected {value!r}")
    for name, kind in (("watermark", int), ("entries", int), ("vectors", int), ("anchor", str), ("sha256", str)):
        if not isinstance(header.get(name), kind):
            raise StaleIndexError(f"{path} has no {name}")


def _write_whole(path: Path, parts: tuple[bytes, ...]) -> None:
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            for part in parts:
                stream.write(part)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable where the platform can open a folder."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def _only_writer(path: Path) -> Iterator[bool]:
    """Try to be the one process that writes; without file locks the atomic rename alone has to do."""
    if fcntl is None:
        yield True
        return
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(handle)
