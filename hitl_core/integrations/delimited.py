"""CSV and TSV, one record at a time; a record that is broken is refused and reading goes on."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from hitl_core.domain.errors import InputError
from hitl_core.integrations.lines import numbered_lines, refuse_other_encodings
from hitl_core.integrations.rows import MAX_ROW_BYTES, Row, SourceFile

_DELIMITERS = ",;\t"


class _Feed:
    """Physical lines for `csv.reader`, remembering what the record at hand was read from."""

    def __init__(self, path: Path) -> None:
        self._lines = numbered_lines(path)
        self.first = self.position = 0
        self.texts: list[str] = []
        self.problem = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if not self.texts:
            self.first = line.number
        self.position = line.position
        self.problem = self.problem or line.problem
        self.texts.append(line.text + line.end)
        return line.text + line.end

    def begin_record(self) -> None:
        """Forget the lines of the record before."""
        self.texts.clear()
        self.problem = ""


def open_csv(path: Path) -> SourceFile:
    """Open a CSV or TSV file with a header line; comma, semicolon or tab is told from the header.

    Raises:
        InputError: there is no header, or a column appears twice.
    """
    refuse_other_encodings(path)
    first = next((line for line in numbered_lines(path) if line.text.strip()), None)
    if first is None:
        raise InputError(f"{path} is empty; expected a header line with the names of the columns")
    if first.problem:
        raise InputError(f"{path}: the header line {first.problem}")
    delimiter = "\t" if path.suffix.lower() == ".tsv" else max(_DELIMITERS, key=first.text.count)
    records = _records(path, delimiter)
    header = next(records)
    if header.problem:
        raise InputError(f"{path}: the header line {header.problem}")
    columns = tuple(name.strip() or f"column_{index}" for index, name in enumerate(header.fields, 1))
    if repeated := sorted({name for name in columns if columns.count(name) > 1}):
        raise InputError(f"{path}: the column {repeated[0]!r} appears twice; rename one of them")
    return SourceFile(
        path=path,
        columns=columns,
        total=path.stat().st_size,
        rows=lambda: _rows(path, delimiter, columns),
        empty_is_missing=True,
    )


class _Record:
    """Fields of one record and where it came from."""

    __slots__ = ("fields", "line", "position", "problem", "raw")

    def __init__(self, feed: _Feed, fields: list[str], problem: str) -> None:
        self.fields = fields
        self.line, self.position = feed.first, feed.position
        self.problem = feed.problem or problem
        self.raw = "".join(feed.texts).rstrip("\r\n")


def _records(path: Path, delimiter: str) -> Iterator[_Record]:
    csv.field_size_limit(MAX_ROW_BYTES)
    feed = _Feed(path)
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    while True:
        feed.begin_record()
        try:
            fields, problem = next(reader), ""
        except StopIteration:
            return
        except csv.Error as error:
            fields, problem = [], f"is not valid CSV: {error}"
        if fields or problem or feed.problem:
            yield _Record(feed, fields, problem)


def _rows(path: Path, delimiter: str, columns: tuple[str, ...]) -> Iterator[Row]:
    records = _records(path, delimiter)
    next(records)
    for record in records:
        problem = record.problem
        if not problem and len(record.fields) != len(columns):
            problem = f"has {len(record.fields)} fields, the header has {len(columns)}"
        values = None if problem else dict(zip(columns, record.fields, strict=True))
        yield Row(record.line, values, record.raw, problem, record.position)
