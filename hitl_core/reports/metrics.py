"""All figures of a period, from the frames of facts; what each means is in definitions.py. Pure.

Public: `compute_metrics`, `PERIODS`, `GROUPS`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from hitl_core.domain.errors import InputError, did_you_mean
from hitl_core.domain.labels import COSMETIC
from hitl_core.reports.figures import Part, calibration, counted, f1, floats, frame, nothing, quantile, share, weighted
from hitl_core.reports.labels import item_labels, opinions

if TYPE_CHECKING:
    import polars as pl

PERIODS = {"day": "1d", "week": "1w", "month": "1mo", "quarter": "1q"}
GROUPS = ("domain", "model", "label", "project", "policy_version", "reviewer")
ALL = "all"


def compute_metrics(
    decisions: pl.DataFrame,
    reviews: pl.DataFrame,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    by: str | None = None,
    project: str | None = None,
    level: float = 0.95,
    cosmetic: Collection[str] = COSMETIC,
) -> pl.DataFrame:
    """Return the figures of a period.

    Args:
        decisions: the frame of decisions.
        reviews: the frame of reviews.
        since: from this time on; decisions and reviews count by their own times.
        until: before this time.
        by: None for one group, or day, week, month, quarter, domain, model, label, project, policy_version, reviewer.
        project: only this project.
        level: of the intervals: Wilson for shares (with Kish's effective n where weighted), order statistics for
            times, bootstrap for the calibration error.
        cosmetic: reasons with which an edit still says right.

    Returns:
        Columns group, metric, value, low, high, n, numerator, denominator; sorted by group and metric. A figure
        without rows is left out; bounds are null where the rows cannot carry any.

    Raises:
        InputError: `by` is not known.
    """
    import polars as pl

    _check_by(by)
    window = _window(since, until, project)
    held = _holding(decisions).filter(window).with_columns(_group(by, decisions))
    given = opinions(reviews, cosmetic).filter(window)
    given = given.with_columns(_group(by, given))
    labelled = item_labels(given)
    parts = [
        *_of_outputs(held, given, level),
        *_of_reviews(given, level),
        *_of_times(given, level),
        *_of_labels(labelled, level),
    ]
    frames = [frame(part) for part in parts if part.groups]
    return pl.concat(frames).sort("group", "metric") if frames else frame(nothing())


def _check_by(by: str | None) -> None:
    known = (*PERIODS, *GROUPS)
    if by is not None and by not in known:
        raise InputError(f"cannot group by {by!r}{did_you_mean(by, known)}; choose from {', '.join(known)}")


def _window(since: datetime | None, until: datetime | None, project: str | None) -> pl.Expr:
    import polars as pl

    window = pl.lit(value=True)
    if since is not None:
        window &= pl.col("at") >= since
    if until is not None:
        window &= pl.col("at") < until
    return window if project is None else window & (pl.col("project") == project)


def _holding(decisions: pl.DataFrame) -> pl.DataFrame:
    """Leave out decisions that a later one supersedes."""
    import polars as pl

    gone = decisions["supersedes"].drop_nulls()
    return decisions.filter(~pl.col("decision").is_in(gone.implode())) if gone.len() else decisions


def _group(by: str | None, rows: pl.DataFrame) -> pl.Expr:
    import polars as pl

    if by is None or by not in (*PERIODS, *rows.columns):
        return pl.lit(ALL).alias("group")
    if by in PERIODS:
        return pl.col("at").dt.truncate(PERIODS[by]).dt.strftime("%Y-%m-%d").alias("group")
    return pl.col(by).cast(pl.String).fill_null("(none)").alias("group")


def _of_outputs(held: pl.DataFrame, given: pl.DataFrame, level: float) -> list[Part]:
    import polars as pl

    if not held.height:
        return []
    person = pl.col("route").is_in(["async_review", "sync_review", "manual"])
    counts = held.group_by("group").agg(
        pl.len().alias("outputs"),
        person.sum().alias("person"),
        (pl.col("route") == "auto_approve").sum().alias("auto"),
        pl.col("cost_usd").sum().alias("cost"),
        pl.col("cost_usd").count().alias("priced"),
    )
    wrong = given.filter(~pl.col("right") & (pl.col("stage") != "audit")).group_by("group")
    counts = counts.join(wrong.agg(pl.col("item").n_unique().alias("wrong")), on="group", how="left").fill_null(0)
    groups, total = counts["group"].to_list(), floats(counts["outputs"])
    parts = [counted("outputs", groups, total)]
    for name, column in (
        ("human_review_rate", "person"),
        ("auto_approval_rate", "auto"),
        ("correction_rate", "wrong"),
    ):
        parts.append(share(name, groups, np.minimum(floats(counts[column]), total), total, level))
    if counts["priced"].sum():
        cost = floats(counts["cost"])
        unknown = np.full(len(groups), np.nan)
        parts.append(Part("judge_cost_usd", groups, cost / total, unknown, unknown, cost, total, total))
    return parts


def _of_reviews(given: pl.DataFrame, level: float) -> list[Part]:
    import polars as pl

    if not given.height:
        return []
    counts = given.group_by("group").agg(
        pl.len().alias("reviews"),
        *((pl.col("verdict") == verdict).sum().alias(verdict) for verdict in ("approve", "edit", "reject")),
        (~pl.col("right")).sum().alias("overridden"),
        pl.col("due_at").count().alias("due"),
        (pl.col("at") <= pl.col("due_at")).sum().alias("in_time"),
    )
    groups, total = counts["group"].to_list(), floats(counts["reviews"])
    parts = [
        share(name, groups, floats(counts[column]), total, level)
        for name, column in (
            ("approval_rate", "approve"),
            ("modification_rate", "edit"),
            ("rejection_rate", "reject"),
            ("override_rate", "overridden"),
        )
    ]
    return [*parts, share("sla_compliance", groups, floats(counts["in_time"]), floats(counts["due"]), level)]


def _of_times(given: pl.DataFrame, level: float) -> list[Part]:
    import polars as pl

    active = given.filter(pl.col("active_seconds").is_not_null()).select("group", seconds="active_seconds")
    waited = given.filter(pl.col("stage") != "audit").select(
        "group", seconds=(pl.col("at") - pl.col("asked_at")).dt.total_microseconds() / 1e6
    )
    return [
        quantile("review_seconds_median", active, 0.5, level),
        quantile("review_seconds_p95", active, 0.95, level),
        quantile("turnaround_seconds_median", waited, 0.5, level),
    ]


def _of_labels(labelled: pl.DataFrame, level: float) -> list[Part]:
    import polars as pl

    if not labelled.height:
        return []
    rows = labelled.with_columns(
        (1.0 / pl.col("inclusion_probability").cast(pl.Float64)).alias("w"),
        (pl.col("route") == "auto_approve").alias("auto"),
    )
    parts = [weighted("accuracy", rows, pl.col("right"), level)]
    parts.append(weighted("escaped_error_rate", rows.filter("auto"), ~pl.col("right"), level))
    return [*parts, f1(rows), calibration(rows, level)]
