"""Vectors of golden examples, and the log that tells every process's index what changed.

The log's `seq` is the watermark of the indexes. A PostgreSQL sequence hands out numbers before the commit, so
a reader could pass a number that becomes visible later; `lock` makes the writers of the log take turns, and with
that the order of `seq` is the order of commits. SQLite has one writer anyway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from hitl_core.store.rows import insert_rows
from hitl_core.store.tables import golden, golden_log, golden_vectors

_LOCK = sa.text("SELECT pg_advisory_xact_lock(1212765260)")
_HEAD = sa.select(sa.func.max(golden_log.c.seq))
_CHANGES = (
    sa.select(golden_log.c.seq, golden.c.id, golden.c.project, golden.c.domain, golden.c.query, golden.c.status)
    .join(golden, golden.c.id == golden_log.c.golden_id)
    .where(golden_log.c.seq > sa.bindparam("after"))
    .order_by(golden_log.c.seq)
    .limit(sa.bindparam("limit"))
)
_KEY = ["golden_id", "fingerprint"]
_INSERT = {
    "sqlite": sqlite.insert(golden_vectors).on_conflict_do_nothing(index_elements=_KEY),
    "postgresql": postgresql.insert(golden_vectors).on_conflict_do_nothing(index_elements=_KEY),
}
_IN_CHUNK = 500


class Change(NamedTuple):
    """A log row with the present state of the example it speaks of."""

    seq: int
    golden_id: str
    project: str
    domain: str | None
    query: str
    status: str


class Unembedded(NamedTuple):
    """An active example without a vector of some model."""

    golden_id: str
    project: str
    domain: str | None
    query: str


def lock(tx: sa.Connection) -> None:
    """Take turns with other writers of golden rows until the end of the transaction."""
    if tx.dialect.name == "postgresql":
        tx.execute(_LOCK)


def announce(tx: sa.Connection, ids: Sequence[str], op: str) -> None:
    """Append to the log, after `lock`."""
    insert_rows(tx, golden_log, [{"golden_id": golden_id, "op": op} for golden_id in ids])


def log_head(tx: sa.Connection) -> int:
    """Return the last `seq`, 0 for an empty log."""
    return int(tx.execute(_HEAD).scalar() or 0)


def log_anchor(tx: sa.Connection, seq: int) -> str:
    """Return the golden id at a `seq`, empty if there is none."""
    found = tx.execute(sa.select(golden_log.c.golden_id).where(golden_log.c.seq == seq)).scalar()
    return str(found or "")


def changes(tx: sa.Connection, *, after: int, limit: int) -> list[Change]:
    """Return log rows behind a watermark, in order."""
    return [Change(*row) for row in tx.execute(_CHANGES, {"after": after, "limit": limit})]


def vectors(tx: sa.Connection, ids: Sequence[str], fingerprint: str) -> dict[str, bytes]:
    """Return {id: float32 bytes} for those examples that have a vector of that model."""
    found: dict[str, bytes] = {}
    for start in range(0, len(ids), _IN_CHUNK):
        query = sa.select(golden_vectors.c.golden_id, golden_vectors.c.vector).where(
            golden_vectors.c.golden_id.in_(ids[start : start + _IN_CHUNK]), golden_vectors.c.fingerprint == fingerprint
        )
        found |= {row.golden_id: row.vector for row in tx.execute(query)}
    return found


def unembedded(tx: sa.Connection, fingerprint: str | None, *, limit: int, newest: bool = False) -> list[Unembedded]:
    """Return active examples without a vector of that model, oldest first; without a model, all active ones.

    Args:
        tx: an open transaction.
        fingerprint: the model, or None.
        limit: how many at most.
        newest: choose the newest ones instead of the oldest; still returned oldest first.
    """
    query = sa.select(golden.c.id, golden.c.project, golden.c.domain, golden.c.query).where(golden.c.status == "active")
    if fingerprint is not None:
        has_vector = sa.exists().where(
            golden_vectors.c.golden_id == golden.c.id, golden_vectors.c.fingerprint == fingerprint
        )
        query = query.where(~has_vector)
    rows = tx.execute(query.order_by(golden.c.id.desc() if newest else golden.c.id).limit(limit)).all()
    return [Unembedded(*row) for row in (reversed(rows) if newest else rows)]


def add_vectors(
    tx: sa.Connection, found: Mapping[str, bytes], *, fingerprint: str, dimension: int, at: datetime
) -> None:
    """Store vectors (little-endian float32) of one model; one that exists already stays."""
    if not found:
        return
    lock(tx)
    rows = [
        {"golden_id": key, "fingerprint": fingerprint, "dimension": dimension, "vector": value, "created_at": at}
        for key, value in found.items()
    ]
    tx.execute(_INSERT[tx.dialect.name], rows)
    announce(tx, list(found), "embed")
