"""The baseline: the same rows into the same tables with nothing but the driver, as durable as the product."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hitl_core.store.tables import to_micros

Row = Mapping[str, Any]
Written = Sequence[tuple[str, Sequence[Row]]]
"""Tables in order, each with its rows; all rows of a table have the same columns."""


class BareSqlite:
    """One sqlite3 connection with the product's pragmas."""

    def __init__(self, url: str) -> None:
        self._connection = sqlite3.connect(str(sa.make_url(url).database), isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536"):
            self._connection.execute(f"PRAGMA {pragma}")

    def insert(self, written: Written) -> None:
        """Insert everything in one transaction, a statement a row."""
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        for table, rows in written:
            statement = _insert(table, rows[0], "?")
            for row in rows:
                run(statement, tuple(row.values()))
        run("COMMIT")

    def insert_batch(self, written: Written) -> None:
        """Insert everything in one transaction by executemany."""
        self._connection.execute("BEGIN IMMEDIATE")
        for table, rows in written:
            self._connection.executemany(_insert(table, rows[0], "?"), [tuple(row.values()) for row in rows])
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class BarePostgres:
    """One psycopg connection; it prepares statements that repeat, as psycopg does by itself."""

    def __init__(self, url: str) -> None:
        import psycopg

        plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection = psycopg.connect(plain)

    def insert(self, written: Written) -> None:
        """Insert everything in one transaction, a statement a row."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            for table, rows in written:
                statement = _insert(table, rows[0], "%s").encode()
                for row in rows:
                    cursor.execute(statement, tuple(row.values()))

    def insert_batch(self, written: Written) -> None:
        """Insert everything in one transaction by COPY."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            for table, rows in written:
                with cursor.copy(f'COPY "{table}" ({_names(rows[0])}) FROM STDIN'.encode()) as copy:
                    for row in rows:
                        copy.write_row(tuple(row.values()))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def connect_bare(url: str) -> BareSqlite | BarePostgres:
    """Return the driver's own connection to a database."""
    return BareSqlite(url) if url.startswith("sqlite") else BarePostgres(url)


def plain(row: Row) -> Row:
    """Return a row as the driver stores it: times are microseconds."""
    return {name: to_micros(each) if isinstance(each, datetime) else each for name, each in row.items()}


def _insert(table: str, row: Row, mark: str) -> str:
    return f'INSERT INTO "{table}" ({_names(row)}) VALUES ({", ".join([mark] * len(row))})'  # noqa: S608


def _names(row: Row) -> str:
    return ", ".join(f'"{name}"' for name in row)
