"""Golden examples: rows that people stand behind, their lineage and their end.

A row's text never changes; its status does: `active` is what few-shot finds, `merged` is a near-duplicate kept
for its lineage (`merged_into` names the example that stands for it), `retired` is no longer used. Every change
is announced in `golden_log`, which is how the in-memory indexes of all processes learn of it.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from hitl_core.domain.records import GoldenExample, Passage
from hitl_core.domain.text import require_clean_names
from hitl_core.store.golden_vectors import announce, lock
from hitl_core.store.rows import insert_rows
from hitl_core.store.tables import golden

_COLUMNS = [column for column in golden.c if column.name not in ("digest", "item_key", "retired_at")]
_BY_IDS = sa.select(*_COLUMNS).where(golden.c.id.in_(sa.bindparam("ids", expanding=True)))
_IN_CHUNK = 500


class Lineage(NamedTuple):
    """Where a row stands: its id, status, and the example it was merged into."""

    id: str
    status: str
    merged_into: str | None


def digest_of(example: GoldenExample) -> str:
    """Return what near-duplicates share: project, domain, query and output without case, width and spacing."""
    parts = (example.project, example.domain or "", _normal(example.query), _normal(example.output))
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def add(
    tx: sa.Connection, examples: Sequence[GoldenExample], *, at: datetime, item_key: str | None = None
) -> list[str]:
    """Store examples; one whose text is already active is stored as merged into that one.

    Returns:
        For each example the id that stands for it: its own, or that of the older near-duplicate.
    """
    lock(tx)
    digests = [digest_of(example) for example in examples]
    standing = active_digests(tx, digests)
    rows, kept = [], []
    for example, digest in zip(examples, digests, strict=True):
        keeper = standing.get(digest)
        rows.append(_row(example, digest=digest, item_key=item_key, merged_into=keeper, at=at))
        kept.append(standing.setdefault(digest, example.id))
    insert_rows(tx, golden, rows)
    announce(tx, [row["id"] for row in rows if row["merged_into"] is None], "add")
    return kept


def active_digests(tx: sa.Connection, digests: Sequence[str]) -> dict[str, str]:
    """Return {digest: id} of the active examples with those digests."""
    found: dict[str, str] = {}
    unique = list(dict.fromkeys(digests))
    for start in range(0, len(unique), _IN_CHUNK):
        query = sa.select(golden.c.digest, golden.c.id).where(
            golden.c.digest.in_(unique[start : start + _IN_CHUNK]), golden.c.status == "active"
        )
        found |= {row.digest: row.id for row in tx.execute(query)}
    return found


def load_many(tx: sa.Connection, ids: Sequence[str]) -> dict[str, GoldenExample]:
    """Return examples by id, whatever their status; unknown ids are left out."""
    found: dict[str, GoldenExample] = {}
    for start in range(0, len(ids), _IN_CHUNK):
        for row in tx.execute(_BY_IDS, {"ids": list(ids[start : start + _IN_CHUNK])}):
            found[row.id] = _example(row)
    return found


def listing(
    tx: sa.Connection,
    *,
    project: str | None = None,
    domain: str | None = None,
    status: str | None = "active",
    containing: Sequence[str] = (),
    before: str | None = None,
    limit: int = 100,
) -> list[GoldenExample]:
    """Return examples, newest first.

    Args:
        tx: an open transaction.
        project: only this one.
        domain: only this one.
        status: `active`, `retired`, or None for both; near-duplicates that were merged are never listed.
        containing: texts that must all occur in the query or the output, ASCII case ignored.
        before: continue after the example with this id.
        limit: how many at most.
    """
    require_clean_names(project=project, domain=domain, before=before)
    query = sa.select(*_COLUMNS).where(golden.c.status == status if status else golden.c.status != "merged")
    if project is not None:
        query = query.where(golden.c.project == project)
    if domain is not None:
        query = query.where(golden.c.domain == domain)
    for text in containing:
        query = query.where(
            sa.or_(golden.c.query.icontains(text, autoescape=True), golden.c.output.icontains(text, autoescape=True))
        )
    if before is not None:
        query = query.where(golden.c.id < before)
    return [_example(row) for row in tx.execute(query.order_by(golden.c.id.desc()).limit(limit))]


def count(tx: sa.Connection, *, project: str | None = None, status: str = "active") -> int:
    """Return how many examples have that status."""
    require_clean_names(project=project)
    query = sa.select(sa.func.count()).select_from(golden).where(golden.c.status == status)
    if project is not None:
        query = query.where(golden.c.project == project)
    return int(tx.execute(query).scalar_one())


def lineage(tx: sa.Connection, golden_id: str) -> Lineage | None:
    """Return where a row stands, or None if there is no such row."""
    query = sa.select(golden.c.id, golden.c.status, golden.c.merged_into).where(golden.c.id == golden_id)
    row = tx.execute(query).first()
    return Lineage(*row) if row else None


def of_review(tx: sa.Connection, review_id: str) -> list[Lineage]:
    """Return the rows that a review made, but for retired ones."""
    query = sa.select(golden.c.id, golden.c.status, golden.c.merged_into).where(
        golden.c.review_id == review_id, golden.c.status != "retired"
    )
    return [Lineage(*row) for row in tx.execute(query)]


def of_item(tx: sa.Connection, item_id: str, project: str | None = None) -> set[str]:
    """Return the examples that an item stands behind, also through a near-duplicate."""
    query = sa.select(golden.c.id, golden.c.merged_into).where(golden.c.item_id == item_id)
    if project is not None:
        query = query.where(golden.c.project == project)
    return {row.merged_into or row.id for row in tx.execute(query)}


def merged_into(tx: sa.Connection, golden_id: str) -> list[str]:
    """Return the near-duplicates that an example stands for, oldest first."""
    query = sa.select(golden.c.id).where(golden.c.merged_into == golden_id, golden.c.status == "merged")
    return list(tx.execute(query.order_by(golden.c.id)).scalars())


def retire(tx: sa.Connection, ids: Sequence[str], *, reason: str, at: datetime) -> None:
    """Take examples out of use for good."""
    lock(tx)
    change = sa.update(golden).where(golden.c.id.in_(ids), golden.c.status != "retired")
    tx.execute(change.values(status="retired", retired_reason=reason, retired_at=at))
    announce(tx, ids, "retire")


def merge(tx: sa.Connection, golden_id: str, keeper: str) -> bool:
    """Let an active example, and all it stands for, be represented by another; False if either is not active."""
    lock(tx)
    states = {row.id: row.status for row in tx.execute(_BY_IDS, {"ids": [golden_id, keeper]})}
    if golden_id == keeper or states != {golden_id: "active", keeper: "active"}:
        return False
    affected = sa.or_(golden.c.id == golden_id, golden.c.merged_into == golden_id)
    tx.execute(
        sa.update(golden).where(affected, golden.c.status != "retired").values(status="merged", merged_into=keeper)
    )
    announce(tx, [golden_id], "merge")
    return True


def promote(tx: sa.Connection, golden_id: str, others: Sequence[str]) -> None:
    """Make a merged row the active example that stands for the others."""
    lock(tx)
    tx.execute(sa.update(golden).where(golden.c.id == golden_id).values(status="active", merged_into=None))
    if others:
        tx.execute(sa.update(golden).where(golden.c.id.in_(others)).values(merged_into=golden_id))
    announce(tx, [golden_id], "add")


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _row(
    example: GoldenExample, *, digest: str, item_key: str | None, merged_into: str | None, at: datetime
) -> dict[str, Any]:
    passages = [passage.model_dump(exclude_defaults=True) for passage in example.context]
    return {
        "id": example.id,
        "project": example.project,
        "query": example.query,
        "context": orjson.dumps(passages).decode(),
        "output": example.output,
        "model_output": example.model_output,
        "domain": example.domain,
        "item_id": example.item_id,
        "item_key": item_key,
        "review_id": example.review_id,
        "reviewer": example.reviewer,
        "reasons": orjson.dumps(example.reasons).decode(),
        "digest": digest,
        "status": "merged" if merged_into else "active",
        "retired_reason": None,
        "merged_into": merged_into,
        "created_at": example.created_at or at,
        "retired_at": None,
    }


def _example(row: Any) -> GoldenExample:
    """Build the record without checking again what was checked when it was stored."""
    return GoldenExample.model_construct(
        id=row.id,
        project=row.project,
        query=row.query,
        context=tuple(Passage.model_construct(**passage) for passage in orjson.loads(row.context)),
        output=row.output,
        model_output=row.model_output,
        domain=row.domain,
        item_id=row.item_id,
        review_id=row.review_id,
        reviewer=row.reviewer,
        reasons=tuple(orjson.loads(row.reasons)),
        status="active" if row.status == "active" else "retired",
        created_at=row.created_at,
    )
