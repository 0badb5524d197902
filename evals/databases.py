"""Empty databases for a measurement: a SQLite file, and a database on a PostgreSQL server with its usual durability."""

from __future__ import annotations

import importlib
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

POSTGRES_URL = "HITL_BENCH_POSTGRES_URL"
BOTH = ("sqlite", "postgresql")


class NoPostgresError(Exception):
    """There is no PostgreSQL to measure on; the message says how to give one."""


class Databases:
    """Makes empty databases below one folder and on one server, which starts with the first that needs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server: Any = None
        self._running: Any = None

    @contextmanager
    def empty(self, kind: str) -> Iterator[str]:
        """Yield the address of an empty database that is removed afterwards.

        Args:
            kind: `sqlite` or `postgresql`.

        Raises:
            NoPostgresError: no server is named and none can be started.
        """
        if kind == "sqlite":
            with tempfile.TemporaryDirectory(dir=self.folder, ignore_cleanup_errors=True) as folder:
                yield f"sqlite:///{folder}/hitl.db"
            return
        named = os.environ.get(POSTGRES_URL)
        if named:
            with _sibling(named) as url:
                yield url
            return
        with self._started().database() as url:
            yield url

    def close(self) -> None:
        """Stop the server if one was started."""
        if self._running is not None:
            self._running.__exit__(None, None, None)
            self._running = self._server = None

    def _started(self) -> Any:
        if self._server is None:
            try:
                postgres = importlib.import_module("tests.services.postgres")
            except ModuleNotFoundError:
                raise NoPostgresError(f"name an empty PostgreSQL database in {POSTGRES_URL}") from None
            binaries = postgres.find_binaries()
            if binaries is None:
                raise NoPostgresError(f"no PostgreSQL on this machine; name a database in {POSTGRES_URL}")
            self._running = postgres.running_server(binaries, durable=True)
            self._server = self._running.__enter__()
        return self._server


@contextmanager
def open_databases() -> Iterator[Databases]:
    """Yield a maker of databases; everything it made is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="hitl-evals-", ignore_cleanup_errors=True) as folder:
        databases = Databases(Path(folder))
        try:
            yield databases
        finally:
            databases.close()


@contextmanager
def _sibling(url: str) -> Iterator[str]:
    """Create a database beside the named one, on the same server."""
    parsed = sa.make_url(url)
    name = f"hitl_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(parsed, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE template0')
    try:
        yield parsed.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        engine.dispose()
