"""Facts for the bench: a year of decisions and reviews as frames, and a few thousand more as rows of the tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.bench.filling import CHUNK
from hitl_core import Loop
from hitl_core.domain.ids import new_id
from hitl_core.store.engine import Store
from hitl_core.store.frames.cache import KeptFrame, folder_beside, identity_of
from hitl_core.store.frames.facts import DECISIONS, FACTS, REVIEWS, packed_types
from hitl_core.store.rows import insert_rows
from hitl_core.store.tables import decisions, items

if TYPE_CHECKING:
    import polars as pl

DAYS, REVIEWED, AUDITED = 365, 0.30, 0.05
"""Of all outputs three in ten go to people; of the rest one in twenty is audited blindly."""
REDONE = 0.01
"""So many decisions supersede another one, and so many reviews are undone, or second opinions."""


def fill_cache(url: str, rows: int) -> int:
    """Write frames of so many decisions beside a new database; return how many reviews there are."""
    with Loop.open(url) as loop:
        frames = example_facts(rows)
        folder, identity = folder_beside(loop.store), identity_of(loop.store)
        for fact, frame in zip(FACTS, frames, strict=True):
            kept = KeptFrame(folder / fact.name, fact, identity)
            kept.settle(frame, int(frame["made_ms"][-1]) + 1, fewest=1)
    return frames[1].height


def parted(database: Path) -> list[pl.DataFrame]:
    """Return the frames that lie beside a SQLite database."""
    import polars as pl

    folder = Path(f"{database}-frames")
    return [pl.concat([pl.read_ipc(file) for file in (folder / fact.name).glob("*.arrow")]) for fact in FACTS]


def example_facts(rows: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return frames of decisions and reviews of the year before now, in the layout of the cache."""
    import polars as pl

    chance = np.random.default_rng(0)
    end = datetime.now(UTC) - timedelta(hours=1)
    micros = np.sort(chance.integers(0, DAYS * 86_400 * 10**6, rows)) + int(
        (end - timedelta(days=DAYS)).timestamp() * 1e6
    )
    confidence = chance.beta(6, 1.6, rows)
    limit = float(np.quantile(confidence, REVIEWED))
    route = np.select([confidence >= limit, confidence >= 0.6, confidence >= 0.4], [0, 1, 2], 3)
    decision, item = chance.integers(0, 2**63, rows), chance.integers(0, 2**63, rows)
    again = np.flatnonzero(chance.random(rows - 1) < REDONE) + 1
    item[again] = item[again - 1]
    supersedes = pl.Series(np.zeros(rows, dtype=np.uint64)).scatter(again, decision[again - 1].astype(np.uint64))
    decided = _typed(
        DECISIONS,
        rows,
        decision=decision,
        supersedes=supersedes.replace(0, None),
        item=item,
        seq=1,
        at=micros,
        project=_pick(chance, ["bench"], rows),
        domain=_pick(chance, [f"domain {number}" for number in range(8)], rows),
        model=_pick(chance, ["small", "large"], rows),
        policy_version=1 + micros.argsort() * 8 // rows,
        route=_named(["auto_approve", "async_review", "sync_review", "manual"], route),
        reasons=_pick(chance, ['["threshold:auto_approve"]', '["threshold:sync_review"]'], rows),
        raw_confidence=confidence,
        confidence=confidence,
        audited=(confidence >= limit) & (chance.random(rows) < AUDITED),
        inclusion_probability=np.where(confidence >= limit, AUDITED, 1.0),
        origin=_pick(chance, ["design"], rows),
        due_at=micros + 4 * 3600 * 10**6,
        cost_usd=chance.exponential(0.001, rows),
        made_ms=micros // 1000,
    )
    return decided, _reviews(decided.filter((pl.col("confidence") < limit) | pl.col("audited")), chance)


def add_decisions(store: Store, count: int) -> None:
    """Write so many decided items to the tables, now."""
    now = datetime.now(UTC)
    for start in range(0, count, CHUNK):
        keys = [(new_id(), new_id()) for _ in range(start, min(count, start + CHUNK))]
        with store.write() as tx:
            insert_rows(tx, items, [_item(key, now) for key, _ in keys])
            insert_rows(tx, decisions, [_decision(key, decision, now) for key, decision in keys])


def _reviews(asked: pl.DataFrame, chance: np.random.Generator) -> pl.DataFrame:
    import polars as pl

    rows = asked.height
    confidence = asked["confidence"].to_numpy()
    wrong = chance.random(rows) > confidence
    copied = ("item", "decision", "project", "domain", "model", "policy_version", "route", "reasons", "raw_confidence")
    first = _typed(
        REVIEWS,
        rows,
        **{
            name: asked[name]
            for name in (*copied, "confidence", "due_at", "origin", "inclusion_probability", "made_ms")
        },
        review=chance.integers(0, 2**63, rows),
        kind=_pick(chance, ["review"], rows),
        at=asked["at"].cast(int) + chance.integers(10**7, 2 * 10**10, rows),
        stage=_named(["human", "audit"], asked["audited"].to_numpy().astype(int)),
        reviewer=_pick(chance, [f"reviewer {number}" for number in range(12)], rows),
        verdict=_named(["approve", "edit", "reject"], np.where(wrong, chance.integers(1, 3, rows), 0)),
        review_reasons=_pick(chance, ['["wrong_fact"]', '["style"]', "[]"], rows),
        active_seconds=chance.lognormal(4, 0.5, rows),
        asked_at=asked["at"],
        overlap=1,
    )
    fresh = (pl.col("review") + 1, pl.col("made_ms") + 60_000)
    undone = first.sample(fraction=REDONE, seed=1).with_columns(
        *fresh, supersedes="review", kind=pl.lit("undo", dtype=pl.Categorical)
    )
    second = first.sample(fraction=REDONE, seed=2).with_columns(
        *fresh, reviewer=pl.lit("reviewer 99", dtype=pl.Categorical), overlap=pl.lit(2, dtype=pl.Int32)
    )
    return pl.concat([first, undone, second]).sort("made_ms")


def _typed(fact: Any, rows: int, **columns: Any) -> pl.DataFrame:
    """Return the columns in the cache's types and order; those not given are empty."""
    import polars as pl

    whole = pl.DataFrame({"_": np.zeros(rows, dtype=np.int8)})
    return whole.select(
        (pl.lit(columns[name]) if name in columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in packed_types(fact).items()
    )


def _pick(chance: np.random.Generator, names: list[str], rows: int) -> pl.Series:
    return _named(names, chance.integers(0, len(names), rows))


def _named(names: list[str], places: Any) -> pl.Series:
    import polars as pl

    return pl.Series(names, dtype=pl.Categorical).gather(places.astype(np.uint32))


def _item(key: str, now: datetime) -> dict[str, Any]:
    return {
        "key": key, "project": "bench", "id": key, "digest": key * 2, "body": "{}", "query_digest": key,
        "subject": None, "domain": "domain 1", "label": None, "model": "small", "created_at": now, "submitted_at": now,
    }  # fmt: skip


def _decision(item_key: str, key: str, now: datetime) -> dict[str, Any]:
    return {
        "key": key, "item_key": item_key, "seq": 1, "supersedes": None, "route": "auto_approve", "reasons": "[]",
        "raw_confidence": 0.9, "confidence": 0.9, "policy_version": 1, "priority": 0.0, "priority_class": "low",
        "expertise": "", "due_at": None, "audited": False, "inclusion_probability": 0.05, "origin": "design",
        "created_at": now, "overlap": 1, "signals": None, "calibrator": None, "path": None, "cost_picos": None,
    }  # fmt: skip
