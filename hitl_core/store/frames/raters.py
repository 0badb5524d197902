"""What judges said as facts beside people's reviews, and the names of items that a frame knows by a number only."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from hitl_core.store.engine import Store
from hitl_core.store.frames.facts import Fact
from hitl_core.store.frames.reading import key_from
from hitl_core.store.judging.tables import verdicts
from hitl_core.store.tables import items, reviews

COMMITTEE = "committee"

VERDICTS = Fact(
    "verdicts",
    sa.select(
        verdicts.c.key.label("review"),
        verdicts.c.item_key.label("item"),
        sa.type_coerce(verdicts.c.created_at, sa.BigInteger).label("at"),
        verdicts.c.judge.label("reviewer"),
        verdicts.c.verdict,
        sa.case((verdicts.c.kind == COMMITTEE, verdicts.c.body)).label("body"),
        items.c.project,
        items.c.domain,
    ).join_from(verdicts, items, verdicts.c.item_key == items.c.key),
    verdicts.c.key,
)
"""One row a verdict; `body` holds the members' votes where a committee spoke."""


def reviewed_items(store: Store, keys: Iterable[tuple[int, int]]) -> dict[int, tuple[str, str]]:
    """Return project and id of the items of some reviews, by the low 64 bits of the review's key.

    Args:
        store: the database.
        keys: (milliseconds at which the key was made, its low 64 bits) of each review, as frames keep them. The bits
            between are not known, so each is looked up in the range of its millisecond.
    """
    wanted = [(made_ms, f"{low:016x}") for made_ms, low in keys]
    columns = (reviews.c.key, items.c.project, items.c.id)
    ranges = [
        sa.and_(
            reviews.c.key >= key_from(made_ms),
            reviews.c.key < key_from(made_ms + 1),
            sa.func.substr(reviews.c.key, 17, 16) == low,
        )
        for made_ms, low in wanted
    ]
    if not ranges:
        return {}
    query = sa.select(*columns).join_from(reviews, items, reviews.c.item_key == items.c.key).where(sa.or_(*ranges))
    with store.read() as tx:
        return {int(row.key[16:], 16): (row.project, row.id) for row in tx.execute(query)}
