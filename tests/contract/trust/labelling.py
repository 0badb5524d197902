"""Outputs with labels; these are written in one go, since the queue has tests of its own."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from hitl_core import Loop, Review
from hitl_core.domain.ids import new_id
from hitl_core.store import reviews, tables


def submit_and_review(
    loop: Loop, name: str, count: int, *, wrong: Collection[int] = (), unanswered: int = 0, **fields: Any
) -> None:
    """Submit outputs with confidences from .55 to .94, which all go to a person, and review them."""
    rows = []
    for number in range(count):
        row = {"id": f"{name}-{number}", "query": f"{name} question {number}", "output": "an answer"}
        rows.append(row | {"confidence": round(0.55 + 0.39 * number / count, 4)} | fields)
    assert not loop.submit_many(rows).errors
    review(loop, {f"{name}-{number}" for number in wrong}, [f"{name}-{number}" for number in range(unanswered, count)])


def review(loop: Loop, bad: Collection[str], item_ids: Collection[str]) -> None:
    """Let ana answer the tasks of these items."""
    tasks, items = tables.tasks, tables.items
    query = sa.select(tasks, items.c.id).join(items, tasks.c.item_key == items.c.key).where(items.c.id.in_(item_ids))
    with loop.store.write() as tx:
        for task in tx.execute(query).all():
            verdict, reasons = ("reject", ("unsafe",)) if task.id in bad else ("approve", ())
            given = Review(id=new_id(), reviewer="ana", verdict=verdict, reasons=reasons, created_at=loop.clock.now())
            reviews.insert(tx, given, task, origin="design", inclusion_probability=1.0)
