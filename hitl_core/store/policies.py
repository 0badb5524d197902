"""Published policies: append-only, the highest version is live."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from hitl_core.store.tables import policies, secrets

_LOCK = 0x48495402
MOST_VERSIONS = 2**31 - 1
_VERSION = sa.select(sa.func.max(policies.c.version))


class PublishedPolicy(NamedTuple):
    """A policy version as it was published."""

    version: int
    name: str
    digest: str
    body: dict[str, Any]
    author: str
    reason: str
    created_at: datetime


def live_version(tx: sa.Connection) -> int | None:
    """Return the live version's number, None where nothing was published."""
    return tx.execute(_VERSION).scalar()


def load(tx: sa.Connection, version: int) -> PublishedPolicy | None:
    """Return one version, None where there is none of that number."""
    if not 0 < version <= MOST_VERSIONS:
        return None
    row = tx.execute(sa.select(policies).where(policies.c.version == version)).first()
    return _from_row(row) if row else None


def history(tx: sa.Connection) -> list[PublishedPolicy]:
    """Return all versions, newest first."""
    return [_from_row(row) for row in tx.execute(sa.select(policies).order_by(policies.c.version.desc()))]


def publish(
    tx: sa.Connection, *, name: str, digest: str, body: dict[str, Any], author: str, reason: str, at: datetime
) -> int:
    """Append a version and return its number."""
    lock(tx)
    version = (live_version(tx) or 0) + 1
    row = {"version": version, "name": name, "digest": digest, "body": orjson.dumps(body).decode()}
    tx.execute(sa.insert(policies), row | {"author": author, "reason": reason, "created_at": at})
    return version


def lock(tx: sa.Connection) -> None:
    """Let one transaction at a time publish, until it ends."""
    if tx.dialect.name == "postgresql":
        tx.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def secret(tx: sa.Connection, name: str) -> str | None:
    """Return one of the database's own secrets."""
    return tx.execute(sa.select(secrets.c.value).where(secrets.c.name == name)).scalar()


def set_secret(tx: sa.Connection, name: str, value: str) -> None:
    """Store one of the database's own secrets, once."""
    tx.execute(sa.insert(secrets), {"name": name, "value": value})


def _from_row(row: Any) -> PublishedPolicy:
    values = dict(row._mapping)
    return PublishedPolicy(**values | {"body": orjson.loads(row.body)})
