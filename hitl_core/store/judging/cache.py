"""The cache of paid replies: the request that was made, and what came back, by the key of the request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from hitl_core.store.judging.tables import model_cache

CHUNK = 500


class Kept(NamedTuple):
    """A reply to keep; request and reply are JSON."""

    request_key: str
    model: str
    request: str
    reply: str


def insert(tx: sa.Connection, replies: Sequence[Kept], *, at: datetime) -> None:
    """Keep replies; one that is kept already under its key stays as it is."""
    if replies:
        make = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
        rows = [reply._asdict() | {"created_at": at} for reply in replies]
        tx.execute(make(model_cache).on_conflict_do_nothing(), rows)


def find(tx: sa.Connection, keys: Sequence[str]) -> dict[str, str]:
    """Return the replies kept under these keys, as JSON."""
    found: dict[str, str] = {}
    for start in range(0, len(keys), CHUNK):
        chunk = model_cache.c.request_key.in_(keys[start : start + CHUNK])
        query = sa.select(model_cache.c.request_key, model_cache.c.reply).where(chunk)
        found.update((row.request_key, row.reply) for row in tx.execute(query))
    return found


def every(tx: sa.Connection, *, model: str | None = None) -> Iterator[Kept]:
    """Yield what is kept, by key, of one model or of all: what a cassette is made from."""
    columns = model_cache.c
    query = sa.select(columns.request_key, columns.model, columns.request, columns.reply).order_by(columns.request_key)
    for row in tx.execute(query if model is None else query.where(columns.model == model)):
        yield Kept(*row)


def forget(tx: sa.Connection, *, before: datetime) -> int:
    """Remove what was kept before a moment and return how many replies that were."""
    doomed = sa.delete(model_cache).where(model_cache.c.created_at < before).returning(model_cache.c.request_key)
    return len(tx.execute(doomed).all())
