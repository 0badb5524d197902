"""Artefacts: calibrators, scorers and certificates as frozen JSON; a new fit is a new version."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from hitl_core.domain.ids import new_id
from hitl_core.store.trust.tables import artefacts

KINDS = ("calibrator", "scorer", "judge_certificate", "threshold_certificate")
_COLUMNS = sa.select(artefacts)


class Artefact(NamedTuple):
    """One stored artefact; `body` is what was fitted or certified."""

    key: str
    project: str
    kind: str
    name: str
    version: int
    body: dict[str, Any]
    author: str
    created_at: datetime


def append(
    tx: sa.Connection,
    *,
    project: str,
    kind: str,
    name: str,
    body: dict[str, Any],
    author: str,
    at: datetime,
    key: str | None = None,
) -> Artefact:
    """Store a new version of an artefact, under a new key where none is given; the caller appends the event."""
    mine = sa.and_(artefacts.c.project == project, artefacts.c.kind == kind, artefacts.c.name == name)
    version = (tx.execute(sa.select(sa.func.max(artefacts.c.version)).where(mine)).scalar() or 0) + 1
    stored = Artefact(key or new_id(), project, kind, name, version, body, author, at)
    tx.execute(sa.insert(artefacts), stored._asdict() | {"body": orjson.dumps(body).decode()})
    return stored


def load(tx: sa.Connection, key: str) -> Artefact | None:
    """Return one artefact, None where there is none of that key."""
    row = tx.execute(_COLUMNS.where(artefacts.c.key == key)).first()
    return _record(row) if row else None


def newest(tx: sa.Connection, *, project: str, kind: str, name: str | None = None) -> Artefact | None:
    """Return the newest artefact of a kind (and name), None where there is none."""
    found = listing(tx, project=project, kind=kind, name=name, limit=1)
    return found[0] if found else None


def listing(
    tx: sa.Connection, *, project: str | None = None, kind: str, name: str | None = None, limit: int = 100
) -> list[Artefact]:
    """Return artefacts of a kind, newest first."""
    query = _COLUMNS.where(artefacts.c.kind == kind)
    if project is not None:
        query = query.where(artefacts.c.project == project)
    if name is not None:
        query = query.where(artefacts.c.name == name)
    rows = tx.execute(query.order_by(artefacts.c.created_at.desc(), artefacts.c.key.desc()).limit(limit))
    return [_record(row) for row in rows]


def _record(row: Any) -> Artefact:
    return Artefact(**{**row._mapping, "body": orjson.loads(row.body)})
