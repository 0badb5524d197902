"""When judges began to be asked in another way, and calibrators and scorers were fitted anew."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.store.judging.tables import verdicts
from hitl_core.store.tables import items
from hitl_core.store.trust.tables import artefacts


class Asked(NamedTuple):
    """The first verdict of a judge with one model, prompt, rubric and examples."""

    at: datetime
    judge: str
    model: str
    prompt: str


class Fitted(NamedTuple):
    """One version of a calibrator or scorer."""

    at: datetime
    project: str
    kind: str
    name: str
    version: int


def ways_of_asking(tx: sa.Connection, project: str | None = None) -> list[Asked]:
    """Return the first verdict of each fingerprint of each judge, oldest first; verdicts read from files count too."""
    first: sa.Select[Any] = sa.select(sa.func.min(verdicts.c.key).label("key"))
    if project is not None:
        first = first.join(items, items.c.key == verdicts.c.item_key).where(items.c.project == project)
    mine = first.group_by(verdicts.c.judge, verdicts.c.fingerprint).subquery()
    query = sa.select(verdicts.c.body, verdicts.c.created_at).join(mine, mine.c.key == verdicts.c.key)
    rows = tx.execute(query.order_by(verdicts.c.created_at, verdicts.c.key))
    told = [(row.created_at, JudgeVerdict.model_validate_json(row.body)) for row in rows]
    return [Asked(at, verdict.judge, verdict.model, verdict.prompt) for at, verdict in told]


def fits(tx: sa.Connection, project: str | None = None) -> list[Fitted]:
    """Return the calibrators and scorers that were stored, oldest first."""
    columns = (artefacts.c.created_at, artefacts.c.project, artefacts.c.kind, artefacts.c.name, artefacts.c.version)
    query = sa.select(*columns).where(artefacts.c.kind.in_(("calibrator", "scorer")))
    if project is not None:
        query = query.where(artefacts.c.project == project)
    return [Fitted(*row) for row in tx.execute(query.order_by(artefacts.c.created_at, artefacts.c.key))]
