"""Verdicts: what judges and committees said, one row per tier that was asked; append-only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.store.judging.tables import verdicts
from hitl_core.store.tables import items

_COLUMNS = ("judge", "kind", "tier", "verdict", "p_correct", "method", "fingerprint", "accepted", "recorded")


def insert(tx: sa.Connection, item_key: str, given: Sequence[JudgeVerdict], *, task_key: str | None = None) -> None:
    """Append verdicts about one item; each must carry its time."""
    if given:
        tx.execute(sa.insert(verdicts), [_row(each, item_key, task_key) for each in given])


def of_items(tx: sa.Connection, item_keys: Sequence[str]) -> dict[str, list[JudgeVerdict]]:
    """Return the verdicts about each item, oldest first; items without one are left out."""
    found: dict[str, list[JudgeVerdict]] = {}
    for start in range(0, len(item_keys), 500):
        query = sa.select(verdicts.c.item_key, verdicts.c.body).where(
            verdicts.c.item_key.in_(item_keys[start : start + 500])
        )
        for row in tx.execute(query.order_by(verdicts.c.created_at, verdicts.c.tier, verdicts.c.key)):
            found.setdefault(row.item_key, []).append(JudgeVerdict.model_validate_json(row.body))
    return found


def recent_probabilities(tx: sa.Connection, fingerprint: str, project: str, *, limit: int) -> list[float | None]:
    """Return the probabilities of the newest verdicts of one fingerprint in a project, None for abstentions."""
    mine = sa.and_(verdicts.c.fingerprint == fingerprint, items.c.project == project)
    query = sa.select(verdicts.c.p_correct).join(items, items.c.key == verdicts.c.item_key).where(mine)
    return list(tx.execute(query.order_by(verdicts.c.created_at.desc()).limit(limit)).scalars())


def newest_fingerprint(tx: sa.Connection, judge: str, project: str) -> str | None:
    """Return the fingerprint of the newest verdict of a judge in a project, None where it has given none."""
    mine = sa.and_(verdicts.c.judge == judge, items.c.project == project)
    query = sa.select(verdicts.c.fingerprint).join(items, items.c.key == verdicts.c.item_key).where(mine)
    found = tx.execute(query.order_by(verdicts.c.created_at.desc(), verdicts.c.key.desc()).limit(1)).scalar()
    return None if found is None else str(found)


def _row(verdict: JudgeVerdict, item_key: str, task_key: str | None) -> dict[str, Any]:
    return {
        "key": verdict.id,
        "item_key": item_key,
        "task_key": task_key,
        "cost_picos": verdict.cost_usd,
        "body": verdict.model_dump_json(),
        "created_at": verdict.created_at,
        **{name: getattr(verdict, name) for name in _COLUMNS},
    }
