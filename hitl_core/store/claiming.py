"""The order of the queue, and the one statement that hands out its head.

Priority is `base + waiting · min(age, cap) / cap`. Below the cap the order of two rows never changes, so a
row younger than the cap (band 0) is ranked once by `base - waiting · created / cap`, and an older one
(band 1) by `base`. A row moves once, from band 0 to band 1. Rows of one pool, project and required expertise
form a lane; a claim looks at the two heads of each lane that is open to the reviewer and takes the best.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from hitl_core.domain.records import Stage
from hitl_core.store.rows import RowExistsError
from hitl_core.store.tables import Micros, lanes, tasks, to_micros

MICROS_PER_HOUR = 3_600_000_000
NEAR = 8
"""How many heads a claim on PostgreSQL locks to choose from."""


class Aging(NamedTuple):
    """How waiting raises priority: by `weight` in all, growing linearly until `cap_hours`.

    `top` is the most that anything but waiting can be worth; an audit that reached the cap gets it, so that it comes
    next whatever else comes in: what nobody waits for would otherwise never be its turn.
    """

    weight: float
    cap_hours: float
    top: float = 1.0

    def rank(self, base: float, created_at: datetime, now: datetime) -> tuple[int, float]:
        """Return the band and the static rank of a row."""
        if now - created_at >= timedelta(hours=self.cap_hours):
            return 1, base
        return 0, base - self.weight * (to_micros(created_at) / MICROS_PER_HOUR) / self.cap_hours

    def drift(self, now: datetime) -> float:
        """Return what turns a band 0 rank into a priority at this moment."""
        return self.weight * (to_micros(now) / MICROS_PER_HOUR) / self.cap_hours


class Claim(NamedTuple):
    """Who asks for work, what is open to them, and the lease they get."""

    reviewer: str
    pools: Sequence[str]
    expertise: Sequence[str]
    project: str | None
    token: str
    now: datetime
    lease_expires_at: datetime


_OPEN = "l.pool IN :pools AND l.expertise IN :expertise AND (:project = '' OR l.project = :project)"
# The skip is looked up by its key for each candidate: as NOT EXISTS, PostgreSQL joins it, which costs skips times rows.
_HEAD = """SELECT t.key, t.band, t.base, t.rank FROM tasks t
  WHERE t.status = 'pending' AND t.pool = l.pool AND t.project = l.project AND t.expertise = l.expertise
    AND t.band = b.band
    AND COALESCE((SELECT s.until_at FROM skips s WHERE s.task_key = t.key AND s.reviewer = :reviewer), 0) <= :now
  ORDER BY t.rank DESC, t.key LIMIT 1"""
_WORTH = """CASE WHEN t.band = 1 THEN t.rank + :weight
  WHEN t.rank + :drift > t.base + :weight THEN t.base + :weight ELSE t.rank + :drift END"""
_BEST = f"SELECT t.key FROM heads JOIN tasks t ON t.key = heads.key ORDER BY {_WORTH} DESC, t.key LIMIT 1"  # noqa: S608 - constants only
_TAKE = """UPDATE tasks SET status = 'claimed', version = version + 1, token = :token, claimed_by = :reviewer,
  claimed_at = :now, lease_expires_at = :lease_expires_at
  WHERE key = (SELECT key FROM best) RETURNING key"""
_SQLITE = f"""WITH heads AS (
  SELECT ({_HEAD.replace("t.key, t.band, t.base, t.rank", "t.key")}) AS key
  FROM lanes l, (SELECT 0 AS band UNION ALL SELECT 1) b WHERE {_OPEN}
), best AS ({_BEST}) {_TAKE}"""  # noqa: S608 - constants only
_LOCKED_HEADS = f"CROSS JOIN LATERAL ({_HEAD} FOR NO KEY UPDATE SKIP LOCKED) AS h"
_ALL_LANES = f"""WITH heads AS MATERIALIZED (
  SELECT h.key FROM lanes l CROSS JOIN (VALUES (0), (1)) AS b (band) {_LOCKED_HEADS} WHERE {_OPEN}
), best AS ({_BEST}) {_TAKE}"""  # noqa: S608 - constants only
_NEAR_LANES = f"""WITH near AS MATERIALIZED (
  SELECT l.pool, l.project, l.expertise, t.band FROM lanes l CROSS JOIN (VALUES (0), (1)) AS b (band)
  CROSS JOIN LATERAL ({_HEAD}) AS t WHERE {_OPEN} ORDER BY {_WORTH} DESC LIMIT {NEAR}
), heads AS MATERIALIZED (
  SELECT h.key FROM near l CROSS JOIN LATERAL (SELECT l.band) AS b {_LOCKED_HEADS}
), best AS ({_BEST}) {_TAKE}"""  # noqa: S608 - constants only


def _statement(text: str) -> sa.TextClause:
    return sa.text(text).bindparams(
        sa.bindparam("pools", expanding=True),
        sa.bindparam("expertise", expanding=True),
        sa.bindparam("now", type_=Micros),
        sa.bindparam("lease_expires_at", type_=Micros),
        sa.bindparam("project", type_=sa.Text),
        sa.bindparam("reviewer", type_=sa.Text),
    )


_CLAIM = {
    "sqlite": (_statement(_SQLITE),),
    "postgresql": (_statement(_NEAR_LANES), _statement(_ALL_LANES)),
}


def claim(tx: sa.Connection, wanted: Claim, aging: Aging) -> str | None:
    """Hand the best open task to the reviewer; return its key, None where nothing is open.

    On PostgreSQL rows that another claim is looking at are skipped, so two reviewers never meet. Only the heads
    of the most urgent lanes are locked, since locking writes to disk; if others hold all of those, every lane is tried.

    Raises:
        RowExistsError: the reviewer took another opinion of the same item at this moment; begin again.
    """
    values = {
        **wanted._asdict(),
        "project": wanted.project or "",
        "weight": aging.weight,
        "drift": aging.drift(wanted.now),
    }
    for statement in _CLAIM[tx.dialect.name]:
        try:
            key = tx.execute(statement, values).scalar()
        except sa.exc.IntegrityError as error:
            raise RowExistsError("tasks") from error
        if key is not None:
            return str(key)
    return None


def open_lanes(tx: sa.Connection, wanted: set[tuple[str, str, str]]) -> None:
    """Make sure that lanes (pool, project, expertise) exist before tasks enter them."""
    insert = sa.text(
        "INSERT INTO lanes (pool, project, expertise) VALUES (:pool, :project, :expertise) ON CONFLICT DO NOTHING"
    )
    tx.execute(insert, [dict(zip(("pool", "project", "expertise"), lane, strict=True)) for lane in sorted(wanted)])


def move_bands(tx: sa.Connection, now: datetime, aging: Aging, *, limit: int = 1000) -> int:
    """Move up to `limit` pending rows that reached the cap to band 1; return how many moved."""
    due = (
        sa.select(tasks.c.key)
        .where(sa.text("status = 'pending' AND band = 0"), tasks.c.created_at <= now - timedelta(hours=aging.cap_hours))
        .order_by(tasks.c.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    base = sa.case((tasks.c.stage == Stage.AUDIT.value, aging.top), else_=tasks.c.base)
    moved = sa.update(tasks).where(tasks.c.key.in_(due)).values(band=1, rank=base, base=base)
    return tx.execute(moved).rowcount


def rekey(tx: sa.Connection, rows: Sequence[dict[str, object]]) -> None:
    """Write new keys (`row_key`, base, band, rank, keyed_version) of pending rows."""
    statement = (
        sa.update(tasks)
        .where(tasks.c.key == sa.bindparam("row_key"), tasks.c.status == "pending")
        .values({name: sa.bindparam(f"new_{name}") for name in ("base", "band", "rank", "keyed_version")})
    )
    tx.execute(statement, list(rows))


def lanes_with_work(tx: sa.Connection, *, at_most: int) -> list[tuple[str, str, str, int]]:
    """Return (pool, project, expertise, pending) of every lane with pending tasks, counting to `at_most` in each."""
    waiting = (
        sa.select(sa.literal(1).label("one"))
        .where(
            sa.text("tasks.status = 'pending'"),
            tasks.c.pool == lanes.c.pool,
            tasks.c.project == lanes.c.project,
            tasks.c.expertise == lanes.c.expertise,
        )
        .correlate(lanes)
        .limit(at_most)
        .subquery()
    )
    count = sa.select(sa.func.count(waiting.c.one)).scalar_subquery().label("pending")
    rows = tx.execute(sa.select(lanes.c.pool, lanes.c.project, lanes.c.expertise, count))
    return [tuple(row) for row in rows if row.pending]
