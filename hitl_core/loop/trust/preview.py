"""What each position of a threshold would mean: share reviewed, error with its bound, work and money a month.

Public: `preview_thresholds`, `MonthlyPrices`, `GRID`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hitl_core.calibration import slider_bounds
from hitl_core.domain.errors import InputError
from hitl_core.loop.trust.calibrating import FittedCalibrator, certifying_rows, compared
from hitl_core.loop.trust.evidence import Evidence

if TYPE_CHECKING:
    import polars as pl

GRID = tuple(round(step / 100, 2) for step in range(101))


@dataclass(frozen=True)
class MonthlyPrices:
    """Minutes of a review, what an hour of a reviewer costs, and what an error that slipped through costs (USD)."""

    review_minutes: float = 1.5
    hour_usd: float = 40.0
    escaped_usd: float = 20.0

    def __post_init__(self) -> None:
        for name in ("review_minutes", "hour_usd", "escaped_usd"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise InputError(f"{name} must be a number of at least 0; got {getattr(self, name)!r}")


def preview_thresholds(
    evidence: Evidence, fitted: FittedCalibrator | None, *, delta: float, prices: MonthlyPrices
) -> pl.DataFrame:
    """Return one row for each threshold of a grid that is fixed before any label is seen.

    Returns:
        The columns of `slider_bounds` (threshold, n, effective_n, errors, coverage, error, bound, guarantee: all bounds
        hold together with probability 1 - delta), and, estimated for a month like the window:
            share_reviewed, share_low, share_high: of the items, with audits left out, and its 95 % interval.
            escaped, escaped_bound: wrong items that go out.
            items: that a threshold decides about.
            hours, hours_low, hours_high: of reviewers, as far as the share reviewed goes.
            cost_usd, cost_bound_usd: reviews and what slips through; the bound at the most reviews and the most errors.
    """
    import polars as pl

    rows = certifying_rows(evidence, fitted)
    frame = slider_bounds(
        compared(rows, fitted),
        rows["correct"].to_numpy(),
        GRID,
        delta=delta,
        inclusion=rows["inclusion_probability"].to_numpy(),
        groups=rows["group"].to_numpy(),
    )
    items = evidence.items_a_month
    out, a_share = pl.col("coverage"), items * prices.review_minutes / 60
    frame = frame.with_columns(
        items=pl.lit(float(items)),
        share_reviewed=1 - out,
        share_low=1 - pl.col("coverage_high"),
        share_high=1 - pl.col("coverage_low"),
        escaped=out * pl.col("error").fill_null(0) * items,
        escaped_bound=pl.col("coverage_high") * pl.col("bound") * items,
    )
    frame = frame.with_columns(
        hours=pl.col("share_reviewed") * a_share,
        hours_low=pl.col("share_low") * a_share,
        hours_high=pl.col("share_high") * a_share,
    )
    return frame.with_columns(
        cost_usd=pl.col("hours") * prices.hour_usd + pl.col("escaped") * prices.escaped_usd,
        cost_bound_usd=pl.col("hours_high") * prices.hour_usd + pl.col("escaped_bound") * prices.escaped_usd,
    )
