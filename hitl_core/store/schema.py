"""The database's version: created when new, refused with one line when it does not fit."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from hitl_core.domain.errors import SchemaError
from hitl_core.store.engine import Store
from hitl_core.store.judging import tables as _judging  # noqa: F401 - registers its tables
from hitl_core.store.tables import metadata
from hitl_core.store.trust import tables as _trust  # noqa: F401 - registers its tables

HEAD = "0002"
_LOCK = 0x48495401


def prepare(store: Store) -> None:
    """Make a new database ready, or check that an existing one fits this version.

    Raises:
        SchemaError: the database was written by an older version (run `hitl db upgrade`) or a newer one.
    """
    found = current(store)
    if found == HEAD:
        return
    if found is None:
        upgrade(store)
        return
    if found in revisions() or found < HEAD:
        raise SchemaError(f"{store.address} has schema {found}, this version needs {HEAD}; run: hitl db upgrade")
    raise SchemaError(
        f"{store.address} has schema {found}, which is newer than this version's {HEAD}; upgrade the program"
    )


def current(store: Store) -> str | None:
    """Return the schema revision in the database, or None where there is none."""
    with store.read() as tx:
        return _current(tx)


def upgrade(store: Store) -> tuple[str | None, str]:
    """Run the missing migrations, one process at a time; return the revision before and after.

    Raises:
        SchemaError: no migration leads here from what is in the database; nothing was changed.
    """
    with store.write() as tx:
        if not store.is_sqlite:
            tx.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        before = _current(tx)
        if before is None and (taken := sorted(set(metadata.tables) & set(sa.inspect(tx).get_table_names()))):
            raise SchemaError(
                f"{store.address} has the table {taken[0]!r} but no schema version, so it is another program's or "
                "damaged; use an empty database, or restore this one from a backup"
            )
        if before is not None and before not in revisions():
            raise SchemaError(f"{store.address} has schema {before}, from which no migration leads to {HEAD}")
        if before != HEAD:
            _run_migrations(tx)
    return before, HEAD


def revisions() -> list[str]:
    """Return the revisions this version knows."""
    return sorted(path.stem.split("_")[0] for path in (_folder() / "versions").glob("[0-9]*.py"))


def _current(tx: sa.Connection) -> str | None:
    if not sa.inspect(tx).has_table("alembic_version"):
        return None
    return tx.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _run_migrations(tx: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    config.attributes["connection"] = tx
    command.upgrade(config, "head")


def _folder() -> Path:
    return Path(__file__).parent / "migrations"
