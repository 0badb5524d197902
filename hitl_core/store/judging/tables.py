"""Tables of what models were asked and said. Money is BIGINT picodollars, exact for every price per token."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from hitl_core.store.tables import Micros, metadata

PICO = Decimal(10) ** 12


def to_picos(usd: Decimal) -> int:
    """Return US dollars as whole picodollars."""
    return int((usd * PICO).to_integral_value())


def from_picos(picos: int) -> Decimal:
    """Return the US dollars of a number of picodollars."""
    return Decimal(picos) / PICO


class Usd(TypeDecorator[Decimal]):
    """US dollars as Decimal, stored as BIGINT picodollars; NULL is an unknown price, never 0."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, _dialect: Any) -> int | None:
        """Store an amount."""
        return None if value is None else to_picos(value)

    def process_result_value(self, value: int | None, _dialect: Any) -> Decimal | None:
        """Load an amount."""
        return None if value is None else from_picos(value)


verdicts = sa.Table(
    "verdicts",
    metadata,
    sa.Column("key", sa.String(32), primary_key=True),
    sa.Column("item_key", sa.String(32), sa.ForeignKey("items.key"), nullable=False, index=True),
    sa.Column("task_key", sa.String(32), sa.ForeignKey("tasks.key"), index=True),
    sa.Column("judge", sa.Text, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("tier", sa.Integer, nullable=False),
    sa.Column("verdict", sa.String(8), nullable=False),
    sa.Column("p_correct", sa.Float),
    sa.Column("method", sa.String(16), nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("accepted", sa.Boolean, nullable=False),
    sa.Column("recorded", sa.Boolean, nullable=False),
    sa.Column("cost_picos", Usd),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("created_at", Micros, nullable=False, index=True),
    sa.Index("ix_verdicts_fingerprint_created_at", "fingerprint", "created_at"),
)

model_calls = sa.Table(
    "model_calls",
    metadata,
    sa.Column("key", sa.String(32), primary_key=True),
    sa.Column("created_at", Micros, nullable=False, index=True),
    sa.Column("purpose", sa.String(32), nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("request_key", sa.String(64), nullable=False, index=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("input_tokens", sa.Integer, nullable=False),
    sa.Column("cached_input_tokens", sa.Integer, nullable=False),
    sa.Column("output_tokens", sa.Integer, nullable=False),
    sa.Column("cost_picos", Usd),
    sa.Column("latency_seconds", sa.Float, nullable=False),
    sa.Column("item_id", sa.Text),
    sa.Column("project", sa.Text),
)

model_cache = sa.Table(
    "model_cache",
    metadata,
    sa.Column("request_key", sa.String(64), primary_key=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("reply", sa.Text, nullable=False),
    sa.Column("created_at", Micros, nullable=False),
)
