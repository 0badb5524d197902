"""Parquet, page by page: memory stays flat however large the row groups are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hitl_core.domain.errors import InputError
from hitl_core.integrations.rows import Row, SourceFile

_BUFFER_BYTES = 1 << 20
_ROWS_AT_ONCE = 500


def open_parquet(path: Path) -> SourceFile:
    """Open a Parquet file.

    Raises:
        InputError: it is not Parquet, or is damaged.
    """
    with path.open("rb"), _translated(path):
        metadata = _parquet_file(path)
        columns = tuple(metadata.schema_arrow.names)
        total = metadata.metadata.num_rows
    return SourceFile(path=path, columns=columns, total=total, rows=lambda: _rows(path))


def _parquet_file(path: Path) -> Any:
    import pyarrow.parquet

    # A small buffer without prefetching reads pages instead of whole row groups (400 MB become 140 MB).
    return pyarrow.parquet.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False)


def _rows(path: Path) -> Iterator[Row]:
    with _translated(path):
        number = 0
        for batch in _parquet_file(path).iter_batches(_ROWS_AT_ONCE, use_threads=False):
            for values in batch.to_pylist():
                number += 1
                yield Row(number, values, position=number)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, UnicodeDecodeError) as error:
        cause = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{path} cannot be read as Parquet: {cause[0]}") from None


class ParquetRows:
    """Writes rows in groups, so that memory does not grow with the file."""

    def __init__(self, path: Path, columns: Mapping[str, type]) -> None:
        import pyarrow
        import pyarrow.parquet

        kinds = {str: pyarrow.string(), float: pyarrow.float64(), int: pyarrow.int64(), bool: pyarrow.bool_()}
        self._schema = pyarrow.schema([(name, kinds[kind]) for name, kind in columns.items()])
        self._writer = pyarrow.parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a row; its values have the types given for the columns, or are None."""
        self._rows.append(dict(row))
        if len(self._rows) >= 10 * _ROWS_AT_ONCE:
            self._flush()

    def close(self) -> None:
        """Write what is buffered and the file's footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow

        if self._rows:
            self._writer.write_table(pyarrow.Table.from_pylist(self._rows, schema=self._schema))
            self._rows.clear()
