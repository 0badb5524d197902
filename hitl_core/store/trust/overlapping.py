"""First opinions beside what several people settled on: how often one reviewer errs."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from itertools import groupby
from operator import attrgetter

import orjson
import sqlalchemy as sa

from hitl_core.domain.labels import COSMETIC, Opinion, is_correct, settle
from hitl_core.domain.records import LabelOrigin, Stage
from hitl_core.store.tables import decisions, items, reviews, tasks

_UNDO = reviews.alias("undo")


def first_and_settled(
    tx: sa.Connection,
    project: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    cosmetic: Collection[str] = COSMETIC,
) -> list[tuple[bool, bool]]:
    """Return (the first opinion says right, what all settled on says right) of each output with several opinions.

    Outputs whose opinions are evenly split and wait for a senior are left out.

    Args:
        tx: an open transaction.
        project: whose outputs.
        since: only decisions made at or after this time.
        until: only decisions made before this time.
        cosmetic: reasons with which an edit still says right.
    """
    found = []
    for _, rows in groupby(tx.execute(_query(project, since, until)), key=attrgetter("item_key")):
        opinions = [Opinion(row.reviewer, row.verdict, tuple(orjson.loads(row.reasons)), row.stage) for row in rows]
        label = settle(opinions, cosmetic)
        first = next((each for each in opinions if each.stage == Stage.HUMAN), None)
        if first is None or label is None or label.contested or len({each.reviewer for each in opinions}) < 2:
            continue
        found.append((is_correct(first.verdict, first.reasons, cosmetic), label.correct))
    return found


def _query(project: str, since: datetime | None, until: datetime | None) -> sa.Select[tuple[str, str, str, str, str]]:
    """Reviews by design that stand, of outputs for which several people were asked, in their order."""
    query = (
        sa.select(reviews.c.item_key, reviews.c.reviewer, reviews.c.verdict, reviews.c.reasons, tasks.c.stage)
        .join_from(reviews, tasks, reviews.c.task_key == tasks.c.key)
        .join(decisions, tasks.c.decision_key == decisions.c.key)
        .join(items, reviews.c.item_key == items.c.key)
        .where(
            items.c.project == project,
            decisions.c.overlap >= 2,
            decisions.c.origin == LabelOrigin.DESIGN.value,
            reviews.c.origin == LabelOrigin.DESIGN.value,
            reviews.c.kind == "review",
            ~sa.exists().where(_UNDO.c.supersedes == reviews.c.key, _UNDO.c.kind == "undo"),
        )
    )
    if since is not None:
        query = query.where(decisions.c.created_at >= since)
    if until is not None:
        query = query.where(decisions.c.created_at < until)
    return query.order_by(reviews.c.item_key, reviews.c.created_at, reviews.c.key)
