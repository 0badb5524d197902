"""Scorer: does it rank right outputs above wrong ones, on a set it was fitted for and on one it never saw.

Three scores side by side: the logistic regression over all signals, by group-aware cross-validation; the cold-start
formula, fitted to nothing; and the best single signal, chosen and turned on the very rows it is measured on, so
flattered. Across sets the regression is fitted on the other sets together, but not on those with the same questions.
Cases without a context are left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from evals import datasets
from evals.harness.cases import Dataset
from evals.reporting.drawings import draw_intervals
from evals.suite import Drawing, Measure, SuiteContext, SuiteResult, Table
from hitl_core.confidence.cold_start import cold_start_score
from hitl_core.confidence.fitting import cross_validated_scores, fit_scorer
from hitl_core.confidence.scorer import FEATURES, features_of
from hitl_core.confidence.signals import Signals, measure_texts
from hitl_core.domain.errors import InputError
from hitl_core.stats.ranking import FloatArray, ranking_auroc, ranking_interval

NAME = "scorer"
DESCRIPTION = "Does the scorer rank right above wrong: AUROC fitted, cold start, best signal; per set and across sets"
SETS = ("defacto", "expertqa_answers", "expertqa_claims", "summedits")
METHODS = {
    "fitted": "fitted on the set, cross-validated over groups",
    "cold": "cold-start formula",
    "signal": "best single signal",
    "across": "fitted on the other sets",
}


class Measured(NamedTuple):
    """One set: its signals, labels (right or wrong) and groups, and how long an item took."""

    name: str
    ids: list[str]
    groups: list[str]
    right: list[bool]
    signals: list[Signals]
    ms: float


def run(context: SuiteContext) -> SuiteResult:
    """Measure each set alone, then each by what was fitted on the others."""
    sets, notes = datasets.load_sets(SETS, context.data)
    parts: list[Measured] = []
    problems: list[str] = []
    for place, data in enumerate(sets.values()):
        context.progress(place, len(sets), data.name)
        part = measured(data.limited(context.limit, context.seed))
        enough = min(sum(part.right), len(part.right) - sum(part.right)) >= 10 and len(set(part.groups)) >= 10
        if enough and len(part.right) >= 50:
            parts.append(part)
        else:
            problems.append(f"skipped: {data.name}, {len(part.right)} labelled cases are too few to fit and measure")
    measures: list[Measure] = []
    frames = []
    for part in parts:
        scores, signal = scores_of(part, [other for other in parts if _family(other) != _family(part)], context.seed)
        measures += _measures(part, scores, signal, context.seed)
        frames.append(_cases(part, scores))
    cases = pl.concat(frames, how="diagonal") if frames else None
    tables = (_table(measures),) if measures else ()
    return SuiteResult(NAME, tuple(measures), tables, tuple(_drawings(measures)), cases, (*notes, *problems))


def _family(part: Measured) -> str:
    """Sets of one publication share questions, so one may not teach the other."""
    return part.name.partition("_")[0]


def measured(data: Dataset) -> Measured:
    """The signals of a set's labelled cases that have a context and an output."""
    has_text = pl.col("context").list.len().gt(0) & pl.col("output").str.strip_chars().ne("")
    frame = data.frame.filter(pl.col("label").is_not_null() & has_text)
    began = time.process_time()
    signals = [
        measure_texts(query or "", context, output)
        for query, context, output in frame.select("query", "context", "output").iter_rows()
    ]
    ms = 1000 * (time.process_time() - began) / max(1, frame.height)
    ids, groups, right = (frame[name].to_list() for name in ("case_id", "group", "label"))
    return Measured(data.name, ids, groups, right, signals, ms)


def scores_of(part: Measured, others: Sequence[Measured], seed: int) -> tuple[dict[str, FloatArray], str]:
    """What each method says about each case, higher is better, and which signal is the best single one."""
    signal, ranked = best_signal(part)
    found = {
        "fitted": cross_validated_scores(part.signals, part.right, groups=part.groups, seed=seed),
        "cold": np.asarray([cold_start_score(each).p or 0.0 for each in part.signals]),
        "signal": ranked,
    }
    if others:
        found["across"] = _scores_across(part, others, seed)
    return found, signal


def best_signal(part: Measured) -> tuple[str, FloatArray]:
    """The signal with the area furthest from one half, turned so that high is right; missing values in the middle."""
    values = np.asarray([features_of(each) for each in part.signals])
    best, name = np.zeros(len(part.right)), ""
    for column, feature in enumerate(FEATURES):
        known = values[:, column]
        if np.isnan(known).all():
            continue
        filled = np.where(np.isnan(known), np.nanmedian(known), known)
        for sign, turned in (("", filled), ("less ", -filled)):
            if not name or ranking_auroc(turned, part.right) > ranking_auroc(best, part.right):
                best, name = turned, sign + feature
    return name, best


def _scores_across(part: Measured, others: Sequence[Measured], seed: int) -> FloatArray:
    """Log-odds by a scorer fitted on the other sets, each set weighing the same."""
    scorer = fit_scorer(
        [each for other in others for each in other.signals],
        [each for other in others for each in other.right],
        groups=[f"{other.name}:{each}" for other in others for each in other.groups],
        weights=[1 / len(other.right) for other in others for _ in other.right],
        seed=seed,
    )
    try:
        return np.asarray([scorer.score(each).p or 0.0 for each in part.signals])
    except InputError:  # refused at chance on its own rows: it says nothing about others
        return np.zeros(len(part.signals))


def _measures(part: Measured, scores: dict[str, FloatArray], signal: str, seed: int) -> Iterator[Measure]:
    areas = {name: ranking_auroc(each, part.right) for name, each in scores.items()}
    baseline = f"chance .500, cold start {areas['cold']:.3f}, best single signal ({signal}) {areas['signal']:.3f}"
    for name, values in scores.items():
        interval = ranking_interval(values, part.right, groups=part.groups, seed=seed)
        yield Measure(
            f"AUROC {METHODS[name]}",
            areas[name],
            interval.low,
            interval.high,
            len(part.right),
            slice=f"set={part.name}",
            baseline=baseline if name in ("fitted", "across") else "chance .500",
        )
    yield Measure(
        "time an item", part.ms, n=len(part.right), unit="ms", slice=f"set={part.name}", higher_is_better=False
    )


def _cases(part: Measured, scores: dict[str, FloatArray]) -> pl.DataFrame:
    """A row a case; values are the share of cases of the other label that it stands on the right side of."""
    right = np.asarray(part.right)
    columns = {f"ranked_{name}": _placed(values, right) for name, values in scores.items()}
    head = {"case_id": [f"{part.name}:{each}" for each in part.ids], "group": part.groups}
    return pl.DataFrame({**head, "set": [part.name] * len(right), "label": part.right, **columns})


def _placed(scores: FloatArray, right: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> FloatArray:
    """The AUROC is the mean of this over either label's cases."""
    placed = np.zeros(len(scores))
    for label in (True, False):
        others = np.sort(scores[right != label])
        mine = scores[right == label]
        below, upto = np.searchsorted(others, mine, "left"), np.searchsorted(others, mine, "right")
        share = (below + upto) / 2 / max(1, len(others))
        placed[right == label] = share if label else 1 - share
    return placed


def _table(measures: Sequence[Measure]) -> Table:
    sets = list(dict.fromkeys(each.slice for each in measures))
    found = {(each.slice, each.name): each for each in measures}
    rows = []
    for name in sets:
        shown = [found.get((name, f"AUROC {text}")) for text in METHODS.values()]
        n = next(each.n for each in shown if each is not None)
        rows.append((name.removeprefix("set="), n, *(_shown(each) for each in shown)))
    columns = ("set", "n", *METHODS.values())
    return Table("AUROC with 95 % intervals over groups", columns, tuple(rows), "Chance is .500.")


def _shown(each: Measure | None) -> str:
    return "–" if each is None else f"{each.value:.3f} ({each.low:.3f} to {each.high:.3f})"


def _drawings(measures: Sequence[Measure]) -> Iterator[Drawing]:
    shown = [each for each in measures if each.low is not None]
    if not shown:
        return
    rows = pl.DataFrame(
        {
            "name": [f"{each.slice.removeprefix('set=')}, {each.name.removeprefix('AUROC ')}" for each in shown],
            "value": [each.value for each in shown],
            "low": [each.low for each in shown],
            "high": [each.high for each in shown],
            "n": [each.n for each in shown],
        }
    )
    title = "AUROC, 95 % intervals over groups"
    yield Drawing(title, draw_intervals(rows, title, "AUROC", percent=False))
