"""Items like one that people have reviewed: what a page compares a model's or a judge's word with."""

from __future__ import annotations

import sqlalchemy as sa

from hitl_core.domain.records import Item, LabelOrigin
from hitl_core.store.tables import items, reviews


def reviewed_like(tx: sa.Connection, item: Item, *, limit: int) -> list[str]:
    """Return keys of items of the same project, field and model that people reviewed by design, newest review first."""
    same = [items.c.project == item.project, items.c.id != item.id]
    same += [_same(items.c.domain, item.domain), _same(items.c.model, item.model)]
    newest = sa.func.max(reviews.c.created_at)
    query = (
        sa.select(items.c.key)
        .join_from(items, reviews, reviews.c.item_key == items.c.key)
        .where(*same, reviews.c.kind == "review", reviews.c.origin == LabelOrigin.DESIGN.value)
        .group_by(items.c.key)
        .order_by(newest.desc())
        .limit(limit)
    )
    return list(tx.execute(query).scalars())


def _same(column: sa.Column[str], value: str | None) -> sa.ColumnElement[bool]:
    return column.is_(None) if value is None else column == value
