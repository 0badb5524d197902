"""The tables. Facts (decisions, reviews, events) are append-only; tasks are the only rows that change often.

Times are microseconds since the epoch (UTC) on both databases: exact to compare, cheap to index, and the
same number everywhere. JSON is text. Keys are UUIDv7 hex, made by the writer, so that rows that belong
together can be written in one round trip.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

metadata = sa.MetaData(naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s"})
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Return microseconds since the epoch, exactly."""
    return (moment - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the aware UTC time of a number of microseconds since the epoch."""
    return EPOCH + timedelta(microseconds=micros)


class Micros(TypeDecorator[datetime]):
    """Aware UTC datetime stored as BIGINT microseconds since the epoch."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Any) -> int | None:
        """Store a time; a naive one never gets here because records refuse it."""
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, _dialect: Any) -> datetime | None:
        """Load a time."""
        return None if value is None else from_micros(value)


Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key() -> sa.Column[str]:
    return sa.Column("key", sa.String(32), primary_key=True)


def _item_key(*, nullable: bool = False) -> sa.Column[str]:
    return sa.Column("item_key", sa.String(32), sa.ForeignKey("items.key"), nullable=nullable, index=True)


items = sa.Table(
    "items",
    metadata,
    _key(),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("query_digest", sa.String(32), nullable=False, index=True),
    sa.Column("subject", sa.Text, index=True),
    sa.Column("domain", sa.Text),
    sa.Column("label", sa.Text),
    sa.Column("model", sa.Text),
    sa.Column("created_at", Micros, nullable=False),
    sa.Column("submitted_at", Micros, nullable=False),
    sa.UniqueConstraint("project", "id", name="uq_items_project_id"),
)

decisions = sa.Table(
    "decisions",
    metadata,
    _key(),
    sa.Column("item_key", sa.String(32), sa.ForeignKey("items.key"), nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("supersedes", sa.String(32)),
    sa.Column("route", sa.String(16), nullable=False),
    sa.Column("reasons", sa.Text, nullable=False),
    sa.Column("raw_confidence", sa.Float),
    sa.Column("confidence", sa.Float),
    sa.Column("policy_version", sa.Integer, nullable=False),
    sa.Column("priority", sa.Float, nullable=False),
    sa.Column("priority_class", sa.String(16), nullable=False),
    sa.Column("expertise", sa.Text, nullable=False),
    sa.Column("due_at", Micros),
    sa.Column("audited", sa.Boolean, nullable=False),
    sa.Column("inclusion_probability", sa.Float, nullable=False),
    sa.Column("origin", sa.String(16), nullable=False),
    sa.Column("created_at", Micros, nullable=False),
    sa.Column("overlap", sa.Integer, nullable=False, server_default="1"),
    sa.Column("signals", sa.Text),
    sa.Column("calibrator", sa.String(32)),
    sa.Column("path", sa.Text),
    sa.Column("cost_picos", sa.BigInteger),
    sa.UniqueConstraint("item_key", "seq", name="uq_decisions_item_seq"),
    sa.Index("ix_decisions_created_at", "created_at"),
)

lanes = sa.Table(
    "lanes",
    metadata,
    sa.Column("pool", sa.String(16), primary_key=True),
    sa.Column("project", sa.Text, primary_key=True),
    sa.Column("expertise", sa.Text, primary_key=True),
)

tasks = sa.Table(
    "tasks",
    metadata,
    _key(),
    _item_key(),
    sa.Column("decision_key", sa.String(32), sa.ForeignKey("decisions.key"), nullable=False),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("stage", sa.String(16), nullable=False),
    sa.Column("pool", sa.String(16), nullable=False),
    sa.Column("expertise", sa.Text, nullable=False),
    sa.Column("slot", sa.Integer, nullable=False),
    sa.Column("blind", sa.Boolean, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("token", sa.String(32)),
    sa.Column("claimed_by", sa.Text),
    sa.Column("claimed_at", Micros),
    sa.Column("lease_expires_at", Micros),
    sa.Column("band", sa.SmallInteger, nullable=False),
    sa.Column("base", sa.Float, nullable=False),
    sa.Column("rank", sa.Float, nullable=False),
    sa.Column("keyed_version", sa.Integer, nullable=False),
    sa.Column("due_at", Micros),
    sa.Column("created_at", Micros, nullable=False),
)

_pending = sa.text("status = 'pending'")
_claimed = sa.text("status = 'claimed'")
_young = sa.text("status = 'pending' AND band = 0")
_HEAD = (tasks.c.pool, tasks.c.project, tasks.c.expertise, tasks.c.band, tasks.c.rank.desc(), tasks.c.key)
sa.Index("ix_tasks_head", *_HEAD, sqlite_where=_pending, postgresql_where=_pending)
# Partial, so that PostgreSQL does not take it for a key: changing a key locks out every row that refers to the task.
_slotted = sa.text("slot >= 0")
sa.Index(
    "uq_tasks_item_stage_slot",
    tasks.c.item_key,
    tasks.c.stage,
    tasks.c.slot,
    unique=True,
    sqlite_where=_slotted,
    postgresql_where=_slotted,
)
_blind = sa.text("blind")
sa.Index(
    "uq_tasks_item_stage_holder",
    tasks.c.item_key,
    tasks.c.stage,
    tasks.c.claimed_by,
    unique=True,
    sqlite_where=_blind,
    postgresql_where=_blind,
)
sa.Index("ix_tasks_young", tasks.c.created_at, sqlite_where=_young, postgresql_where=_young)
_with_judges = sa.text("status = 'pending' AND pool = 'judges'")
sa.Index("ix_tasks_judging", tasks.c.created_at, sqlite_where=_with_judges, postgresql_where=_with_judges)
sa.Index("ix_tasks_keyed", tasks.c.keyed_version, sqlite_where=_pending, postgresql_where=_pending)
sa.Index("ix_tasks_lease", tasks.c.lease_expires_at, sqlite_where=_claimed, postgresql_where=_claimed)
sa.Index("ix_tasks_holder", tasks.c.claimed_by, sqlite_where=_claimed, postgresql_where=_claimed)

skips = sa.Table(
    "skips",
    metadata,
    sa.Column("task_key", sa.String(32), sa.ForeignKey("tasks.key"), primary_key=True),
    sa.Column("reviewer", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("until_at", Micros, nullable=False),
)

drafts = sa.Table(
    "drafts",
    metadata,
    sa.Column("task_key", sa.String(32), sa.ForeignKey("tasks.key"), primary_key=True),
    sa.Column("reviewer", sa.Text, primary_key=True),
    sa.Column("output", sa.Text),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("saved_at", Micros, nullable=False),
)

reviews = sa.Table(
    "reviews",
    metadata,
    _key(),
    _item_key(),
    sa.Column("task_key", sa.String(32), sa.ForeignKey("tasks.key"), nullable=False, index=True),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("supersedes", sa.String(32), index=True),
    sa.Column("stage", sa.String(16), nullable=False),
    sa.Column("reviewer", sa.Text, nullable=False),
    sa.Column("verdict", sa.String(8), nullable=False),
    sa.Column("output", sa.Text),
    sa.Column("label", sa.Text),
    sa.Column("reasons", sa.Text, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("exemplary", sa.Boolean, nullable=False),
    sa.Column("active_seconds", sa.Float),
    sa.Column("origin", sa.String(16), nullable=False),
    sa.Column("inclusion_probability", sa.Float, nullable=False),
    sa.Column("created_at", Micros, nullable=False),
    sa.Index("ix_reviews_reviewer_created_at", "reviewer", "created_at"),
    sa.Index("ix_reviews_created_at", "created_at"),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("seq", Serial, primary_key=True, autoincrement=True),
    _item_key(),
    sa.Column("channel", sa.String(16), nullable=False),
    sa.Column("review_key", sa.String(32)),
    sa.Column("created_at", Micros, nullable=False),
)

feedback = sa.Table(
    "feedback",
    metadata,
    _key(),
    _item_key(),
    sa.Column("reviewer", sa.Text, nullable=False),
    sa.Column("thumbs_up", sa.Boolean, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("created_at", Micros, nullable=False),
)

golden = sa.Table(
    "golden",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("query", sa.Text, nullable=False),
    sa.Column("context", sa.Text, nullable=False),
    sa.Column("output", sa.Text, nullable=False),
    sa.Column("model_output", sa.Text),
    sa.Column("domain", sa.Text),
    sa.Column("item_id", sa.Text, index=True),
    _item_key(nullable=True),
    sa.Column("review_id", sa.String(32), index=True),
    sa.Column("reviewer", sa.Text, nullable=False),
    sa.Column("reasons", sa.Text, nullable=False),
    sa.Column("digest", sa.String(32), nullable=False, index=True),
    sa.Column("status", sa.String(8), nullable=False),
    sa.Column("retired_reason", sa.Text),
    sa.Column("merged_into", sa.String(32), index=True),
    sa.Column("created_at", Micros, nullable=False),
    sa.Column("retired_at", Micros),
)

golden_log = sa.Table(
    "golden_log",
    metadata,
    sa.Column("seq", Serial, primary_key=True, autoincrement=True),
    sa.Column("golden_id", sa.String(32), sa.ForeignKey("golden.id"), nullable=False),
    sa.Column("op", sa.String(8), nullable=False),
    sqlite_autoincrement=True,
)

golden_vectors = sa.Table(
    "golden_vectors",
    metadata,
    sa.Column("golden_id", sa.String(32), sa.ForeignKey("golden.id"), primary_key=True),
    sa.Column("fingerprint", sa.String(64), primary_key=True),
    sa.Column("dimension", sa.Integer, nullable=False),
    sa.Column("vector", sa.LargeBinary, nullable=False),
    sa.Column("created_at", Micros, nullable=False),
)

policies = sa.Table(
    "policies",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, index=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("created_at", Micros, nullable=False),
)

reviewers = sa.Table(
    "reviewers",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("expertise", sa.Text, nullable=False),
    sa.Column("senior", sa.Boolean, nullable=False),
    sa.Column("created_at", Micros, nullable=False),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("seq", Serial, primary_key=True, autoincrement=True),
    sa.Column("created_at", Micros, nullable=False, index=True),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("project", sa.Text),
    sa.Column("item_key", sa.String(32), index=True),
    sa.Column("task_key", sa.String(32)),
    sa.Column("data", sa.Text, nullable=False),
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("seen_at", Micros, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
)

secrets = sa.Table(
    "secrets",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
