"""Rows for the bench, written straight into the tables: what a database looks like after months of use."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitl_core import Item, Loop, Passage
from hitl_core.domain.ids import new_id
from hitl_core.domain.policy import Policy
from hitl_core.review_queue.queue import aging_of
from hitl_core.store import claiming, golden_vectors
from hitl_core.store.claiming import Aging
from hitl_core.store.engine import Store
from hitl_core.store.rows import insert_rows
from hitl_core.store.tables import decisions, golden, items, tasks
from hitl_core.store.tables import golden_vectors as vectors_table

CHUNK = 10_000
OLDEST_HOURS = 72
WORDS = "the invoice was paid late because a refund policy covers travel within thirty days of each claim".split()
Vectors = NDArray[np.float32]


def make_item(name: str, chance: random.Random) -> Item:
    """Return an item of the usual size: 120 words of answer, three passages of 60 words."""
    return Item(
        id=name,
        project="bench",
        query=f"What about {name}: {some_text(chance, 12)}?",
        context=tuple(Passage(text=some_text(chance, 60), source=f"manual {part}") for part in range(3)),
        output=some_text(chance, 120),
        confidence=round(chance.uniform(0.5, 1.0), 3),
        domain="billing",
        model="bench-1",
        metadata={"channel": "mail"},
    )


def fill_queue(store: Store, count: int, *, seed: int = 0, projects: int = 1, policy_version: int = 1) -> None:
    """Write `count` pending tasks with their items and decisions, ages spread over 0 to 72 hours."""
    chance = random.Random(seed)  # noqa: S311 - chance, not a secret
    now, aging = datetime.now(UTC), aging_of(Policy())
    with store.write() as tx:
        claiming.open_lanes(tx, {("people", _project(each), "") for each in range(projects)})
    for start in range(0, count, CHUNK):
        written = [
            _pending(index, _project(index % projects), chance, now, aging, policy_version)
            for index in range(start, min(count, start + CHUNK))
        ]
        with store.write() as tx:
            for place, table in enumerate((items, decisions, tasks)):
                insert_rows(tx, table, [each[place] for each in written])
    settle_statistics(store)


def fill_golden(loop: Loop, vectors: Vectors, fingerprint: str) -> None:
    """Write an embedded golden example for each vector."""
    now = datetime.now(UTC)
    for start in range(0, len(vectors), CHUNK):
        part = vectors[start : start + CHUNK]
        examples = [_golden(start + offset, now) for offset in range(len(part))]
        ids = [each["id"] for each in examples]
        shared = {"fingerprint": fingerprint, "dimension": part.shape[1], "created_at": now}
        embedded = [{"golden_id": key, "vector": one.tobytes(), **shared} for key, one in zip(ids, part, strict=True)]
        with loop.store.write() as tx:
            insert_rows(tx, golden, examples)
            insert_rows(tx, vectors_table, embedded)
            golden_vectors.announce(tx, ids, "embed")


def random_vectors(count: int, dimension: int, seed: int = 0) -> Vectors:
    """Return `count` unit vectors, shape (count, dimension)."""
    vectors = np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32)
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def settle_statistics(store: Store) -> None:
    """Do now what PostgreSQL's autovacuum would do within a minute of such a load."""
    if not store.is_sqlite:
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM (ANALYZE)")


def some_text(chance: random.Random, words: int) -> str:
    """Return so many words."""
    return " ".join(chance.choices(WORDS, k=words))


def _project(number: int) -> str:
    return f"project {number:04d}"


def _pending(
    index: int, project: str, chance: random.Random, now: datetime, aging: Aging, policy_version: int
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    created_at = now - timedelta(hours=OLDEST_HOURS) * chance.random()
    key, decision_key, base = new_id(), new_id(), round(chance.uniform(0.1, 0.6), 6)
    band, rank = aging.rank(base, created_at, now)
    due_at = created_at + timedelta(hours=4)
    item = Item(
        id=f"item {index}", project=project, query=some_text(chance, 12), output=some_text(chance, 30), confidence=0.7
    )
    item_row = {
        "key": key, "project": project, "id": item.id, "digest": f"{index:064x}", "body": item.model_dump_json(),
        "query_digest": f"{index:032x}", "subject": None, "domain": None, "label": None, "model": None,
        "created_at": created_at, "submitted_at": created_at,
    }  # fmt: skip
    decision_row = {
        "key": decision_key, "item_key": key, "seq": 1, "supersedes": None, "route": "sync_review",
        "reasons": '["tier:sync_review"]', "raw_confidence": 0.7, "confidence": 0.7, "policy_version": policy_version,
        "priority": base, "priority_class": "high", "expertise": "", "due_at": due_at, "audited": False,
        "inclusion_probability": 1.0, "origin": "design", "created_at": created_at,
    }  # fmt: skip
    task_row = {
        "key": new_id(), "item_key": key, "decision_key": decision_key, "project": project, "stage": "human",
        "pool": "people", "expertise": "", "slot": 0, "blind": False, "status": "pending", "version": 0, "band": band,
        "base": base, "rank": rank, "keyed_version": policy_version, "due_at": due_at, "created_at": created_at,
    }  # fmt: skip
    return item_row, decision_row, task_row


def _golden(index: int, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(), "project": "bench", "query": f"question {index} about {WORDS[index % len(WORDS)]}",
        "context": "[]", "output": f"answer {index}", "model_output": None, "domain": "billing", "item_id": None,
        "item_key": None, "review_id": None, "reviewer": "bench", "reasons": "[]", "digest": f"{index:032x}",
        "status": "active", "retired_reason": None, "merged_into": None, "created_at": now, "retired_at": None,
    }  # fmt: skip
