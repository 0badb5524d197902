"""Open a file of rows, whatever its format; every reader streams, so that memory does not grow with the file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hitl_core.domain.errors import InputError, did_you_mean
from hitl_core.integrations.lines import numbered_lines, refuse_other_encodings
from hitl_core.integrations.rows import Row, SourceFile

MAX_ARRAY_BYTES = 64 * 1024 * 1024
FORMATS = ("jsonl", "csv", "parquet", "json")
_SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".json": "json",
}


def open_source(path: Path, format_name: str | None = None) -> SourceFile:
    """Open a file for reading rows; nothing but its head is read yet.

    Args:
        path: a JSONL, CSV, TSV, Parquet or JSON file.
        format_name: one of `FORMATS`; by default the file's ending decides.

    Raises:
        InputError: the file is missing, unreadable, or in no known format.
    """
    chosen = format_name or format_of(path)
    if chosen not in FORMATS:
        raise InputError(f"unknown format {chosen!r}{did_you_mean(chosen, FORMATS)}; known: {', '.join(FORMATS)}")
    if path.is_dir():
        raise InputError(f"{path} is a folder; give one file")
    openers: dict[str, Callable[[Path], SourceFile]] = {"jsonl": _open_jsonl, "json": _open_json}
    try:
        if chosen == "csv":
            from hitl_core.integrations.delimited import open_csv

            return open_csv(path)
        if chosen == "parquet":
            from hitl_core.integrations.columnar import open_parquet

            return open_parquet(path)
        return openers[chosen](path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None


def format_of(path: Path) -> str:
    """Return the format that a file's ending names.

    Raises:
        InputError: the ending is not a known one.
    """
    found = _SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise InputError(
            f"{path.name}: cannot tell the format from the ending {path.suffix!r}; "
            f"known: {', '.join(sorted(_SUFFIXES))}, or say --format {'|'.join(FORMATS)}"
        )
    return found


def parse_json(text: str) -> tuple[Any, str]:
    """Return the parsed value and "", or None and why the text cannot be parsed; never raises."""
    try:
        return json.loads(text), ""
    except json.JSONDecodeError as error:
        return None, f"is not JSON: {error.msg[0].lower() + error.msg[1:]} at character {error.pos}"
    except RecursionError:
        return None, "is nested too deeply to be read; flatten it"
    except ValueError as error:
        return None, f"is not usable JSON: {error}"


def _open_jsonl(path: Path) -> SourceFile:
    refuse_other_encodings(path)
    return SourceFile(path=path, columns=None, total=path.stat().st_size, rows=lambda: _jsonl_rows(path))


def _jsonl_rows(path: Path) -> Iterator[Row]:
    for line in numbered_lines(path):
        if line.problem:
            yield Row(line.number, None, line.text, line.problem, line.position)
        elif line.text.strip():
            yield _json_row(line.number, line.text, line.position)


def _json_row(number: int, text: str, position: int) -> Row:
    value, problem = parse_json(text)
    if not problem and not isinstance(value, dict):
        problem = f'is a JSON {_kind(value)}; expected an object such as {{"query": "…", "output": "…"}}'
    return Row(number, None if problem else value, text, problem, position)


def _open_json(path: Path) -> SourceFile:
    size = path.stat().st_size
    if size > MAX_ARRAY_BYTES:
        raise InputError(
            f"{path} is {size / 1e6:.0f} MB; a JSON array is read whole, up to {MAX_ARRAY_BYTES // 2**20} MiB: "
            "write one object per line (.jsonl) and it streams"
        )
    refuse_other_encodings(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not valid UTF-8 at byte {error.start}; save it as UTF-8") from None
    value, problem = parse_json(text)
    if problem:
        raise InputError(f"{path} {problem}; for one object per line use the ending .jsonl or --format jsonl")
    if not isinstance(value, list):
        raise InputError(f"{path} holds a JSON {_kind(value)}; expected an array of objects")
    return SourceFile(path=path, columns=None, total=len(value), rows=lambda: _array_rows(value))


def _array_rows(values: list[Any]) -> Iterator[Row]:
    for number, value in enumerate(values, 1):
        if isinstance(value, dict):
            yield Row(number, value, position=number)
        else:
            yield Row(number, None, repr(value)[:1000], f"is a JSON {_kind(value)}; expected an object", number)


def _kind(value: Any) -> str:
    kinds = {list: "array", dict: "object", str: "string", bool: "boolean", int: "number", float: "number"}
    return kinds.get(type(value), "null")
