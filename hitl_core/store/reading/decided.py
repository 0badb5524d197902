"""Decisions that hold, with the items they are about, as they were recorded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hitl_core.store.engine import Store
from hitl_core.store.tables import decisions, items, policies, to_micros

BATCH = 10_000
_later = decisions.alias("later")
_HOLDS = ~sa.exists().where(_later.c.item_key == decisions.c.item_key, _later.c.seq > decisions.c.seq)
_QUERY = (
    sa.select(
        decisions.c.key,
        decisions.c.item_key,
        items.c.project,
        items.c.id,
        items.c.body,
        sa.type_coerce(decisions.c.created_at, sa.BigInteger).label("at"),
        decisions.c.route,
        decisions.c.reasons,
        decisions.c.raw_confidence,
        decisions.c.confidence,
        decisions.c.policy_version,
        decisions.c.inclusion_probability,
        decisions.c.audited,
        decisions.c.overlap,
        decisions.c.signals,
        decisions.c.calibrator,
        decisions.c.path,
    )
    .join_from(decisions, items, decisions.c.item_key == items.c.key)
    .where(_HOLDS)
    .order_by(decisions.c.key)
)


def decided(
    store: Store, *, since: datetime | None, until: datetime | None, project: str | None
) -> Iterator[list[Any]]:
    """Yield the decisions that hold and were made from `since` on and before `until`, in parts, oldest first.

    Each row has key, item_key, project, id, body (JSON), at (microseconds), route, reasons (JSON), raw_confidence,
    confidence, policy_version, inclusion_probability, audited, overlap, signals (JSON or None), calibrator, path.
    """
    query = _QUERY
    if since is not None:
        query = query.where(sa.type_coerce(decisions.c.created_at, sa.BigInteger) >= to_micros(since))
    if until is not None:
        query = query.where(sa.type_coerce(decisions.c.created_at, sa.BigInteger) < to_micros(until))
    if project is not None:
        query = query.where(items.c.project == project)
    with store.read() as tx:
        for part in tx.execution_options(yield_per=BATCH).execute(query).partitions(BATCH):
            yield list(part)


def versions_of(store: Store) -> list[int]:
    """Return the policy versions that were ever published, rising."""
    with store.read() as tx:
        return list(tx.execute(sa.select(policies.c.version).order_by(policies.c.version)).scalars())
