"""Rows written the fastest way each database has, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa


class RowExistsError(Exception):
    """A key is taken already; the transaction cannot go on."""


COPY_FROM = 50
"""From how many rows on PostgreSQL's COPY is worth its start-up."""


def insert_rows(tx: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all carry the same columns; by COPY on PostgreSQL where there are many.

    SQLite's driver gets the rows directly: SQLAlchemy's own executemany costs as much again as the inserts.

    Raises:
        RowExistsError: a key is taken already; the transaction cannot go on.
    """
    if not rows:
        return
    if tx.dialect.name == "postgresql" and len(rows) >= COPY_FROM:
        _copy(tx, table, rows)
        return
    try:
        if tx.dialect.name == "sqlite":
            tx.exec_driver_sql(_insert(rows[0], table), list(_bound(tx, table, rows)))
        else:
            tx.execute(sa.insert(table), list(rows))
    except sa.exc.IntegrityError as error:
        raise RowExistsError(table.name) from error


def _copy(tx: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    import psycopg

    try:
        with (
            tx.connection.driver_connection.cursor() as cursor,  # type: ignore[union-attr]
            cursor.copy(f'COPY "{table.name}" ({_names(rows[0])}) FROM STDIN') as copy,
        ):
            for values in _bound(tx, table, rows):
                copy.write_row(values)
    except psycopg.errors.IntegrityError as error:
        raise RowExistsError(table.name) from error


def _bound(tx: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Any, ...]]:
    """Yield each row's values as the driver takes them."""
    binders: list[tuple[str, Callable[[Any], Any] | None]] = [
        (name, table.c[name].type.dialect_impl(tx.dialect).bind_processor(tx.dialect)) for name in rows[0]
    ]
    for row in rows:
        yield tuple([row[name] if bind is None else bind(row[name]) for name, bind in binders])


def _insert(row: Mapping[str, Any], table: sa.Table) -> str:
    return f'INSERT INTO "{table.name}" ({_names(row)}) VALUES ({", ".join("?" * len(row))})'  # noqa: S608 - our names


def _names(row: Mapping[str, Any]) -> str:
    return ", ".join(f'"{name}"' for name in row)
