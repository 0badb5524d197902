"""All figures of a period, from the frames of facts; what each means is in definitions.py. Pure.

Public: `Facts`, `prepare`, `chosen_rows`, `compute_figures`, `PERIODS`, `GROUPS`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hitl_core.domain.errors import InputError, did_you_mean
from hitl_core.domain.labels import COSMETIC
from hitl_core.reports.figures import (
    Part,
    aggregated,
    calibration,
    counted,
    f1,
    floats,
    frame,
    mean,
    named,
    nothing,
    quantiles,
    share,
    weighted,
)
from hitl_core.reports.labels import among, judged, labels_of

if TYPE_CHECKING:
    import polars as pl

PERIODS = {"day": "1d", "week": "1w", "month": "1mo", "quarter": "1q"}
OUTPUT_GROUPS = ("domain", "model", "label", "project", "policy_version")
GROUPS = (*OUTPUT_GROUPS, "reviewer")
LABEL = (*OUTPUT_GROUPS, "decision", "route", "reasons", "confidence", "inclusion_probability")
PEOPLE = ("async_review", "sync_review", "manual")
OPINION = ("verdict", "right", "at", "due_at", "stage", "asked_at", "active_seconds")
Only = Mapping[str, str | int]


class Facts(NamedTuple):
    """What figures are made of; read it through `chosen_rows`.

    Nothing is copied: rows that do not count stay where they are, with `stands` false.

    Attributes:
        held: decisions; those that a later one supersedes do not stand.
        given: reviews, with `right` by the label rule, see `labels.judged`; those taken back do not stand.
        labelled: outputs with a label drawn by design, one row each; `at` is the time they were decided about. Only
            at, item, right and `LABEL`.
        reviewed: outputs that review settled, blind audits aside, likewise; only at, item, right and the groups.
    """

    held: pl.DataFrame
    given: pl.DataFrame
    labelled: pl.DataFrame
    reviewed: pl.DataFrame


def prepare(decisions: pl.DataFrame, reviews: pl.DataFrame, cosmetic: Collection[str] = COSMETIC) -> Facts:
    """Return the facts of two frames (columns: store/frames/facts.py), once for all questions about them.

    Args:
        decisions: the frame of decisions.
        reviews: the frame of reviews.
        cosmetic: reasons with which an edit still says right.
    """
    later = decisions["supersedes"].is_not_null()
    gone, by_design = decisions["supersedes"].filter(later), decisions["origin"].filter(later) == "design"
    given = judged(reviews, cosmetic)
    # What was said about an earlier decision by design does not label the later one.
    current = given["stands"] & ~among(given["decision"], gone.filter(by_design))
    return Facts(
        held=decisions.with_columns((~among(decisions["decision"], gone)).alias("stands")),
        given=given,
        labelled=labels_of(given, current & (given["origin"] == "design"), LABEL),
        reviewed=labels_of(given, current & (given["stage"] != "audit"), OUTPUT_GROUPS),
    )


def chosen_rows(
    rows: pl.DataFrame, since: datetime | None, until: datetime | None, only: Only, columns: Sequence[Any] = ()
) -> pl.DataFrame:
    """Return the rows that stand, of a time, from `since` on and before `until`, and with the values of `only`.

    Args:
        rows: one of the `Facts`.
        since: None is without a bound.
        until: likewise.
        only: values by group.
        columns: names and expressions to return, default all columns; others are not copied.

    Raises:
        InputError: a key of `only` is no group.
    """
    chosen = _chosen(rows, since, until, only)
    return (chosen.select(*columns) if columns else chosen).collect()


def _chosen(rows: pl.DataFrame, since: datetime | None, until: datetime | None, only: Only) -> pl.LazyFrame:
    import polars as pl

    conditions = [] if rows["stands"].all() else [pl.col("stands")]
    if since is not None:
        conditions.append(pl.col("at") >= since)
    if until is not None:
        conditions.append(pl.col("at") < until)
    for name, value in only.items():
        if name not in GROUPS:
            raise InputError(f"cannot choose by {name!r}{did_you_mean(name, GROUPS)}; choose from {', '.join(GROUPS)}")
        conditions.append(pl.col(name) == (value if name == "policy_version" else str(value)))
    return rows.lazy().filter(*conditions) if conditions else rows.lazy()


def compute_figures(
    facts: Facts,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    by: str | None = None,
    only: Only | None = None,
    level: float = 0.95,
) -> pl.DataFrame:
    """Return the figures of a period.

    Args:
        facts: see `prepare`.
        since: from this time on. Reviews count by their own time, outputs and labels by that of the decision.
        until: before this time.
        by: None for one group, or day, week, month, quarter, domain, model, label, project, policy_version, reviewer.
        only: only rows with these values, such as `{"domain": "legal"}`; keys are those of `GROUPS`.
        level: of the intervals: Wilson for shares (with Kish's effective n where weighted), order statistics for
            times, bootstrap for the calibration error.

    Returns:
        Columns group, metric, value, low, high, n, numerator, denominator; sorted by group and metric. A figure
        without rows is left out, and so are figures of outputs where reviewers are asked about; bounds are null where
        the rows cannot carry any. Groups in time are named by the date they begin on.

    Raises:
        InputError: `by` or a key of `only` is not known.
    """
    import polars as pl

    known = (*PERIODS, *GROUPS)
    if by is not None and by not in known:
        raise InputError(f"cannot group by {by!r}{did_you_mean(by, known)}; choose from {', '.join(known)}")
    chosen = only or {}

    def rows(frame: pl.DataFrame, *columns: Any) -> pl.LazyFrame:
        return _chosen(frame, since, until, chosen).select(_group(by), *columns)

    given = rows(facts.given, *OPINION)
    parts = [*_of_reviews(given, level), *_of_times(given, level)]
    if by != "reviewer" and "reviewer" not in chosen:
        strata = _strata(rows(facts.held, "route", "cost_usd"))
        parts += _of_outputs(strata, rows(facts.reviewed, "right"), level)
        parts += _of_labels(strata, rows(facts.labelled, *_label_columns()).collect(), level)
    frames = [frame(part) for part in parts if part.groups]
    return pl.concat(frames).sort("group", "metric") if frames else frame(nothing())


def _group(by: str | None) -> pl.Expr:
    """Return what rows are grouped by, cheap to compare; `figures.named` makes text of it."""
    import polars as pl

    if by is None:
        return pl.lit(value=True).alias("group")
    return (pl.col("at").dt.truncate(PERIODS[by]) if by in PERIODS else pl.col(by)).alias("group")


def _strata(held: pl.LazyFrame) -> pl.DataFrame:
    """Count outputs of each group by where they went."""
    import polars as pl

    return aggregated(
        held,
        pl.len().alias("outputs"),
        pl.col("route").is_in(PEOPLE).sum().alias("person"),
        (pl.col("route") == "auto_approve").sum().alias("auto"),
        pl.col("cost_usd").sum(),
        pl.col("cost_usd").count().alias("priced"),
        (pl.col("cost_usd") ** 2).sum().alias("cost_squares"),
    )


def _of_outputs(strata: pl.DataFrame, reviewed: pl.LazyFrame, level: float) -> list[Part]:
    import polars as pl

    if not strata.height:
        return []
    wrong = aggregated(reviewed, (~pl.col("right")).sum().alias("wrong"))
    counts = strata.join(wrong, on="group", how="left", nulls_equal=True).with_columns(pl.col("wrong").fill_null(0))
    groups, total = named(counts["group"]), floats(counts["outputs"])
    parts = [counted("outputs", groups, total)]
    for name, column in (
        ("human_review_rate", "person"),
        ("auto_approval_rate", "auto"),
        ("correction_rate", "wrong"),
    ):
        parts.append(share(name, groups, np.minimum(floats(counts[column]), total), total, level))
    if counts["priced"].sum():
        parts.append(
            mean("judge_cost_usd", groups, floats(counts["cost_usd"]), floats(counts["cost_squares"]), total, level)
        )
    return parts


def _of_reviews(given: pl.LazyFrame, level: float) -> list[Part]:
    import polars as pl

    counts = aggregated(
        given,
        pl.len().alias("reviews"),
        *((pl.col("verdict") == verdict).sum().alias(verdict) for verdict in ("approve", "edit", "reject")),
        (~pl.col("right")).sum().alias("overridden"),
        pl.col("due_at").count().alias("due"),
        (pl.col("at") <= pl.col("due_at")).sum().alias("in_time"),
    )
    groups, total = named(counts["group"]), floats(counts["reviews"])
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


def _of_times(given: pl.LazyFrame, level: float) -> list[Part]:
    import polars as pl

    active = given.select("group", seconds="active_seconds").drop_nulls("seconds").collect()
    waited = (pl.col("at") - pl.col("asked_at")).dt.total_microseconds() / 1e6
    asked = given.filter(pl.col("stage") != "audit").select("group", seconds=waited).collect()
    return [
        *quantiles({"review_seconds_median": 0.5, "review_seconds_p95": 0.95}, active, level),
        *quantiles({"turnaround_seconds_median": 0.5}, asked, level),
    ]


def _label_columns() -> list[Any]:
    import polars as pl

    weight, auto = 1.0 / pl.col("inclusion_probability"), pl.col("route") == "auto_approve"
    return ["confidence", "right", weight.alias("w"), auto.alias("auto")]


def _of_labels(strata: pl.DataFrame, rows: pl.DataFrame, level: float) -> list[Part]:
    import polars as pl

    if not rows.height:
        return []
    sums = (pl.col("w").sum().alias("mass"), (pl.col("w") ** 2).sum().alias("squares"), pl.len().alias("n"))
    cells = rows.lazy().group_by("group", "auto", "right").agg(*sums).collect(engine="streaming")
    known = _known(strata, cells)
    whole = cells.join(known, on="group", how="semi", nulls_equal=True)
    if known.height < strata.height:
        rows = rows.join(known, on="group", how="semi", nulls_equal=True)
    return [
        weighted("accuracy", whole, pl.col("right"), level),
        weighted("escaped_error_rate", cells.filter("auto"), ~pl.col("right"), level),
        f1(whole, level),
        calibration(rows, level),
    ]


def _known(strata: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """Return the groups where labels stand for all outputs: some of those that went out, some of those reviewed."""
    import polars as pl

    labels = cells.group_by("group").agg(pl.col("auto").any().alias("audits"), (~pl.col("auto")).any().alias("reviews"))
    both = strata.join(labels, on="group", nulls_equal=True)
    return both.filter((pl.col("audits") | (pl.col("auto") == 0)) & (pl.col("reviews") | (pl.col("person") == 0)))
