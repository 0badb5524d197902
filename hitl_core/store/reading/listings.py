"""Rows for files: each listing pages by key, so that memory does not grow with the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from hitl_core.store.tables import decisions, golden, items, policies, reviews

PAGE_ROWS = 1000


@dataclass(frozen=True)
class Listing:
    """A kind of export: its columns with their types (dict and list are nested) and how its rows are made."""

    columns: Mapping[str, type]
    query: sa.Select[Any]
    key: sa.Column[Any]
    project: sa.Column[Any]
    created_at: sa.Column[Any]
    row: Callable[[Any], dict[str, Any]]


def listing_rows(
    tx: sa.Connection, listing: Listing, *, project: str | None = None, since: datetime | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a listing in the order of their keys, which is the order they were written in.

    Args:
        tx: an open transaction.
        listing: one of `LISTINGS`.
        project: only this project's rows.
        since: only rows made at or after this time.
    """
    query = listing.query
    if project is not None:
        query = query.where(listing.project == project)
    if since is not None:
        query = query.where(listing.created_at >= since)
    query = query.order_by(listing.key).limit(PAGE_ROWS)
    last: str | None = None
    while True:
        page = tx.execute(query if last is None else query.where(listing.key > last)).all()
        for found in page:
            yield listing.row(found)
        if len(page) < PAGE_ROWS:
            return
        last = str(page[-1][0])


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _review(row: Any) -> dict[str, Any]:
    body = orjson.loads(row.body)
    values = {name: getattr(row, name) for name in _REVIEW_COLUMNS if name in row._fields}
    return values | {
        "query": body["query"],
        "model_output": body["output"],
        "reasons": orjson.loads(row.reasons),
        "created_at": _time(row.created_at),
    }


def _decision(row: Any) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _DECISION_COLUMNS}
    return values | {
        "reasons": orjson.loads(row.reasons),
        "due_at": _time(row.due_at),
        "created_at": _time(row.created_at),
    }


def _golden(row: Any) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _GOLDEN_COLUMNS}
    return values | {
        "context": orjson.loads(row.context),
        "reasons": orjson.loads(row.reasons),
        "created_at": _time(row.created_at),
        "retired_at": _time(row.retired_at),
    }


def _item(row: Any) -> dict[str, Any]:
    body = orjson.loads(row.body)
    values = {name: body.get(name) for name in _ITEM_COLUMNS}
    return values | {"created_at": _time(row.created_at), "submitted_at": _time(row.submitted_at)}


_REVIEW_COLUMNS: dict[str, type] = {
    "id": str,
    "kind": str,
    "supersedes": str,
    "item_id": str,
    "project": str,
    "stage": str,
    "reviewer": str,
    "verdict": str,
    "query": str,
    "model_output": str,
    "output": str,
    "label": str,
    "reasons": list,
    "comment": str,
    "exemplary": bool,
    "active_seconds": float,
    "origin": str,
    "inclusion_probability": float,
    "created_at": str,
}
_DECISION_COLUMNS: dict[str, type] = {
    "id": str,
    "item_id": str,
    "project": str,
    "seq": int,
    "supersedes": str,
    "route": str,
    "reasons": list,
    "raw_confidence": float,
    "confidence": float,
    "policy": str,
    "policy_version": int,
    "priority": float,
    "priority_class": str,
    "expertise": str,
    "due_at": str,
    "audited": bool,
    "inclusion_probability": float,
    "origin": str,
    "created_at": str,
}
_GOLDEN_COLUMNS: dict[str, type] = {
    "id": str,
    "project": str,
    "query": str,
    "context": list,
    "output": str,
    "model_output": str,
    "domain": str,
    "item_id": str,
    "review_id": str,
    "reviewer": str,
    "reasons": list,
    "status": str,
    "retired_reason": str,
    "merged_into": str,
    "created_at": str,
    "retired_at": str,
}
_ITEM_COLUMNS: dict[str, type] = {
    "id": str,
    "project": str,
    "query": str,
    "context": list,
    "output": str,
    "confidence": float,
    "label": str,
    "inputs": dict,
    "subject": str,
    "domain": str,
    "impact": float,
    "amount": float,
    "requires_compliance": bool,
    "alternatives": list,
    "explanation": dict,
    "model": str,
    "few_shot_ids": list,
    "metadata": dict,
    "created_at": str,
    "submitted_at": str,
}
_review_columns = [column for column in reviews.c if column.name not in ("key", "item_key", "task_key")]
_decision_columns = [column for column in decisions.c if column.name not in ("key", "item_key")]

LISTINGS = {
    "reviews": Listing(
        _REVIEW_COLUMNS,
        sa.select(
            reviews.c.key.label("id"), items.c.id.label("item_id"), items.c.project, items.c.body, *_review_columns
        ).join_from(reviews, items, reviews.c.item_key == items.c.key),
        reviews.c.key,
        items.c.project,
        reviews.c.created_at,
        _review,
    ),
    "decisions": Listing(
        _DECISION_COLUMNS,
        sa.select(
            decisions.c.key.label("id"),
            items.c.id.label("item_id"),
            items.c.project,
            policies.c.name.label("policy"),
            *_decision_columns,
        )
        .join_from(decisions, items, decisions.c.item_key == items.c.key)
        .outerjoin(policies, policies.c.version == decisions.c.policy_version),
        decisions.c.key,
        items.c.project,
        decisions.c.created_at,
        _decision,
    ),
    "golden": Listing(_GOLDEN_COLUMNS, sa.select(golden), golden.c.id, golden.c.project, golden.c.created_at, _golden),
    "items": Listing(_ITEM_COLUMNS, sa.select(items), items.c.key, items.c.project, items.c.submitted_at, _item),
}
