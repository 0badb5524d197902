"""Rows written the fastest way each database has, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa


class RowExistsError(Exception):
    """A key is taken already; the transaction cannot go on."""


COPY_FROM = 50
"""From how many rows on PostgreSQL's COPY is worth its start-up."""


def insert_rows(tx: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all carry the same columns; by COPY on PostgreSQL where there are many.

    Raises:
        RowExistsError: a key is taken already; the transaction cannot go on.
    """
    if not rows:
        return
    if tx.dialect.name == "postgresql" and len(rows) >= COPY_FROM:
        _copy(tx, table, rows)
        return
    try:
        tx.execute(sa.insert(table), list(rows))
    except sa.exc.IntegrityError as error:
        raise RowExistsError(table.name) from error


def _copy(tx: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    import psycopg

    columns = list(rows[0])
    binders = [table.c[name].type.dialect_impl(tx.dialect).bind_processor(tx.dialect) for name in columns]
    names = ", ".join(f'"{name}"' for name in columns)
    try:
        with (
            tx.connection.driver_connection.cursor() as cursor,  # type: ignore[union-attr]
            cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy,
        ):
            for row in rows:
                copy.write_row(
                    [bind(row[name]) if bind else row[name] for name, bind in zip(columns, binders, strict=True)]
                )
    except psycopg.errors.IntegrityError as error:
        raise RowExistsError(table.name) from error
