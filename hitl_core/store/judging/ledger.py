"""The ledger: one row for every attempt to ask a model, and what was spent; append-only.

The rows are themselves the record of who was asked what, so they append no events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from hitl_core.domain.ids import new_id
from hitl_core.store.judging.tables import model_calls
from hitl_core.store.rows import insert_rows

CallStatus = Literal[
    "ok", "cached", "over_budget", "timeout", "rate_limited", "refused", "unreadable", "failed", "cancelled"
]
"""How an attempt ended: `over_budget` was not made, `cancelled` was given up by whoever asked."""
Grouping = Literal["purpose", "provider", "model", "project", "status", "day"]
MICROS_PER_DAY = 86_400_000_000


@dataclass(frozen=True)
class Call:
    """One attempt. `cost_usd` is None where it is unknown: no price, no usage, or an attempt that failed."""

    purpose: str
    provider: str
    model: str
    request_key: str
    attempt: int
    status: CallStatus
    error: str = ""
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal | None = None
    latency_seconds: float = 0.0
    item_id: str | None = None
    project: str | None = None
    key: str = field(default_factory=new_id)


class Spent(NamedTuple):
    """What a group of attempts came to; `unknown` of them have no known cost, which `cost_usd` leaves out."""

    calls: int
    cost_usd: Decimal
    unknown: int
    input_tokens: int
    output_tokens: int


def insert(tx: sa.Connection, calls: Sequence[Call], *, at: datetime) -> None:
    """Append attempts."""
    insert_rows(tx, model_calls, [_row(call, at) for call in calls])


def spent(
    tx: sa.Connection,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    project: str | None = None,
    item_id: str | None = None,
) -> Spent:
    """Return what attempts came to, from `since` to before `until`, of a project or an item or of all."""
    found = totals(tx, since=since, until=until, project=project, item_id=item_id)
    return found[()] if found else Spent(0, Decimal(0), 0, 0, 0)


def spent_on_day(tx: sa.Connection, moment: datetime, *, project: str | None = None) -> Spent:
    """Return what was spent on the day, in UTC, of a moment."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return spent(tx, since=day, until=day + timedelta(days=1), project=project)


def totals(
    tx: sa.Connection,
    *by: Grouping,
    since: datetime | None = None,
    until: datetime | None = None,
    project: str | None = None,
    item_id: str | None = None,
) -> dict[tuple[Any, ...], Spent]:
    """Return what was spent by group: keys are the values of `by` in order, a day as `2026-03-01`."""
    groups = [_day() if name == "day" else model_calls.c[name] for name in by]
    query = sa.select(
        *groups,
        sa.func.count(),
        sa.func.sum(model_calls.c.cost_picos),
        sa.func.count() - sa.func.count(model_calls.c.cost_picos),
        sa.func.sum(model_calls.c.input_tokens),
        sa.func.sum(model_calls.c.output_tokens),
    ).where(*_conditions(since, until, project, item_id))
    rows = tx.execute(query.group_by(*groups).order_by(*groups) if groups else query)
    found = {}
    for row in rows:
        keys = tuple(_as_date(value) if name == "day" else value for name, value in zip(by, row, strict=False))
        calls, cost, unknown, given, made = row[len(by) :]
        found[keys] = Spent(calls, cost or Decimal(0), unknown, int(given or 0), int(made or 0))
    return found


def of_item(tx: sa.Connection, item_id: str, *, limit: int = 100) -> list[dict[str, Any]]:
    """Return the newest attempts made for an item, newest first, as rows with `cost_usd`."""
    query = sa.select(model_calls).where(model_calls.c.item_id == item_id)
    rows = tx.execute(query.order_by(model_calls.c.created_at.desc(), model_calls.c.key.desc()).limit(limit))
    return [_as_call(row) for row in rows]


def latest(tx: sa.Connection, *, limit: int = 100) -> list[dict[str, Any]]:
    """Return the newest attempts, newest first, as rows with `cost_usd`."""
    query = sa.select(model_calls).order_by(model_calls.c.created_at.desc(), model_calls.c.key.desc()).limit(limit)
    return [_as_call(row) for row in tx.execute(query)]


def _row(call: Call, at: datetime) -> dict[str, Any]:
    values = asdict(call)
    return values | {"cost_picos": values.pop("cost_usd"), "created_at": at}


def _as_call(row: Any) -> dict[str, Any]:
    values = dict(row._mapping)
    return values | {"cost_usd": values.pop("cost_picos")}


def _day() -> sa.ColumnElement[int]:
    return (sa.type_coerce(model_calls.c.created_at, sa.BigInteger) // MICROS_PER_DAY).label("day")


def _as_date(day: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=int(day))).date().isoformat()


def _conditions(
    since: datetime | None, until: datetime | None, project: str | None, item_id: str | None
) -> list[sa.ColumnElement[bool]]:
    columns = model_calls.c
    given = [
        (since, columns.created_at.__ge__),
        (until, columns.created_at.__lt__),
        (project, columns.project.__eq__),
        (item_id, columns.item_id.__eq__),
    ]
    return [compare(value) for value, compare in given if value is not None]
