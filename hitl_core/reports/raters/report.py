"""The whole report on agreement, from the long frame of raters. Pure: `agreement_report`, `AgreementReport`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from hitl_core.reports.raters import coefficients, tables
from hitl_core.reports.raters.opinions import COMMITTEE, JUDGE, PERSON

DAYS_BY_DAY, DAYS_BY_WEEK = 21, 400


@dataclass(frozen=True, slots=True, eq=False)
class AgreementReport:
    """What leads see of raters; every frame's columns are described where it is made.

    Attributes:
        opinions: independent opinions, latest of each rater.
        items: outputs with two of them or more.
        people: raters who are people.
        judges: raters who are judges.
        settled: outputs that a senior settled.
        bucket: by what `over_time` groups: day, week or month.
        coefficients: see `coefficients.coefficients`.
        pairs: see `coefficients.pairs`.
        over_time: see `coefficients.alpha_by`; group is the ISO date on which a period begins.
        by_domain: likewise; group is the domain.
        by_reason: see `coefficients.alpha_by_reason`.
        raters: see `tables.raters`.
        against_people: see `tables.judges`.
        disputed: see `tables.disputed`.
        converged: whether the raters' model settled; None without one.
        iterations: how many steps that took.
    """

    opinions: int
    items: int
    people: int
    judges: int
    settled: int
    bucket: str
    coefficients: pl.DataFrame
    pairs: pl.DataFrame
    over_time: pl.DataFrame
    by_domain: pl.DataFrame
    by_reason: pl.DataFrame
    raters: pl.DataFrame
    against_people: pl.DataFrame
    disputed: pl.DataFrame
    converged: bool | None
    iterations: int


def agreement_report(frame: pl.DataFrame, *, with_judges: bool = False, level: float = 0.95) -> AgreementReport:
    """Return the report on the opinions in a frame.

    A senior who settles an item has read the others: that word is the label, and no opinion in a coefficient. A
    committee whose members' votes are known is compared with each rater, but has no voice of its own beside them.

    Args:
        frame: as `opinions.rater_frame` makes it, already filtered.
        with_judges: whether alpha over time and by domain hears judges too.
        level: of all intervals.
    """
    opinions = frame.filter(pl.col("stage") != "adjudicate")
    seniors = tables.senior_words(frame)
    items = tables.people_by_item(opinions, seniors)
    voices = opinions.filter(pl.col("stage") != COMMITTEE)
    model = tables.fit_model(voices, seniors)
    heard = voices if with_judges else voices.filter(pl.col("rater_kind") == PERSON)
    bucket, group = _bucket(heard)
    kinds = opinions.group_by("rater_kind").agg(pl.col("rater_id").n_unique())
    counted = dict(kinds.iter_rows())
    return AgreementReport(
        opinions=voices.height,
        items=int((voices.group_by("task_id").len()["len"] >= 2).sum()),
        people=counted.get(PERSON, 0),
        judges=counted.get(JUDGE, 0),
        settled=seniors.height,
        bucket=bucket,
        coefficients=coefficients.coefficients(voices, level=level),
        pairs=coefficients.pairs(opinions, level=level),
        over_time=coefficients.alpha_by(heard, group, level=level),
        by_domain=coefficients.alpha_by(heard, pl.col("domain").fill_null("(none)"), level=level),
        by_reason=coefficients.alpha_by_reason(opinions, level=level),
        raters=tables.raters(opinions, voices, items, model, level=level),
        against_people=tables.judges(opinions, tables.truths(items), level=level),
        disputed=tables.disputed(voices, items, model),
        converged=None if model is None else model.converged,
        iterations=0 if model is None else model.iterations,
    )


def _bucket(opinions: pl.DataFrame) -> tuple[str, pl.Expr]:
    """By what the time is divided, so that a figure has some ten to sixty points."""
    first, last = opinions["created_at"].min(), opinions["created_at"].max()
    days = (last - first) / timedelta(days=1) if first is not None and last is not None else 0.0  # type: ignore[operator]
    name, every = ("day", "1d") if days <= DAYS_BY_DAY else ("week", "1w") if days <= DAYS_BY_WEEK else ("month", "1mo")
    return name, pl.col("created_at").dt.truncate(every).dt.strftime("%Y-%m-%d")
