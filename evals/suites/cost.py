"""Cost: how much dearer is a threshold that was chosen on labels than the best one, on outputs it never saw?

Prices are fixed: a review 2.00 USD, a model call .01, an escaped error 20. Every group of outputs (a question, a
document) is held out once: the threshold is chosen on four fifths of the groups and pays on the fifth. Regret is
(cost - best) / (reviewing everything - best), with `best` the one threshold that is cheapest on those very outputs in
hindsight, which nobody could have known. Where even that one saves under one per cent of reviewing everything,
the ratio says nothing, and the excess in USD an output stands in its place.

Beside the product's choice (`reports.choosing.choose_steadily`): the cheapest on the labels, an error target,
which knows no prices, and fixed thresholds. Thresholds by domain are held against the best single threshold too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from evals import datasets
from evals.harness.cases import Dataset
from evals.harness.metrics import mean_by_group, measure
from evals.reporting.drawings import draw_intervals
from evals.suite import Drawing, Measure, SuiteContext, SuiteResult, Table
from evals.suites import _thresholds as of
from evals.suites._thresholds import CHOOSERS, FOLDS, OWN, RIVALS, Floats, Outputs, thinned
from hitl_core.reports.cost import REVIEW_ALL

NAME = "cost"
DESCRIPTION = "Regret of the chosen threshold on held-out outputs against the best one in hindsight, and of rivals"
READERS: dict[str, Callable[[Dataset], Outputs]] = {
    "mlqe_pe": of.translations,
    "openqa_eval": of.judged_answers,
    "evouna": of.answers_of_systems,
    "defacto": of.grounded,
    "expertqa_claims": of.grounded,
    "summedits": of.grounded,
}
SETS = tuple(READERS)
AIM = "aim at most .02"
BY_DOMAIN = "steady choice by domain"
REPEATS = 5
LEAST_GROUPS, LEAST_ROWS = 20, 100
LEAST_SAVING = 0.01 * of.REVIEWED
LABELS = (100, 200, 500, 1000, 2000, 5000, 10_000)


class Paid(NamedTuple):
    """What each way cost on held-out outputs, USD an output and row, mean of the repeats; `best` in hindsight."""

    outputs: Outputs
    costs: dict[str, Floats]
    best: Floats
    threshold: float

    def saving(self) -> float:
        """USD an output that the best threshold saves."""
        return of.REVIEWED - float(self.best.mean())


def run(context: SuiteContext) -> SuiteResult:
    """Measure every set that is there."""
    sets, notes = datasets.load_sets(SETS, context.data)
    found, problems = [], []
    for at, (name, data) in enumerate(sets.items()):
        context.progress(at, len(sets), name)
        outputs = READERS[name](data.limited(context.limit, context.seed))
        if outputs.right.size >= LEAST_ROWS and len(set(outputs.group)) >= LEAST_GROUPS:
            found.append(pay(outputs, context.seed))
        else:
            problems.append(f"skipped: {name}, {outputs.right.size} labelled outputs are too few to choose and measure")
    measures = [each for paid in found for each in measures_of(paid, context.seed)]
    largest = [max(found, key=lambda paid: paid.outputs.right.size)] if found else []
    tables = (_table(found), *(by_labels(paid.outputs, context.seed) for paid in largest)) if found else ()
    cases = pl.concat([thinned(_cases(paid), context.seed) for paid in found]) if found else None
    drawings = tuple(_drawings(measures))
    return SuiteResult(NAME, tuple(measures), tables, drawings, cases, (*notes, *problems))


def pay(outputs: Outputs, seed: int) -> Paid:
    """Choose on four fifths and pay on the fifth, for each fifth and in several seeded splits."""
    ways = [*CHOOSERS, *([BY_DOMAIN] if len(set(outputs.domain)) > 1 else [])]
    paid = {way: np.zeros(outputs.right.size) for way in ways}
    for repeat in range(REPEATS):
        fold = of.folds_of(outputs.group, seed + repeat)
        for held in range(FOLDS):
            learn, test = fold != held, fold == held
            for way in ways:
                threshold = _chosen(way, outputs, learn)
                paid[way][test] += of.costs(outputs, threshold)[test] / REPEATS
    threshold = of.cheapest_in_hindsight(outputs)
    return Paid(outputs, paid, of.costs(outputs, threshold), threshold)


def _chosen(way: str, outputs: Outputs, learn: of.Bools) -> float | Floats:
    if way in CHOOSERS:
        return CHOOSERS[way](outputs.confidence[learn], outputs.right[learn])
    domain = np.array(outputs.domain)
    found = np.full(domain.shape, REVIEW_ALL)
    for name in np.unique(domain):
        rows = learn & (domain == name)
        if rows.any():
            found[domain == name] = CHOOSERS[OWN](outputs.confidence[rows], outputs.right[rows])
    return found


def measures_of(paid: Paid, seed: int) -> Iterator[Measure]:
    """Regret of each way with its interval over groups; where nothing can be saved, the excess in USD instead."""
    n, group = paid.outputs.right.size, paid.outputs.group
    where = f"set={paid.outputs.name}"
    ratio = paid.saving() >= LEAST_SAVING
    below = of.REVIEWED - paid.best if ratio else np.ones(n)
    rivals = ", ".join(f"{way} {_regret(paid, way, ratio):.3f}" for way in RIVALS)
    for way, cost in paid.costs.items():
        found = mean_by_group(cost - paid.best, below, group, seed=seed)
        kind, unit = ("regret", "") if ratio else ("excess over the best", "USD an output")
        baseline = f"{AIM}; {rivals}" if way == OWN and ratio else rivals if way == OWN else ""
        yield measure(f"{kind}: {way}", found, n, unit=unit, slice=where, higher_is_better=False, baseline=baseline)
    saved = mean_by_group(of.REVIEWED - paid.costs[OWN], np.ones(n), group, seed=seed)
    best = f"best in hindsight {paid.saving():.3f}"
    yield measure(f"saved: {OWN}", saved, n, unit="USD an output", slice=where, baseline=best)


def _regret(paid: Paid, way: str, ratio: bool) -> float:
    excess = float((paid.costs[way] - paid.best).mean())
    return excess / paid.saving() if ratio else excess


def by_labels(outputs: Outputs, seed: int) -> Table:
    """Regret when only so many labels were there to choose on; paid on all other groups."""
    rows = []
    for labels in LABELS:
        if labels > outputs.right.size // 2:
            break
        excess: dict[str, list[float]] = {OWN: [], RIVALS[0]: []}
        saving = []
        for repeat in range(2 * REPEATS):
            taken = _drawn(outputs.group, labels, seed + repeat)
            test = Outputs(outputs.name, [], [], [], outputs.confidence[~taken], outputs.right[~taken])
            best = of.costs(test, of.cheapest_in_hindsight(test)).mean()
            saving.append(of.REVIEWED - best)
            for way, found in excess.items():
                threshold = CHOOSERS[way](outputs.confidence[taken], outputs.right[taken])
                found.append(of.costs(test, threshold).mean() - best)
        shown = [f"{np.sum(found) / np.sum(saving):.3f}" for found in excess.values()]
        rows.append((f"{labels:,}", *shown, 2 * REPEATS))
    title = f"Regret by the number of labels ({outputs.name})"
    return Table(title, ("labels", *(OWN, RIVALS[0]), "draws"), tuple(rows), "Paid on all outputs that were not drawn.")


def _drawn(group: Sequence[str], labels: int, seed: int) -> of.Bools:
    """Draw whole groups until there are so many rows."""
    _, index, sizes = np.unique(np.array(group), return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(sizes.size)
    enough = int(np.searchsorted(np.cumsum(sizes[order]), labels)) + 1
    return np.asarray(np.isin(index, order[:enough]), dtype=np.bool_)


def _table(found: Sequence[Paid]) -> Table:
    rows = []
    for paid in found:
        ratio = paid.saving() >= LEAST_SAVING
        shown = [f"{_regret(paid, way, ratio):.3f}" if way in paid.costs else "–" for way in (*CHOOSERS, BY_DOMAIN)]
        kind = "regret" if ratio else "USD above best"
        n = paid.outputs.right.size
        rows.append(
            (paid.outputs.name, n, f"{1 - paid.outputs.right.mean():.3f}", f"{paid.saving():.3f}", kind, *shown)
        )
    columns = ("set", "n", "wrong", "best saves, USD an output", "shown", *CHOOSERS, BY_DOMAIN)
    note = (
        f"Chosen on four fifths of the groups, paid on the fifth, {REPEATS} seeded splits. {AIM.capitalize()}. "
        "Below zero: cheaper than the best single threshold. The steady choice was shaped with these sets in view."
    )
    return Table("Regret of a chosen threshold", columns, tuple(rows), note)


def _cases(paid: Paid) -> pl.DataFrame:
    outputs = paid.outputs
    return pl.DataFrame(
        {
            "case_id": [f"{outputs.name}:{each}" for each in outputs.ids],
            "group": outputs.group,
            "set": [outputs.name] * len(outputs.ids),
            "right": outputs.right,
            "confidence": outputs.confidence,
            "cost_usd": paid.costs[OWN],
            "above_best_usd": paid.costs[OWN] - paid.best,
        }
    )


def _drawings(measures: Sequence[Measure]) -> Iterator[Drawing]:
    shown = [each for each in measures if each.name.startswith("regret:") and each.low is not None]
    if not shown:
        return
    rows = [
        {
            "name": f"{each.slice.removeprefix('set=')}, {each.name.removeprefix('regret: ')}",
            "value": each.value,
            "low": each.low,
            "high": each.high,
            "n": each.n,
        }
        for each in shown
    ]
    title = "Regret on held-out outputs, 95 % intervals over groups"
    yield Drawing(title, draw_intervals(pl.DataFrame(rows), title, "regret (0 is the best threshold)", percent=False))
