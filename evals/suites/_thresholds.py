"""Outputs with a confidence and people's verdict, and the ways to choose the threshold above which they go out."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evals.harness.cases import Dataset, place
from evals.suites import _openqa
from evals.suites._ballots import SYSTEMS, evouna_ballots, same_of_evouna
from hitl_core.confidence.cold_start import cold_start_score
from hitl_core.confidence.signals import measure_texts
from hitl_core.domain.policy_cost import Prices
from hitl_core.reports.choosing import choose_steadily
from hitl_core.reports.cost import REVIEW_ALL, choose_cheapest

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
PRICES = Prices(human_usd=2.0, model_usd=0.01, escaped_error_usd=20.0, reviewer_miss=0.0)
REVIEWED = PRICES.human_usd + PRICES.model_usd
MATCHED_ERROR = 0.05
FOLDS = 5
GROUPS_KEPT = 600


class Outputs(NamedTuple):
    """One set: what says how sure, whether the output was right, and what it belongs to; one entry an output."""

    name: str
    ids: list[str]
    group: list[str]
    domain: list[str]
    confidence: Floats
    right: Bools


def choose_accurate(confidence: Floats, right: Bools) -> float:
    """Return the lowest threshold above which at most `MATCHED_ERROR` of the outputs were wrong: no price counts."""
    order = np.argsort(-confidence, kind="stable")
    ordered = confidence[order]
    error = np.cumsum(~right[order]) / np.arange(1, ordered.size + 1)
    last = np.append(ordered[1:] != ordered[:-1], True)
    good = np.flatnonzero(last & (error <= MATCHED_ERROR))
    return float(ordered[good[-1]]) if good.size else REVIEW_ALL


CHOOSERS: dict[str, Callable[[Floats, Bools], float]] = {
    "steady choice": lambda c, right: choose_steadily(c, right, prices=PRICES),
    "cheapest on the labels": lambda c, right: choose_cheapest(c, right, prices=PRICES),
    f"error at most {MATCHED_ERROR:.0%}": choose_accurate,
    "fixed .80": lambda _c, _right: 0.8,
    "fixed .95": lambda _c, _right: 0.95,
}
OWN, *RIVALS = CHOOSERS


def folds_of(group: list[str], seed: int) -> NDArray[np.int64]:
    """Return a fold from 0 for each row; rows of a group are in one fold, folds have about equally many groups."""
    names, index = np.unique(np.array(group), return_inverse=True)
    order = np.argsort([place(name, seed) for name in names.tolist()])
    fold = np.empty(names.size, dtype=np.int64)
    fold[order] = np.arange(names.size) % FOLDS
    return fold[index]


def thinned(cases: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Return the cases of at most `GROUPS_KEPT` groups, drawn by a seeded hash: enough to compare two runs by."""
    names = sorted(cases["group"].unique().to_list(), key=lambda name: place(name, seed))
    return cases.filter(pl.col("group").is_in(names[:GROUPS_KEPT]))


def costs(outputs: Outputs, threshold: float | Floats) -> Floats:
    """Return USD an output: reviewed below the threshold, out at or above it."""
    out = outputs.confidence >= threshold
    return PRICES.model_usd + np.where(out, PRICES.escaped_error_usd * ~outputs.right, PRICES.human_usd)


def cheapest_in_hindsight(outputs: Outputs) -> float:
    """Return the one threshold that would have been cheapest on these very rows."""
    return choose_cheapest(outputs.confidence, outputs.right, prices=PRICES)


def translations(data: Dataset) -> Outputs:
    """Machine translations with the translating model's own mean token probability; domain: language pair."""
    return _outputs("mlqe_pe", data.only(pl.col("confidence").is_not_null() & pl.col("label").is_not_null()).frame)


def judged_answers(data: Dataset) -> Outputs:
    """Answers with what three recorded judges say: the mean of BEM's probability and two votes."""
    rows = _openqa.judged(data).filter(pl.col("bem_prob").is_not_null())
    votes = sum((rows[judge] == "approve").cast(pl.Float64) for judge in ("davinci003", "gpt4"))
    return _outputs("openqa_eval", rows.with_columns(confidence=(rows["bem_prob"] + votes) / 3, label=rows["right"]))


def answers_of_systems(data: Dataset) -> Outputs:
    """Five systems' answers, each with the share of the other four that say the same; domain: the system."""
    answers = same_of_evouna(data)
    parts = [evouna_ballots(answers, system) for system in SYSTEMS]
    shares = [np.mean([np.array(cast) == "approve" for cast in each.votes.values()], axis=0) for each in parts]
    return Outputs(
        "evouna",
        [case for each in parts for case in each.case_id],
        [group for each in parts for group in each.group],
        [system for system, each in zip(SYSTEMS, parts, strict=True) for _ in each.group],
        np.concatenate(shares),
        np.concatenate([each.right for each in parts]),
    )


def grounded(data: Dataset) -> Outputs:
    """Outputs with the cold-start score of their support by the context, fitted to nothing."""
    has_text = pl.col("context").list.len().gt(0) & pl.col("output").str.strip_chars().ne("")
    frame = data.frame.filter(pl.col("label").is_not_null() & has_text)
    texts = frame.select("query", "context", "output").iter_rows()
    scores = [
        cold_start_score(measure_texts(query or "", passages, output)).p or 0.0 for query, passages, output in texts
    ]
    return _outputs(data.name, frame.with_columns(confidence=pl.Series(scores, dtype=pl.Float64)))


def _outputs(name: str, frame: pl.DataFrame) -> Outputs:
    domain = frame["domain"].to_list() if "domain" in frame.columns else [""] * frame.height
    confidence, right = frame["confidence"].to_numpy().astype(np.float64), frame["label"].to_numpy().astype(np.bool_)
    return Outputs(name, frame["case_id"].to_list(), frame["group"].to_list(), domain, confidence, right)
