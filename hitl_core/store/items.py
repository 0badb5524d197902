"""Items as they were submitted; never changed afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from hitl_core.domain.records import Item
from hitl_core.domain.text import require_clean_names
from hitl_core.store.tables import items

_INSERT = {
    "sqlite": sqlite.insert(items).on_conflict_do_nothing(index_elements=["project", "id"]).returning(items.c.key),
    "postgresql": postgresql.insert(items)
    .on_conflict_do_nothing(index_elements=["project", "id"])
    .returning(items.c.key),
}
_BY_ID = sa.select(items.c.key, items.c.digest).where(
    items.c.project == sa.bindparam("project"), items.c.id == sa.bindparam("id")
)


class Stored(NamedTuple):
    """What tells whether a submission was seen before."""

    key: str
    digest: str


def item_row(item: Item, *, key: str, submitted_at: datetime) -> dict[str, Any]:
    """Return the row for an item; `created_at` falls back to the time of submission."""
    created_at = item.created_at or submitted_at
    body = item.model_dump_json(exclude_none=True)
    return {
        "key": key,
        "project": item.project,
        "id": item.id,
        "digest": content_digest(body),
        "body": body,
        "query_digest": query_digest(item.query),
        "subject": item.subject,
        "domain": item.domain,
        "label": item.label,
        "model": item.model,
        "created_at": created_at,
        "submitted_at": submitted_at,
    }


def content_digest(body: str) -> str:
    """Return the SHA-256 of an item's JSON but for its time, with keys in order: equal content, equal digest."""
    content = orjson.loads(body)
    content.pop("created_at", None)
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def query_digest(query: str) -> str:
    """Return a short digest of a question without case and spacing, to find the same question again."""
    return hashlib.sha256(" ".join(query.casefold().split()).encode()).hexdigest()[:32]


def insert(tx: sa.Connection, row: dict[str, Any]) -> bool:
    """Insert an item; False where its project and id exist already."""
    return tx.execute(_INSERT[tx.dialect.name], row).first() is not None


def keep_others_out(tx: sa.Connection) -> None:
    """Let nobody else add items until the transaction ends; SQLite's single writer needs no lock."""
    if tx.dialect.name == "postgresql":
        tx.execute(sa.text("LOCK TABLE items IN SHARE ROW EXCLUSIVE MODE"))


def lock(tx: sa.Connection, key: str) -> None:
    """Let nobody else settle an item until the transaction ends; rows that refer to it may still be written."""
    tx.execute(sa.select(items.c.key).where(items.c.key == key).with_for_update(key_share=True))


def find(tx: sa.Connection, project: str, item_id: str) -> Stored | None:
    """Return the stored key and digest of an item."""
    row = tx.execute(_BY_ID, {"project": project, "id": item_id}).first()
    return Stored(row.key, row.digest) if row else None


def find_many(tx: sa.Connection, ids: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Stored]:
    """Return which of the (project, id) pairs are stored."""
    found: dict[tuple[str, str], Stored] = {}
    by_project: dict[str, list[str]] = {}
    for project, item_id in ids:
        by_project.setdefault(project, []).append(item_id)
    for project, wanted in by_project.items():
        for start in range(0, len(wanted), 500):
            query = sa.select(items.c.id, items.c.key, items.c.digest).where(
                items.c.project == project, items.c.id.in_(wanted[start : start + 500])
            )
            found |= {(project, row.id): Stored(row.key, row.digest) for row in tx.execute(query)}
    return found


def keys_of(tx: sa.Connection, item_id: str, project: str | None = None) -> list[tuple[str, str]]:
    """Return (key, project) of every item with that id, in one project or in all."""
    require_clean_names(item_id=item_id, project=project)
    query = sa.select(items.c.key, items.c.project).where(items.c.id == item_id)
    if project is not None:
        query = query.where(items.c.project == project)
    return [(row.key, row.project) for row in tx.execute(query)]


def load(tx: sa.Connection, key: str) -> Item:
    """Return an item as it was submitted."""
    return Item.model_validate_json(tx.execute(sa.select(items.c.body).where(items.c.key == key)).scalar_one())


def load_many(tx: sa.Connection, keys: Sequence[str]) -> dict[str, Item]:
    """Return items by key."""
    query = sa.select(items.c.key, items.c.body).where(items.c.key.in_(keys))
    return {row.key: Item.model_validate_json(row.body) for row in tx.execute(query)}


def related(tx: sa.Connection, item: Item, *, limit: int = 5) -> list[str]:
    """Return keys of the newest other items on the same subject or with the same question."""
    same = items.c.query_digest == query_digest(item.query)
    if item.subject:
        same = sa.or_(same, items.c.subject == item.subject)
    query = sa.select(items.c.key).where(items.c.project == item.project, items.c.id != item.id, same)
    return list(tx.execute(query.order_by(items.c.submitted_at.desc()).limit(limit)).scalars())
