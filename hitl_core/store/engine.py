"""The one door to the database: transactions on SQLite and PostgreSQL with the same guarantees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.pool import StaticPool

from hitl_core.domain.errors import ConfigurationError, StoreUnavailableError
from hitl_core.store.gate import WriterGate

BUSY_TIMEOUT_SECONDS = 60
_EXAMPLES = "sqlite:///data/local/hitl.db or postgresql+psycopg://user@host/database"


class Store:
    """An engine with two kinds of transactions; functions of the other store modules take them as `tx`.

    A write transaction on SQLite takes the writer gate and BEGIN IMMEDIATE, so that it never fails half-way
    for want of the lock; commits are durable (WAL, synchronous=FULL; PostgreSQL's default).
    """

    def __init__(self, engine: sa.Engine, gate: WriterGate | None) -> None:
        self.engine = engine
        self._writing = engine.execution_options(hitl_write=True)
        self._gate = gate

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite."""
        return self.engine.dialect.name == "sqlite"

    @property
    def address(self) -> str:
        """The database's URL without its password."""
        return self.engine.url.render_as_string(hide_password=True)

    @classmethod
    def connect(cls, url: str, *, fair: bool = True) -> Store:
        """Make a store for a database URL; nothing is opened yet.

        Args:
            url: a SQLAlchemy URL of SQLite or PostgreSQL (psycopg).
            fair: whether SQLite writers queue at the gate.

        Raises:
            ConfigurationError: the URL is malformed, names another database, or its driver is missing.
        """
        try:
            parsed = sa.make_url(url)
        except exc.ArgumentError:
            raise ConfigurationError(f"{url!r} is not a database URL; expected {_EXAMPLES}") from None
        if parsed.get_backend_name() == "sqlite":
            return _connect_sqlite(cls, parsed, fair=fair)
        if parsed.get_backend_name() in ("postgresql", "postgres"):
            return _connect_postgresql(cls, parsed)
        raise ConfigurationError(f"databases are SQLite or PostgreSQL, got {parsed.drivername!r}; expected {_EXAMPLES}")

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Open a read transaction: one consistent snapshot on SQLite, read committed on PostgreSQL."""
        if self._gate is not None and self._gate.guards_memory:
            with self.write() as connection:
                yield connection
            return
        with _translated(self.address), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Open a write transaction; it commits at the end of the block and rolls back on any error."""
        if self._gate is None:
            with _translated(self.address), self.engine.begin() as connection:
                yield connection
            return
        with _translated(self.address), self._gate.passing(), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def translating(self) -> Iterator[None]:
        """Turn 'the database is away' into one clear error around direct use of the engine."""
        with _translated(self.address):
            yield

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()
        if self._gate is not None:
            self._gate.close()


def _connect_sqlite(cls: type[Store], url: sa.URL, *, fair: bool) -> Store:
    in_memory = url.database in (None, "", ":memory:")
    options: dict[str, Any] = {"poolclass": StaticPool} if in_memory else {"pool_size": 5, "max_overflow": 60}
    if not in_memory:
        _make_folder(Path(str(url.database)).parent)
    engine = sa.create_engine(
        url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False}, **options
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    path = None if in_memory else Path(f"{url.database}-gate")
    return cls(engine, WriterGate(path, enabled=fair))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailableError(
            f"the folder {folder} of the database cannot be made: {error.strerror}; choose another with --database"
        ) from error


def _connect_postgresql(cls: type[Store], url: sa.URL) -> Store:
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    try:
        engine = sa.create_engine(
            url, pool_size=5, max_overflow=60, pool_pre_ping=False, connect_args={"connect_timeout": 10}
        )
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"PostgreSQL needs the driver {error.name!r}; install it with: pip install 'hitl-review[postgres]'"
        ) from None
    return cls(engine, None)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Settle each new connection; SQLAlchemy, not sqlite3, decides where transactions begin."""
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    writing = connection.get_execution_options().get("hitl_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@contextmanager
def _translated(address: str) -> Iterator[None]:
    """Turn 'the database is away' into one clear error; mistakes of our own pass through."""
    try:
        yield
    except (exc.IntegrityError, exc.ProgrammingError, exc.DataError):
        raise
    except (exc.DatabaseError, exc.InterfaceError, exc.TimeoutError) as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise StoreUnavailableError(
            f"the database {address} cannot be used: {cause[0] if cause else type(error).__name__}; "
            "check that it runs, is reachable and may be written, then try again"
        ) from error
