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
from hitl_core.routing.replay import Recorded, Replayer
from hitl_core.store.tables import from_micros

if TYPE_CHECKING:
    import polars as pl

FATES = {route.value: PERSON if route in STRICTNESS else HELD for route in Route} | {Route.AUTO_APPROVE.value: OUT}
_COLUMNS = (
    *("item", "decision", "old", "new", "probability", "audits_before", "audits_after"),
    *("opinions_before", "opinions_after", "unasked", "other_calibrator"),
)


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
        notes=_notes(strata, versions, sums),
    )


def _old(stratum: Stratum) -> str:
    return stratum.old


def _new(stratum: Stratum) -> str:
    return stratum.new


def _replayed(
    parts: Iterable[Iterable[Any]], policy: Policy, secrets: Mapping[int, bytes]
) -> tuple[pl.DataFrame, list[_Moved], tuple[int, ...]]:
    import polars as pl

    replayer, live = Replayer(policy), secrets[max(secrets)] if secrets else b""
    known: dict[str, tuple[str, ...]] = {}
    columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    adders = [column.append for column in columns.values()]
    moved: list[_Moved] = []
    versions = set()
    for part in parts:
        for row in part:
            recorded = _recorded(row, known, secrets.get(row.policy_version, live), signals=replayer.reads_signals)
            found = replayer.replay(recorded)
            old, new = row.route, found.route.value
            before = row.overlap if recorded.route in STRICTNESS else 0
            after = found.overlap if found.route in STRICTNESS else 0
            other = _other_calibrator(row, policy)
            values = (
                *(int(row.item_key[16:], 16), int(row.key[16:], 16), old, new, row.inclusion_probability),
                *(bool(row.audited), found.audited, before, after, found.unasked, other),
            )
            for add, value in zip(adders, values, strict=True):
                add(value)
            versions.add(row.policy_version)
            if old != new:
                out = found.route is Route.AUTO_APPROVE
                place = (0 if out else 1, -1.0 if row.confidence is None else row.confidence)
                moved.append(_Moved(place, row, new, found.reasons))
    schema: dict[str, Any] = {"item": pl.UInt64, "decision": pl.UInt64, "old": pl.String, "new": pl.String}
    schema |= {"probability": pl.Float64} | dict.fromkeys(_COLUMNS[5:7] + _COLUMNS[9:], pl.Boolean)
    return pl.DataFrame(columns, schema_overrides=schema), moved, tuple(sorted(versions))


def _recorded(row: Any, known: dict[str, tuple[str, ...]], secret: bytes, *, signals: bool) -> Recorded:
    reasons = known.get(row.reasons)
    if reasons is None:
        reasons = known[row.reasons] = tuple(orjson.loads(row.reasons))
    return Recorded(
        project=row.project,
        item_id=row.id,
        body=orjson.loads(row.body),
        route=Route(row.route),
        reasons=reasons,
        raw_confidence=row.raw_confidence,
        confidence=row.confidence,
        signals=orjson.loads(row.signals) if signals and row.signals else None,
        judged=bool(row.path),
        secret=secret,
    )


def _other_calibrator(row: Any, policy: Policy) -> bool:
    """Whether the policy would have used a calibrator other than the one the recorded confidence is from."""
    wanted = policy.calibration.artefact_of(row.project)
    return bool(wanted) and row.raw_confidence is not None and row.calibrator != wanted


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
            sums["unasked"],
            f"judges would be asked about {sums['unasked']:,} outputs for the first time; they count as reviewed",
        ),
        (
            sums["other_calibrator"],
            f"{sums['other_calibrator']:,} recorded confidences are not of the calibrator that the policy names",
        ),
    )
    return tuple(text for holds, text in said if holds)
