"""What a reader yields: rows with their place in the file, good or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_ROW_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file.

    `line` is where it starts: the physical line in JSONL and CSV, the row's number from 1 in Parquet and
    JSON arrays. `values` is None when the row could not be read, and `problem` then says why. `raw` is the
    text it was read from, where there is one. `position` is how far the file has been read, in the unit of
    `SourceFile.total`.
    """

    line: int
    values: dict[str, Any] | None
    raw: str = ""
    problem: str = ""
    position: int = 0


@dataclass(frozen=True, slots=True)
class SourceFile:
    """An opened file of rows.

    `columns` is known beforehand where the format says it (CSV, Parquet); None for JSON, where each row has
    its own. `empty_is_missing`: an empty cell means "not given", as in CSV. `total` counts bytes or rows.
    """

    path: Path
    columns: tuple[str, ...] | None
    total: int
    rows: Callable[[], Iterator[Row]]
    empty_is_missing: bool = False
