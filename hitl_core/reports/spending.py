"""What review costs and saves: the curve over the threshold, savings of what was done, and how many people it takes.

Public: `CostReport`, `Saving`, `threshold_rows`, `saving`. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from hitl_core.domain.policy_cost import Prices

if TYPE_CHECKING:
    import polars as pl

    from hitl_core.reports.cost import CostCurve
    from hitl_core.reports.staffing import Staffing

FEWEST_LABELS = 30
"""With fewer labelled outputs no curve is drawn."""
OF_THRESHOLDS = ("policy_version", "reasons", "confidence", "right", "inclusion_probability")
"""Columns of labelled outputs that `threshold_rows` looks at."""


@dataclass(frozen=True)
class Saving:
    """USD saved for each output against reviewing everything, with its interval; `total_usd` over the period."""

    value: float
    low: float
    high: float
    total_usd: float
    n: int


@dataclass(frozen=True)
class CostReport:
    """What a period cost and what other thresholds would have cost.

    Attributes:
        prices: by which it was reckoned, with the measured minutes of a review where they count.
        outputs, reviews: decided about and reviewed in the period.
        labels: outputs with a label drawn by design whose threshold decided (no rule forced them): the curve's rows.
        curve: expected cost over the threshold; None with fewer than `FEWEST_LABELS` labels.
        live_threshold: from where on outputs go out by the live policy, None where none does.
        steady: the threshold for outputs still to come, see `choosing.choose_steadily`; above 1 where reviewing
            everything is safer; None without a curve.
        saved: what was saved against reviewing everything; None before any audit came back.
        review_seconds: mean active time of a review; None where nobody measured any.
        per_hour: outputs for a person that came in an hour, on average over the period.
        staffing: people who review at the same time so that `within` of the outputs are taken in time; None where
            the times are unknown.
        judge_calls, judge_usd, judge_unknown: calls to models by judges, their cost, and calls of unknown cost.
    """

    prices: Prices
    outputs: int
    reviews: int
    labels: int
    curve: CostCurve | None
    live_threshold: float | None
    saved: Saving | None
    review_seconds: float | None
    per_hour: float
    staffing: Staffing | None
    judge_calls: int
    judge_usd: float
    judge_unknown: int
    steady: float | None = None


def threshold_rows(labelled: pl.DataFrame, forcing: Mapping[int, frozenset[str]]) -> pl.DataFrame:
    """Return the labelled outputs about which the threshold decided.

    Args:
        labelled: one row for each labelled output that stands (`metrics.Facts.labelled`), with `OF_THRESHOLDS`.
        forcing: for each policy version the ids of its rules that name a route.

    Returns:
        Columns confidence, right, w (1 / inclusion probability); rows without a confidence and those that a rule
        forced are left out.
    """
    import polars as pl

    pairs = labelled.select("policy_version", "reasons").unique()
    forced = [not forcing.get(version, frozenset()).isdisjoint(orjson.loads(text)) for version, text in pairs.rows()]
    free = pairs.filter(~pl.Series(forced, dtype=pl.Boolean))
    rows = labelled.filter(pl.col("confidence").is_not_null())
    rows = rows.join(free, on=["policy_version", "reasons"], how="semi")
    return rows.select("confidence", "right", w=1.0 / pl.col("inclusion_probability").cast(pl.Float64))


def saving(figures: Mapping[str, Mapping[str, Any]], prices: Prices) -> Saving | None:
    """Return what was saved against reviewing everything: reviews not paid for, less errors that a person had caught.

    Args:
        figures: the period's metrics by name: `auto_approval_rate` is known, `escaped_error_rate` an estimate, whose
            interval carries over.
        prices: what things cost.
    """
    auto, escaped = figures.get("auto_approval_rate"), figures.get("escaped_error_rate")
    if auto is None or escaped is None:
        return None
    caught = (1 - prices.reviewer_miss) * prices.escaped_error_usd
    value, low, high = (
        float(auto["value"]) * (prices.review_usd - caught * float(escaped[name])) for name in ("value", "high", "low")
    )
    return Saving(value, low, high, value * float(auto["denominator"]), int(escaped["n"]))
