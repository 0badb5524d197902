"""Rows that estimates are made from: every output whose label was drawn by design, labelled or not yet."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from hitl_core.domain.labels import COSMETIC, Opinion, settle
from hitl_core.domain.policy import Policy
from hitl_core.domain.records import LabelOrigin, TaskStatus
from hitl_core.store import policies
from hitl_core.store.tables import decisions, items, reviews, skips, tasks, to_micros

if TYPE_CHECKING:
    import polars as pl

STAGES = ("human", "audit", "adjudicate")
STATES = ("answered", "pending", "expired", "skipped")
"""`skipped` waits after somebody passed it on, `expired` is past its due time or was cancelled."""


def labelled_frame(
    tx: sa.Connection,
    *,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
    project: str | None = None,
    routes: Collection[str] | None = None,
    cosmetic: Collection[str] = COSMETIC,
) -> pl.DataFrame:
    """Return one row for each output whose label was asked for by design, oldest decision first.

    An output that came to nobody (auto-approved, and the audit coin fell the other way) has no row; requested reviews,
    overrides and gold are left out. Reviews that were taken back do not count.

    Args:
        tx: an open transaction.
        now: tells which unanswered tasks are past their due time.
        since: only decisions made at or after this time.
        until: only decisions made before this time.
        project: only this project.
        routes: only decisions with one of these routes.
        cosmetic: reasons with which an edit still says right.

    Returns:
        Columns: item_key, item_id, project, domain, model, label, group (digest of the question), decision,
        policy_version, decided_at, raw_confidence, confidence, calibrator, route, stage, origin, inclusion_probability,
        forced_by_rule (a rule that fired names a route: no threshold decided), breaker (a tripped breaker sent it
        to a person), correct (null where nobody answered), contested, opinions, state (one of `STATES`), task,
        reviewer and reviewed_at (of the newest opinion), asked_at.
    """
    import polars as pl

    query = _query(since=since, until=until, project=project, routes=routes)
    rows = [tuple(row) for row in tx.execute(query)]
    forcing = _forcing_rules(tx, {row[_AT["policy_version"]] for row in rows})
    reader = _Reader(to_micros(now), forcing, frozenset(cosmetic))
    made = [reader.row(list(joined)) for _, joined in groupby(rows, key=itemgetter(_AT["decision"]))]
    return pl.DataFrame(made, schema=_schema(), orient="row")


def newest_review(tx: sa.Connection) -> str:
    """Return the key of the newest review or undo, empty where there is none: it changes when labels may have."""
    return str(tx.execute(sa.select(sa.func.max(reviews.c.key))).scalar() or "")


def _whole(column: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[Any]:
    """Microseconds as the database has them: a million datetimes would take longer to make than the query."""
    return sa.type_coerce(column, sa.BigInteger).label(name)


_UNDO = reviews.alias("undo")
_LATER = decisions.alias("later")
_TASKS_OWN = (
    tasks.c.key.label("task"),
    tasks.c.stage,
    tasks.c.status,
    _whole(tasks.c.created_at, "asked_at"),
    sa.exists().where(skips.c.task_key == tasks.c.key).label("skipped"),
)
_REVIEWS_OWN = (
    reviews.c.key.label("review"),
    reviews.c.reviewer,
    reviews.c.verdict,
    reviews.c.reasons.label("review_reasons"),
    reviews.c.stage.label("review_stage"),
    _whole(reviews.c.created_at, "reviewed_at"),
)
_HEAD = (
    items.c.key.label("item_key"),
    items.c.id.label("item_id"),
    items.c.project,
    items.c.domain,
    items.c.model,
    items.c.label,
    items.c.query_digest.label("group"),
    decisions.c.key.label("decision"),
    decisions.c.policy_version,
    _whole(decisions.c.created_at, "decided_at"),
    decisions.c.raw_confidence,
    decisions.c.confidence,
    decisions.c.calibrator,
    decisions.c.route,
    decisions.c.reasons,
    decisions.c.origin,
    decisions.c.inclusion_probability,
    _whole(decisions.c.due_at, "due_at"),
)
_COLUMNS = (*_HEAD, *_TASKS_OWN, *_REVIEWS_OWN)
_AT = {column.name: index for index, column in enumerate(_COLUMNS)}


def _query(
    *, since: datetime | None, until: datetime | None, project: str | None, routes: Collection[str] | None
) -> sa.Select[Any]:
    """Decisions that asked a person by design, with their tasks and the reviews that stand.

    Of an item's decisions only the last one by design: a task that an earlier one opened says nothing about it.
    """
    design = LabelOrigin.DESIGN.value
    later = sa.exists().where(
        _LATER.c.item_key == decisions.c.item_key, _LATER.c.seq > decisions.c.seq, _LATER.c.origin == design
    )
    stands = sa.and_(
        reviews.c.task_key == tasks.c.key,
        reviews.c.kind == "review",
        reviews.c.origin == design,
        ~sa.exists().where(_UNDO.c.supersedes == reviews.c.key, _UNDO.c.kind == "undo"),
    )
    query = (
        sa.select(*_COLUMNS)
        .join_from(decisions, items, decisions.c.item_key == items.c.key)
        .join(tasks, sa.and_(tasks.c.decision_key == decisions.c.key, tasks.c.stage.in_(STAGES)))
        .outerjoin(reviews, stands)
        .where(decisions.c.origin == design, ~later)
    )
    if since is not None:
        query = query.where(decisions.c.created_at >= since)
    if until is not None:
        query = query.where(decisions.c.created_at < until)
    if project is not None:
        query = query.where(items.c.project == project)
    if routes is not None:
        query = query.where(decisions.c.route.in_(sorted(routes)))
    return query.order_by(decisions.c.created_at, decisions.c.key, reviews.c.created_at, reviews.c.key)


def _forcing_rules(tx: sa.Connection, versions: Collection[int]) -> dict[int, frozenset[str]]:
    """Return, for each policy version, the ids of the rules that name a route."""
    found = {}
    for version in versions:
        stored = policies.load(tx, version)
        rules = Policy.from_mapping(stored.body).effective_rules() if stored else ()
        found[version] = frozenset(rule.id for rule in rules if rule.route is not None)
    return found


class _Reader:
    """Turns the joined rows of one decision into one row of the frame."""

    def __init__(self, now: int, forcing: Mapping[int, frozenset[str]], cosmetic: frozenset[str]) -> None:
        self._now = now
        self._forcing = forcing
        self._cosmetic = cosmetic
        self._fired: dict[tuple[int, str], tuple[bool, bool]] = {}

    def row(self, joined: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
        reviewed = [row for row in joined if row[_AT["review"]] is not None]
        label = settle([_opinion(row) for row in reviewed], self._cosmetic)
        shown = reviewed[-1] if reviewed else joined[-1]
        values = {name: shown[index] for name, index in _AT.items()}
        forced, breaker = self._fired_by(values["policy_version"], values["reasons"])
        values |= {
            "forced_by_rule": forced,
            "breaker": breaker,
            "correct": None if label is None else label.correct,
            "contested": label is not None and label.contested,
            "opinions": 0 if label is None else label.opinions,
            "state": "answered" if label is not None else self._waiting(joined),
        }
        return tuple(values[name] for name in _schema())

    def _fired_by(self, version: int, reasons: str) -> tuple[bool, bool]:
        key = (version, reasons)
        if key not in self._fired:
            given = orjson.loads(reasons)
            forced = not self._forcing[version].isdisjoint(given)
            self._fired[key] = forced, any(reason.startswith("breaker:") for reason in given)
        return self._fired[key]

    def _waiting(self, joined: Sequence[tuple[Any, ...]]) -> str:
        """Return what keeps an answer away: the most hopeful of the tasks says it."""
        states = set()
        for row in joined:
            due, gone = row[_AT["due_at"]], row[_AT["status"]] == TaskStatus.CANCELLED
            late = gone or (due is not None and due < self._now)
            states.add("expired" if late else "skipped" if row[_AT["skipped"]] else "pending")
        return next(state for state in ("pending", "skipped", "expired") if state in states)


def _opinion(row: tuple[Any, ...]) -> Opinion:
    reasons = tuple(orjson.loads(row[_AT["review_reasons"]]))
    return Opinion(row[_AT["reviewer"]], row[_AT["verdict"]], reasons, row[_AT["review_stage"]])


def _schema() -> dict[str, Any]:
    """Columns and types of the frame; item_key comes first."""
    import polars as pl

    text, number, moment = pl.String, pl.Float64, pl.Datetime("us", "UTC")
    return {
        **dict.fromkeys(("item_key", "item_id", "project", "domain", "model", "label", "group", "decision"), text),
        "policy_version": pl.Int64,
        "decided_at": moment,
        "raw_confidence": number,
        "confidence": number,
        "calibrator": text,
        "route": text,
        "stage": text,
        "origin": text,
        "inclusion_probability": number,
        "forced_by_rule": pl.Boolean,
        "breaker": pl.Boolean,
        "correct": pl.Boolean,
        "contested": pl.Boolean,
        "opinions": pl.Int64,
        "state": text,
        "task": text,
        "reviewer": text,
        "reviewed_at": moment,
        "asked_at": moment,
    }
