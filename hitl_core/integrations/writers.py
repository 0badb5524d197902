"""Write rows to JSONL, CSV or Parquet; a file appears whole or not at all."""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, TextIO

from hitl_core.domain.errors import InputError
from hitl_core.integrations.readers import format_of

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class RowWriter(Protocol):
    """Takes rows of one shape and ends with `close`."""

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a row."""
        ...

    def close(self) -> None:
        """Write what is buffered and end the file."""
        ...


def write_rows(target: Path | None, rows: Iterable[Mapping[str, Any]], columns: Mapping[str, type]) -> int:
    """Write rows to a file, whose ending decides the format, or as JSONL to standard output; return how many.

    Nested values stay nested in JSONL and are JSON text in CSV and Parquet. A text cell of a CSV that a
    spreadsheet would run as a formula gets a leading apostrophe.

    Args:
        target: where to; None is standard output.
        rows: mappings with the columns' names.
        columns: name to type (str, float, int, bool; dict and list are nested).

    Raises:
        InputError: the ending names no known format, or the file cannot be written.
    """
    if target is None:
        return _drain(_JsonRows(sys.stdout), rows)
    kind = format_of(target)
    if kind == "json":
        raise InputError(f"{target.name}: export writes .jsonl, .csv or .parquet")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}") from None
    unfinished = Path(name)
    try:
        count = _drain(_writer(kind, unfinished, target, columns), rows)
        unfinished.chmod(0o666 & ~_umask())
        unfinished.replace(target)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def neutralised(cell: Any) -> Any:
    """Return the cell with a leading apostrophe if it is text that a spreadsheet would run as a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell


def _writer(kind: str, path: Path, target: Path, columns: Mapping[str, type]) -> RowWriter:
    if kind == "jsonl":
        return _JsonRows(path.open("w", encoding="utf-8", newline="\n"))
    if kind == "csv":
        return _CsvRows(path, columns, "\t" if target.suffix.lower() == ".tsv" else ",")
    from hitl_core.integrations.columnar import ParquetRows

    flat = {name: str if kind in (dict, list) else kind for name, kind in columns.items()}
    return _Flattened(ParquetRows(path, flat))


def _drain(writer: RowWriter, rows: Iterable[Mapping[str, Any]]) -> int:
    count = 0
    try:
        for row in rows:
            writer.write(row)
            count += 1
    finally:
        writer.close()
    return count


class _JsonRows:
    def __init__(self, handle: TextIO) -> None:
        self._handle = handle

    def write(self, row: Mapping[str, Any]) -> None:
        self._handle.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")

    def close(self) -> None:
        if self._handle is sys.stdout:
            self._handle.flush()
        else:
            self._handle.close()


class _CsvRows:
    def __init__(self, path: Path, columns: Mapping[str, type], delimiter: str) -> None:
        self._handle = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._handle, delimiter=delimiter)
        self._columns = tuple(columns)
        self._writer.writerow(self._columns)

    def write(self, row: Mapping[str, Any]) -> None:
        self._writer.writerow([neutralised(_flat(row.get(name))) for name in self._columns])

    def close(self) -> None:
        self._handle.close()


class _Flattened:
    def __init__(self, inner: RowWriter) -> None:
        self._inner = inner

    def write(self, row: Mapping[str, Any]) -> None:
        self._inner.write({name: _flat(value) for name, value in row.items()})

    def close(self) -> None:
        self._inner.close()


def _flat(value: Any) -> Any:
    """Return nested values as JSON text, so that our own import reads them back."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list, tuple)) else value


def _umask() -> int:
    """Read the process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
