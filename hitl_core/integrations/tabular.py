"""Import a file of rows: good rows land in batches, each refused row is written down with its line and the reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from hitl_core.domain.errors import InputError
from hitl_core.domain.records import Item
from hitl_core.integrations.mapping import FIELDS, ColumnMap, ItemBuilder, look_up, resolve
from hitl_core.integrations.rows import Row, SourceFile

SHOWN_REASONS = 5
_PEEKED_ROWS = 1000
_BATCH_CHARACTERS = 32 * 1024 * 1024


class Submitted(NamedTuple):
    """What became of a batch: a route for each accepted item, (index, reason) for each refused one.

    `repeated` counts the accepted items that had been there before.
    """

    routes: Sequence[str] = ()
    errors: Sequence[tuple[int, str]] = ()
    repeated: int = 0


Submit = Callable[[Sequence[Item]], Submitted]
"""Stores (or only checks) a batch of items."""


@dataclass
class ImportReport:
    """What an import did; `repeated` of the accepted rows had been there before.

    `first_reasons` are the first few refusals as (line, reason).
    """

    read: int = 0
    accepted: int = 0
    repeated: int = 0
    rejected: int = 0
    routes: Counter[str] = field(default_factory=Counter)
    dropped_passage_keys: Counter[str] = field(default_factory=Counter)
    first_reasons: list[tuple[int, str]] = field(default_factory=list)


class RejectedRows:
    """The side file of refused rows, one JSON object `{line, reason, row}` each; made at the first refusal.

    `path` None writes nothing. With `replace`, a side file of an earlier run is removed when nothing is refused now.
    """

    def __init__(self, path: Path | None, *, replace: bool = False) -> None:
        self.path = path
        self._replace = replace
        self._handle: Any = None

    def __enter__(self) -> RejectedRows:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            self._handle.close()
        elif self.path is not None and self._replace and kind is None:
            self.path.unlink(missing_ok=True)

    def add(self, row: Row, reason: str) -> None:
        """Write one refused row.

        Raises:
            InputError: the side file cannot be written.
        """
        if self.path is None:
            return
        try:
            if self._handle is None:
                self._handle = self.path.open("w", encoding="utf-8")
            self._handle.write(_rejected_json(row, reason) + "\n")
        except OSError as error:
            raise InputError(f"{self.path} cannot be written: {error.strerror}; say where with --rejected") from None


def plan_columns(
    source: SourceFile, mapped: Mapping[str, str], constants: Mapping[str, str], *, rest: bool
) -> ColumnMap:
    """Settle which column becomes which field; where the format does not list columns, the first rows do.

    Where no row of the head can be read, nothing can be checked and every field maps itself.

    Raises:
        InputError: see `mapping.resolve`.
    """
    head = next(_batches(source.rows(), _PEEKED_ROWS), []) if source.columns is None or _dotted(mapped) else []
    readable = [row.values for row in head if row.values is not None]
    columns = source.columns or tuple(dict.fromkeys(name for values in readable for name in values))
    if not columns:
        columns = tuple(dict.fromkeys([*FIELDS, *mapped.values()]))
    paths = [path for path in _dotted(mapped) if any(look_up(values, path) is not None for values in readable)]
    return resolve(mapped, constants, columns, rest=rest, known_paths=paths, complete=source.columns is not None)


def import_rows(
    source: SourceFile,
    columns: ColumnMap,
    submit: Submit,
    rejected: RejectedRows,
    *,
    batch: int = 1000,
    on_progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Read, map and submit every row; at most one batch is in memory.

    Args:
        source: the opened file.
        columns: the settled mapping.
        submit: stores a batch; see `Submit`.
        rejected: takes the refused rows.
        batch: rows per transaction.
        on_progress: called after each batch with the position in the file.
    """
    report = ImportReport()
    builder = ItemBuilder(columns, empty_is_missing=source.empty_is_missing)
    report.dropped_passage_keys = builder.dropped

    def refuse(row: Row, reason: str) -> None:
        report.rejected += 1
        if len(report.first_reasons) < SHOWN_REASONS:
            report.first_reasons.append((row.line, reason))
        rejected.add(row, reason)

    for rows in _batches(source.rows(), batch):
        report.read += len(rows)
        kept, items = _built(rows, builder, refuse)
        result = submit(items) if items else Submitted()
        for index, reason in result.errors:
            refuse(kept[index], reason)
        report.routes.update(result.routes)
        report.repeated += result.repeated
        report.accepted = report.read - report.rejected
        if on_progress is not None:
            on_progress(rows[-1].position)
    return report


def _built(
    rows: Sequence[Row], builder: ItemBuilder, refuse: Callable[[Row, str], None]
) -> tuple[list[Row], list[Item]]:
    kept: list[Row] = []
    items: list[Item] = []
    for row in rows:
        if row.values is None:
            refuse(row, row.problem)
            continue
        try:
            items.append(builder.build(row.values))
            kept.append(row)
        except InputError as error:
            refuse(row, str(error))
    return kept, items


def _batches(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    """Group rows by number, and earlier when they are large, so that big rows do not add up."""
    group: list[Row] = []
    weight = 0
    for row in rows:
        group.append(row)
        weight += len(row.raw)
        if len(group) >= size or weight > _BATCH_CHARACTERS:
            yield group
            group, weight = [], 0
    if group:
        yield group


def _dotted(mapped: Mapping[str, str]) -> list[str]:
    return [path for path in mapped.values() if "." in path]


def _rejected_json(row: Row, reason: str) -> str:
    shown: Any = row.raw if row.values is None else row.values
    try:
        return json.dumps({"line": row.line, "reason": reason, "row": shown}, allow_nan=False, default=str)
    except (ValueError, RecursionError):
        return json.dumps({"line": row.line, "reason": reason, "row": row.raw or repr(shown)})
