"""Recorded decisions through another policy, and what follows from it.

Public: `compute_what_if`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import orjson

from hitl_core.domain.policy import Policy
from hitl_core.domain.policy_cost import Prices
from hitl_core.domain.records import Route
from hitl_core.reports.periods import Window
from hitl_core.reports.whatif.estimating import (
    HELD,
    OUT,
    PERSON,
    Stratum,
    count_wrong,
    rate,
    rate_change,
    unlabelled,
)
from hitl_core.reports.whatif.result import MovedItem, RouteMove, WhatIf
from hitl_core.routing.plan import STRICTNESS
from hitl_core.routing.replay import Recorded, Replayed, Replayer
from hitl_core.store.tables import from_micros

if TYPE_CHECKING:
    import polars as pl

FATES = {route.value: PERSON if route in STRICTNESS else HELD for route in Route} | {Route.AUTO_APPROVE.value: OUT}
_PERSONS = frozenset(route.value for route in STRICTNESS)
_COLUMNS = (
    *("item", "decision", "old", "new", "probability", "audits_before", "audits_after"),
    *("opinions_before", "opinions_after", "unasked", "other_calibrator"),
)

OF_LABELS = ("item", "decision", "right")
"""Columns of labelled outputs that `compute_what_if` looks at."""


class Asked(NamedTuple):
    """What is asked: the other policy and its name, which outputs, the prices, and how many items to list."""

    policy: Policy
    name: str
    span: Window
    project: str | None
    prices: Prices
    most_items: int = 200
    level: float = 0.95


class _Moved(NamedTuple):
    """A row whose route changes, with its reasons by the other policy."""

    place: tuple[int, float]
    row: Any
    new: str
    reasons: tuple[str, ...]


def compute_what_if(
    parts: Iterable[Iterable[Any]], labelled: pl.DataFrame, asked: Asked, secrets: Mapping[int, bytes]
) -> WhatIf:
    """Replay decisions and reckon what changes.

    Args:
        parts: rows of `store.reading.decided.decided`.
        labelled: outputs with a label drawn by design: item and decision (low 64 bits of their keys), right.
        asked: what is asked.
        secrets: key of the audit coin by policy version.
    """
    rows, moved, versions = _replayed(parts, asked.policy, secrets)
    rows = _with_labels(rows, labelled)
    strata = _strata(rows)
    prices, n = asked.prices, rows.height
    sums = {name: int(rows[name].sum()) for name in _COLUMNS[5:]}
    looks = [sums[f"opinions_{when}"] + sums[f"audits_{when}"] for when in ("before", "after")]
    fixed = [n * (prices.model_usd + prices.judge_usd) + look * prices.review_usd for look in looks]
    went, goes = ({OUT: 1.0}.get, {OUT: 1.0, PERSON: prices.reviewer_miss}.get)
    usd, level = prices.escaped_error_usd, asked.level
    persons = [sum(each.outputs for each in strata if fate(each) == PERSON) for fate in (_old, _new)]
    joined = sum(each.outputs for each in strata if each.new == PERSON != each.old)
    left = sum(each.outputs for each in strata if each.old == PERSON != each.new)
    return WhatIf(
        policy=asked.name,
        since=asked.span.since,
        until=asked.span.until,
        project=asked.project,
        outputs=n,
        versions=versions,
        review_rate_before=rate(persons[0], n, level),
        review_rate_after=rate(persons[1], n, level),
        review_rate_change=rate_change(joined, left, n, level),
        reviews_before=sums["opinions_before"],
        reviews_after=sums["opinions_after"],
        audits_before=sums["audits_before"],
        audits_after=sums["audits_after"],
        escaped_before=count_wrong(strata, lambda each: went(each.old, 0.0), level=level),
        escaped_after=count_wrong(strata, lambda each: went(each.new, 0.0), level=level),
        escaped_change=count_wrong(strata, lambda each: went(each.new, 0.0) - went(each.old, 0.0), level=level),
        cost_before=count_wrong(strata, lambda each: usd * goes(each.old, 0.0), level=level, plus=fixed[0]),
        cost_after=count_wrong(strata, lambda each: usd * goes(each.new, 0.0), level=level, plus=fixed[1]),
        cost_change=count_wrong(
            strata,
            lambda each: usd * (goes(each.new, 0.0) - goes(each.old, 0.0)),
            level=level,
            plus=fixed[1] - fixed[0],
        ),
        routes=_routes(rows),
        moved=len(moved),
        items=_items(moved, rows, asked.most_items),
        unlabelled=unlabelled(strata, lambda each: went(each.new, 0.0)),
        notes=_notes(strata, versions, sums | {"unanswered": _unanswered(rows)}),
    )


def _old(stratum: Stratum) -> str:
    return stratum.old


def _new(stratum: Stratum) -> str:
    return stratum.new


def _replayed(
    parts: Iterable[Iterable[Any]], policy: Policy, secrets: Mapping[int, bytes]
) -> tuple[pl.DataFrame, list[_Moved], tuple[int, ...]]:
    import polars as pl

    told = _Told(policy, secrets)
    columns: list[list[Any]] = [[] for _ in _COLUMNS]
    moved: list[_Moved] = []
    for part in parts:
        for row in part:
            values, found = told.tell(row)
            for column, value in zip(columns, values, strict=True):
                column.append(value)
            if row.route != found.route:
                place = (found.route != Route.AUTO_APPROVE, -1.0 if row.confidence is None else row.confidence)
                moved.append(_Moved(place, row, found.route.value, found.reasons))
    schema: dict[str, Any] = {"item": pl.UInt64, "decision": pl.UInt64, "old": pl.String, "new": pl.String}
    schema |= {"probability": pl.Float64} | dict.fromkeys(_COLUMNS[5:], pl.Boolean)
    schema |= {"opinions_before": pl.Int64, "opinions_after": pl.Int64}
    frame = pl.DataFrame(dict(zip(_COLUMNS, columns, strict=True)), schema=schema)
    return frame, moved, tuple(sorted(told.versions))


class _Told:
    """Tells of one row after the other what becomes of it."""

    def __init__(self, policy: Policy, secrets: Mapping[int, bytes]) -> None:
        self._replayer = Replayer(policy)
        self._calibrator = policy.calibration.artefact_of
        self._calibrates = bool(policy.calibration.artefact or policy.calibration.projects)
        self._secrets = secrets
        self._newest = secrets[max(secrets)] if secrets else b""
        self._reasons: dict[str, tuple[str, ...]] = {}
        self.versions: set[int] = set()

    def tell(self, row: Any) -> tuple[tuple[Any, ...], Replayed]:
        """Return the row's values in the order of `_COLUMNS`, and what the policy does."""
        (key, item_key, project, item_id, body, _at, old, told, raw, confidence) = row[:10]
        (version, probability, audited, overlap, signals, calibrator, path) = row[10:]
        replayer = self._replayer
        reasons = self._reasons.get(told)
        if reasons is None:
            reasons = self._reasons[told] = tuple(orjson.loads(told))
        measured = orjson.loads(signals) if signals and replayer.reads_signals else None
        recorded = Recorded(project, orjson.loads(body), old, reasons, raw, confidence, measured, bool(path))
        found = replayer.replay(recorded)
        self.versions.add(version)
        secret = self._secrets.get(version, self._newest)
        again, after = audited, 0
        if found.route in STRICTNESS:
            again, after = False, replayer.opinions(found.fired, secret, project, item_id)
        elif found.audit_rate != probability or old in _PERSONS or replayer.has_own_secret:
            again = replayer.audited(found.audit_rate, secret, project, item_id)
        other = self._calibrates and raw is not None and calibrator != self._calibrator(project)
        before = overlap if old in _PERSONS else 0
        item, decision = int(item_key[16:], 16), int(key[16:], 16)
        values = (item, decision, old, found.route.value, probability, audited, again, before, after)
        return (*values, found.unasked, other and bool(self._calibrator(project))), found


def _with_labels(rows: pl.DataFrame, labelled: pl.DataFrame) -> pl.DataFrame:
    """Add `right`; a label counts for an audited output only if this decision's own audit gave it."""
    import polars as pl

    labels = labelled.select("item", right="right", of="decision").unique("item", keep="last")
    rows = rows.join(labels, on="item", how="left", maintain_order="left")
    drawn = (pl.col("probability") >= 1) | (pl.col("of") == pl.col("decision"))
    return rows.with_columns(right=pl.when(drawn).then(pl.col("right")))


def _strata(rows: pl.DataFrame) -> list[Stratum]:
    import polars as pl

    fates = [pl.col(name).replace_strict(FATES, return_dtype=pl.String) for name in ("old", "new")]
    found = rows.group_by(*fates, "probability").agg(
        pl.len(), pl.col("right").count().alias("labelled"), (~pl.col("right")).sum().alias("wrong")
    )
    return [Stratum(*row) for row in found.sort("old", "new", "probability").iter_rows()]


def _routes(rows: pl.DataFrame) -> tuple[RouteMove, ...]:
    import polars as pl

    found = rows.group_by("old", "new").agg(
        pl.len(), pl.col("right").count().alias("labelled"), (~pl.col("right")).sum().alias("wrong")
    )
    return tuple(RouteMove(*row) for row in found.sort("old", "new").iter_rows())


def _items(moved: list[_Moved], rows: pl.DataFrame, most: int) -> tuple[MovedItem, ...]:
    shown = sorted(moved, key=lambda each: (each.place, each.row.key))[: max(0, most)]
    wanted = [int(each.row.item_key[16:], 16) for each in shown]
    held = rows.filter(rows["item"].is_in(wanted)) if wanted else rows.clear()
    right = dict(held.select("item", "right").iter_rows())
    return tuple(
        MovedItem(
            project=each.row.project,
            item_id=each.row.id,
            at=from_micros(each.row.at),
            confidence=each.row.confidence,
            old=each.row.route,
            new=each.new,
            reasons_before=tuple(orjson.loads(each.row.reasons)),
            reasons_after=each.reasons,
            right=right.get(key),
            link="history?" + urlencode({"item": each.row.id, "project": each.row.project}, errors="replace"),
        )
        for each, key in zip(shown, wanted, strict=True)
    )


def _unanswered(rows: pl.DataFrame) -> int:
    """Return how many audits were due of which nobody has told the result."""
    import polars as pl

    return rows.filter(pl.col("audits_before") & pl.col("right").is_null() & (pl.col("probability") < 1)).height


def _notes(strata: list[Stratum], versions: tuple[int, ...], sums: Mapping[str, int]) -> tuple[str, ...]:
    released = [each for each in strata if each.new == OUT]
    waiting = sum(each.outputs - each.labelled for each in released if each.certain)
    never = sum(each.outputs for each in released if not each.certain and not each.labelled)
    several = ", ".join(map(str, versions))
    said = (
        (len(versions) > 1, f"decided by policy versions {several}; before is what was recorded"),
        (
            waiting,
            f"{waiting:,} outputs that would go out were to be reviewed and have no label yet: "
            "the bounds take them as all right and all wrong",
        ),
        (never, f"{never:,} outputs that would go out are of a kind that has no label at all: likewise"),
        (
            sums["unanswered"],
            f"{sums['unanswered']:,} audits have no answer yet; those that have stand for them too",
        ),
        (
            sums["unasked"],
            f"judges would be asked about {sums['unasked']:,} outputs for the first time; they count as reviewed",
        ),
        (
            sums["other_calibrator"],
            f"{sums['other_calibrator']:,} recorded confidences are not of the calibrator that the policy names",
        ),
    )
    return tuple(text for holds, text in said if holds)
