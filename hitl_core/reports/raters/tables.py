"""Each rater against the consensus and in a fitted model, judges against people, and what was disputed most.

Public: `truths`, `raters`, `judges`, `disputed`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from hitl_core.agreement import ConsensusResult, dawid_skene, judge_against_people, rater_rates
from hitl_core.reports.raters.opinions import JUDGE, PERSON, RIGHT, WRONG
from hitl_core.stats import wilson_bounds

SMOOTHING = 0.5
"""Imagined labels in each cell of each confusion matrix: one careless label does not condemn a rater."""
ITERATIONS, TOLERANCE = 300, 1e-6
MOST_DISPUTED = 50


def senior_words(frame: pl.DataFrame) -> pl.DataFrame:
    """Return what seniors settled: task_id, senior (right or wrong); the newest word of each item."""
    settled = frame.filter(pl.col("stage") == "adjudicate").sort("created_at")
    return settled.group_by("task_id").agg(pl.col("label").last().alias("senior"))


def people_by_item(opinions: pl.DataFrame, seniors: pl.DataFrame) -> pl.DataFrame:
    """Return people's voices an item: task_id, rights, wrongs, complete (all wanted came), senior, weight.

    `weight` is one over the probability that people saw the item, null where it was not drawn by design.
    """
    people = opinions.filter(pl.col("rater_kind") == PERSON)
    design = pl.col("origin") == "design"
    counted = people.group_by("task_id").agg(
        (pl.col("label") == RIGHT).sum().alias("rights"),
        (pl.col("label") == WRONG).sum().alias("wrongs"),
        (pl.len() >= pl.col("overlap").max()).alias("complete"),
        (1 / pl.col("inclusion_probability").filter(design).last()).alias("weight"),
    )
    return counted.join(seniors, on="task_id", how="left")


def truths(items: pl.DataFrame) -> pl.DataFrame:
    """Return the label that holds by people: a senior's word, else the majority of complete voices; ties have none."""
    return items.select("task_id", "weight", _consensus(pl.col("rights"), pl.col("wrongs")).alias("truth")).drop_nulls(
        "truth"
    )


def fit_model(opinions: pl.DataFrame, seniors: pl.DataFrame) -> ConsensusResult | None:
    """Fit Dawid and Skene's model to items with two opinions or a senior's word; None where there is none."""
    twice = pl.col("task_id").is_duplicated() | pl.col("task_id").is_in(seniors["task_id"].implode())
    votes = opinions.filter(twice).select("task_id", "rater_id", "label")
    if votes.is_empty():
        return None
    return dawid_skene(
        votes,
        smoothing=SMOOTHING,
        iterations=ITERATIONS,
        tolerance=TOLERANCE,
        categories=(RIGHT, WRONG),
        known=dict(seniors.iter_rows()),
    )


def raters(
    opinions: pl.DataFrame,
    voices: pl.DataFrame,
    items: pl.DataFrame,
    model: ConsensusResult | None,
    *,
    level: float = 0.95,
) -> pl.DataFrame:
    """Return one row a rater; `voices` are the opinions that the model was fitted to.

    Columns rater_id, rater_kind, labels (opinions given), says_right (share of them), consensus (share that agrees with
    a senior, else with the majority of the other people), consensus_low, consensus_high, n (opinions with a consensus),
    and of the fitted model sensitivity (right outputs found right), specificity (wrong ones found wrong), each with
    _low and _high, and positives and negatives, the expected numbers of right and wrong outputs among the rated.
    """
    own = pl.col("rater_kind") == PERSON
    against = opinions.join(items, on="task_id", how="left").with_columns(
        (pl.col("rights").fill_null(0) - (own & (pl.col("label") == RIGHT))).alias("rights"),
        (pl.col("wrongs").fill_null(0) - (own & (pl.col("label") == WRONG))).alias("wrongs"),
        pl.lit(value=True).alias("complete"),
    )
    judged = against.with_columns(_consensus(pl.col("rights"), pl.col("wrongs")).alias("truth"))
    rows = judged.group_by("rater_id", "rater_kind").agg(
        pl.len().alias("labels"),
        (pl.col("label") == RIGHT).mean().alias("says_right"),
        (pl.col("label") == pl.col("truth")).sum().alias("hits"),
        pl.col("truth").count().alias("n"),
    )
    low, high = wilson_bounds(rows["hits"].to_numpy(), rows["n"].to_numpy(), confidence=level)
    shown = rows.with_columns(
        pl.when(pl.col("n") > 0).then(pl.col("hits") / pl.col("n")).alias("consensus"),
        pl.Series("consensus_low", low),
        pl.Series("consensus_high", high),
    ).drop("hits")
    return shown.join(_rates(voices, model, level), on="rater_id", how="left").sort(
        "rater_kind", "labels", "rater_id", descending=[True, True, False]
    )


def judges(opinions: pl.DataFrame, truth: pl.DataFrame, *, level: float = 0.95) -> pl.DataFrame:
    """Return one row a judge against people's labels, weighted so that items stand for all that the judge saw.

    Columns judge, kappa, low, high, band, n (items people labelled), tpr, tpr_low, tpr_high, positives, tnr, tnr_low,
    tnr_high, negatives, agreement, base_rate, warning. Intervals are those of the effective number of items.
    """
    said = opinions.filter(pl.col("rater_kind") == JUDGE).join(truth.drop_nulls("weight"), on="task_id")
    rows = [_judge(str(name), rows, level) for (name,), rows in said.group_by("rater_id") if rows.height]
    kinds = dict.fromkeys(("judge", "band", "warning"), pl.String) | dict.fromkeys(_JUDGE_NUMBERS, pl.Float64)
    if not rows:
        return pl.DataFrame(schema=kinds | {"n": pl.Int64})
    return pl.DataFrame(rows, schema_overrides=kinds).with_columns(pl.col(_JUDGE_NUMBERS).fill_nan(None)).sort("judge")


def disputed(opinions: pl.DataFrame, items: pl.DataFrame, model: ConsensusResult | None) -> pl.DataFrame:
    """Return the items on which raters differ most, the most evenly split first; those still asked about are left out.

    Columns task_id, people_right, people_wrong, judges_right, judges_wrong, senior, p_right (believed by the model),
    split (1 is an even split), domain, newest, review and made_ms (of one review of the item).
    """
    judge, right = pl.col("rater_kind") == JUDGE, pl.col("label") == RIGHT
    votes = opinions.group_by("task_id").agg(
        (right & ~judge).sum().alias("people_right"),
        (~right & ~judge).sum().alias("people_wrong"),
        (right & judge).sum().alias("judges_right"),
        (~right & judge).sum().alias("judges_wrong"),
        pl.col("created_at").max().alias("newest"),
        pl.col("domain").first(),
        pl.col("review").filter(~judge).first(),
        pl.col("made_ms").filter(~judge).first(),
    )
    total = pl.sum_horizontal("people_right", "people_wrong", "judges_right", "judges_wrong")
    agree = (pl.col("people_right") + pl.col("judges_right")).cast(pl.Float64)
    split = (1 - (2 * agree / total - 1).abs()).alias("split")
    told = items.filter(pl.col("complete") | pl.col("senior").is_not_null()).select("task_id", "senior")
    found = votes.with_columns(split).filter(pl.col("split") > 0).join(told, on="task_id")
    found = found.join(_beliefs(model), on="task_id", how="left")
    return found.sort("split", total, "newest", "task_id", descending=[True, True, True, False]).head(MOST_DISPUTED)


_JUDGE_NUMBERS = (
    *("kappa", "low", "high", "tpr", "tpr_low", "tpr_high", "tnr", "tnr_low", "tnr_high"),
    *("positives", "negatives", "agreement", "base_rate"),
)


def _judge(name: str, rows: pl.DataFrame, level: float) -> dict[str, Any]:
    people, said, weights = rows["truth"].to_list(), rows["label"].to_list(), rows["weight"].to_numpy()
    swapped = RIGHT not in {*people, *said}  # a label that nobody used cannot be the positive one
    positive = WRONG if swapped else RIGHT
    found = judge_against_people(people, said, positive=positive, confidence=level, weights=weights)
    rates = [(found.tpr, found.tpr_interval), (found.tnr, found.tnr_interval)]
    (tpr, tpr_ends), (tnr, tnr_ends) = rates[::-1] if swapped else rates
    right = np.array([each == RIGHT for each in people])
    return {
        "judge": name,
        "kappa": found.kappa.value,
        "low": found.kappa.low,
        "high": found.kappa.high,
        "band": found.kappa.band,
        "n": rows.height,
        "tpr": tpr,
        "tpr_low": tpr_ends.low,
        "tpr_high": tpr_ends.high,
        "positives": float(right.sum()),
        "tnr": tnr,
        "tnr_low": tnr_ends.low,
        "tnr_high": tnr_ends.high,
        "negatives": float((~right).sum()),
        "agreement": found.kappa.observed,
        "base_rate": float(weights[right].sum() / weights.sum()),
        "warning": found.kappa.warning,
    }


def _consensus(rights: pl.Expr, wrongs: pl.Expr) -> pl.Expr:
    majority = pl.when(rights > wrongs).then(pl.lit(RIGHT)).when(wrongs > rights).then(pl.lit(WRONG))
    return pl.coalesce("senior", pl.when(pl.col("complete")).then(majority))


def _rates(opinions: pl.DataFrame, model: ConsensusResult | None, level: float) -> pl.DataFrame:
    columns = [f"{rate}{end}" for rate in ("sensitivity", "specificity") for end in ("", "_low", "_high")]
    schema: dict[str, Any] = {"rater_id": pl.String} | dict.fromkeys((*columns, "positives", "negatives"), pl.Float64)
    if model is None:
        return pl.DataFrame(schema=schema)
    known = pl.DataFrame({"task_id": list(model.tasks)}, schema={"task_id": opinions["task_id"].dtype})
    votes = opinions.join(known, on="task_id").select("task_id", "rater_id", "label")
    return rater_rates(votes, model, positive=RIGHT, smoothing=SMOOTHING, confidence=level).select(list(schema))


def _beliefs(model: ConsensusResult | None) -> pl.DataFrame:
    tasks, p = ([], []) if model is None else (list(model.tasks), model.posterior[:, 0].tolist())
    return pl.DataFrame({"task_id": tasks, "p_right": p}, schema={"task_id": pl.UInt64, "p_right": pl.Float64})
