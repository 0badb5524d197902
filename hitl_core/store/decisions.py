"""Decisions: append-only; the highest `seq` of an item is the one that holds."""

from __future__ import annotations

from typing import Any

import orjson
import sqlalchemy as sa

from hitl_core.domain.records import Decision
from hitl_core.store.judging.tables import from_picos, to_picos
from hitl_core.store.tables import decisions, items

_INSERT = sa.insert(decisions)
_SELECT = sa.select(decisions, items.c.id.label("item_id"), items.c.project).join_from(
    decisions, items, decisions.c.item_key == items.c.key
)


def decision_row(decision: Decision, item_key: str) -> dict[str, Any]:
    """Return the row for a decision."""
    return {
        "key": decision.id,
        "item_key": item_key,
        "seq": decision.seq,
        "supersedes": decision.supersedes,
        "route": decision.route.value,
        "reasons": orjson.dumps(decision.reasons).decode(),
        "raw_confidence": decision.raw_confidence,
        "confidence": decision.confidence,
        "policy_version": decision.policy_version,
        "priority": decision.priority,
        "priority_class": decision.priority_class.value,
        "expertise": decision.expertise,
        "due_at": decision.due_at,
        "audited": decision.audited,
        "inclusion_probability": decision.inclusion_probability,
        "origin": decision.origin.value,
        "created_at": decision.created_at,
        "overlap": decision.overlap,
        "signals": None if decision.signals is None else orjson.dumps(decision.signals).decode(),
        "calibrator": decision.calibrator,
        "path": orjson.dumps(decision.path).decode() if decision.path else None,
        "cost_picos": None if decision.cost_usd is None else to_picos(decision.cost_usd),
    }


def insert(tx: sa.Connection, row: dict[str, Any]) -> None:
    """Append a decision."""
    tx.execute(_INSERT, row)


def latest(tx: sa.Connection, item_key: str) -> Decision:
    """Return the decision that holds for an item."""
    query = _SELECT.where(decisions.c.item_key == item_key).order_by(decisions.c.seq.desc()).limit(1)
    return from_row(tx.execute(query).one())


def load(tx: sa.Connection, key: str) -> Decision:
    """Return one decision."""
    return from_row(tx.execute(_SELECT.where(decisions.c.key == key)).one())


def history(tx: sa.Connection, item_key: str) -> list[Decision]:
    """Return every decision of an item, oldest first."""
    query = _SELECT.where(decisions.c.item_key == item_key).order_by(decisions.c.seq)
    return [from_row(row) for row in tx.execute(query)]


def latest_many(tx: sa.Connection, item_keys: list[str]) -> dict[str, Decision]:
    """Return the decision that holds for each item key."""
    found: dict[str, Decision] = {}
    for start in range(0, len(item_keys), 500):
        chunk = item_keys[start : start + 500]
        query = _SELECT.where(decisions.c.item_key.in_(chunk)).order_by(decisions.c.seq)
        found |= {row.item_key: from_row(row) for row in tx.execute(query)}
    return found


def from_row(row: Any) -> Decision:
    """Return the record for a row that carries the item's id and project beside the decision's columns."""
    values = dict(row._mapping)
    for name in ("key", "item_key"):
        values.pop(name, None)
    picos = values.pop("cost_picos")
    values["reasons"] = tuple(orjson.loads(values["reasons"]))
    values["signals"] = orjson.loads(values["signals"]) if values["signals"] else None
    values["path"] = tuple(orjson.loads(values["path"])) if values["path"] else ()
    return Decision(id=row.key, cost_usd=None if picos is None else from_picos(picos), **values)
