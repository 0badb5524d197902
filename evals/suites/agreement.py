"""Agreement: who is right when raters differ, and do published agreements come out?

A consensus (majority, Dawid-Skene, MACE, and CROWDLAB, which also hears a judge's calibrated probability) is held
against a truth that none of its raters gave: people's label on answers that three recorded judges or four other systems
voted on; each annotator in turn where there are only annotators. Beside it stand the plain majority and the best single
rater, which is chosen on the very rows it is measured on, so flattered. Nothing learns from the truth. Ties count by
lot, a rater's silence as a miss. Differences are paired, with intervals over groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from evals import datasets
from evals.harness.cases import Dataset
from evals.harness.metrics import mean_by_group, measure
from evals.reporting.drawings import draw_intervals
from evals.suite import Drawing, Measure, SuiteContext, SuiteResult, Table
from evals.suites import _openqa
from evals.suites import _raters as of
from evals.suites._published import published
from evals.suites._raters import LEARNT, MAJORITY, METHODS, Floats, Panel
from evals.suites._thresholds import thinned
from hitl_core.stats.bootstrap import BootstrapEstimate

NAME = "agreement"
DESCRIPTION = "Consensus of several raters against the majority and the best single rater; published agreements again"
READERS: dict[str, Callable[[Dataset, int], list[Panel]]] = {
    _openqa.SET: of.judged_answers,
    "evouna": of.answers_of_systems,
    "pandalm": of.preferences,
    "mlqe_pe": of.translations,
}
SETS = (*READERS, "ds_anesthesia")
LEAST_CASES = 30


class Settled(NamedTuple):
    """All panels of one name: how right each method and the best single rater are, a case."""

    name: str
    ids: list[str]
    group: list[str]
    credits: dict[str, Floats]
    best: Floats
    raters: str


def run(context: SuiteContext) -> SuiteResult:
    """Settle every set that is there, and compute again what is published about it."""
    sets, notes = datasets.load_sets(SETS, context.data)
    panels: dict[str, list[Panel]] = {}
    for at, (name, read) in enumerate(READERS.items()):
        if name in sets:
            context.progress(at, len(READERS), name)
            for panel in read(sets[name].limited(context.limit, context.seed), context.seed):
                panels.setdefault(panel.name, []).append(panel)
    enough = {name: each for name, each in panels.items() if sum(len(panel.ids) for panel in each) >= LEAST_CASES}
    few = tuple(f"skipped: {name}, too few cases to compare raters" for name in panels if name not in enough)
    settled = [settle(each) for each in enough.values()]
    measures = [each for one in settled for each in measures_of(one, context.seed)]
    again, table = published(sets if context.limit is None else {})
    tables = tuple(each for each in (_table(settled, measures), table) if each.rows)
    cases = pl.concat([thinned(_cases(each), context.seed) for each in settled], how="diagonal") if settled else None
    return SuiteResult(NAME, (*measures, *again), tables, tuple(_drawings(measures)), cases, (*notes, *few))


def settle(panels: Sequence[Panel]) -> Settled:
    """Put the panels of one set together; the best single rater is each panel's own."""
    hits = [of.credits_of(panel) for panel in panels]
    singles = [of.rater_credits(panel) for panel in panels]
    best = [max(each, key=lambda rater: (float(each[rater].mean()), rater)) for each in singles]
    shared = [method for method in METHODS if all(method in each for each in hits)]
    return Settled(
        panels[0].name,
        [case for panel in panels for case in panel.ids],
        [group for panel in panels for group in panel.group],
        {method: np.concatenate([each[method] for each in hits]) for method in shared},
        np.concatenate([each[rater] for each, rater in zip(singles, best, strict=True)]),
        ", ".join(dict.fromkeys(best)),
    )


def measures_of(one: Settled, seed: int) -> Iterator[Measure]:
    """Accuracy of each consensus, and its paired differences to the majority and to the best single rater."""
    n, ones, where = len(one.ids), np.ones(len(one.ids)), f"set={one.name}"
    text = f"majority {one.credits[MAJORITY].mean():.4f}, best single rater ({one.raters}) {one.best.mean():.4f}"
    for method, hits in one.credits.items():
        yield measure(f"accuracy: {method}", _mean(hits, ones, one, seed), n, slice=where, baseline=text)
    yield measure("accuracy: best single rater", _mean(one.best, ones, one, seed), n, slice=where)
    for method in (each for each in LEARNT if each in one.credits):
        gain = _mean(one.credits[method] - one.credits[MAJORITY], ones, one, seed)
        yield measure(f"{method} - majority", gain, n, slice=where, baseline="0")
    for method, hits in one.credits.items():
        gain = _mean(hits - one.best, ones, one, seed)
        yield measure(f"{method} - best single rater", gain, n, slice=where, baseline=f"0; {one.raters}, in hindsight")


def _mean(values: Floats, ones: Floats, one: Settled, seed: int) -> BootstrapEstimate:
    return mean_by_group(values, ones, one.group, seed=seed)


def _table(settled: Sequence[Settled], measures: Sequence[Measure]) -> Table:
    found = {(each.slice, each.name): each for each in measures}
    rows = []
    for one in settled:
        where = f"set={one.name}"
        shown = [f"{one.credits[method].mean():.4f}" if method in one.credits else "–" for method in METHODS]
        gains = [_gain(found.get((where, f"{method} - majority"))) for method in LEARNT]
        rows.append((one.name, len(one.ids), *shown, f"{one.best.mean():.4f} ({one.raters})", *gains))
    columns = ("set", "n", *METHODS, "best single rater", *(f"{method} - majority" for method in LEARNT))
    note = "Truth is a label that no rater of the case gave. Differences with 95 % intervals over groups."
    return Table("Consensus accuracy", columns, tuple(rows), note)


def _gain(each: Measure | None) -> str:
    return "–" if each is None else f"{each.value:+.4f} ({each.low:+.4f} to {each.high:+.4f})"


def _cases(one: Settled) -> pl.DataFrame:
    columns: Mapping[str, Floats] = {method.lower().replace("-", "_"): hits for method, hits in one.credits.items()}
    head = {"case_id": [f"{one.name}:{each}" for each in one.ids], "group": one.group, "set": [one.name] * len(one.ids)}
    return pl.DataFrame({**head, **columns, "best_single_rater": one.best})


def _drawings(measures: Sequence[Measure]) -> Iterator[Drawing]:
    shown = [each for each in measures if " - " in each.name and each.low is not None]
    if not shown:
        return
    rows = [
        {"name": f"{each.slice.removeprefix('set=')}: {each.name}", "value": each.value, "low": each.low,
         "high": each.high, "n": each.n} for each in shown
    ]  # fmt: skip
    title = "Gain in accuracy, paired, 95 % intervals over groups"
    yield Drawing(title, draw_intervals(pl.DataFrame(rows), title, "difference in accuracy"))
