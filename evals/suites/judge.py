"""Recorded real judges against people: agreement, ranking, and the biases that the records let one see."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from evals import datasets
from evals.harness.cases import Dataset
from evals.suite import Measure, SuiteContext, SuiteResult, Table
from evals.suites import _openqa
from hitl_core.agreement import cohen_kappa
from hitl_core.judging.certifying.bias import Shift, rate_gap, verbosity_slope
from hitl_core.judging.certifying.figures import Figure, JudgeFigures, judge_figures

NAME = "judge"
DESCRIPTION = "Recorded judges against people: kappa, TPR, TNR, AUROC, base rate; length, own-model and position bias"
SETS = (_openqa.SET, "pandalm")
PAIRWISE = {"gpt35": "gpt35_result", "pandalm7b": "pandalm7b_result"}
TIE = {"Tie": 0, "0": 0, "1": 1, "2": 2}
# A judge's own family by the names of the systems whose answers it judged.
OWN = {"davinci003": "davinci-003"}


def run(context: SuiteContext) -> SuiteResult:
    """Measure the judges of both sets."""
    sets, notes = datasets.load_sets(SETS, context.data)
    measures: list[Measure] = []
    tables: list[Table] = []
    cases = None
    if _openqa.SET in sets:
        data = sets[_openqa.SET].limited(context.limit, context.seed).labelled()
        found = _agreement(data, context)
        measures += [each for name, figures in found.items() for each in _measures(name, figures)]
        tables.append(_agreement_table(found, data))
        biases = _answer_biases(data, context.seed)
        measures += [_bias_measure(*each) for each in biases]
        tables.append(_bias_table("Biases on openqa_eval", biases))
        cases = _openqa.judged(data).rename({"bem": "bem_vote", "davinci003": "davinci003_vote", "gpt4": "gpt4_vote"})
    if "pandalm" in sets:
        data = sets["pandalm"].limited(context.limit, context.seed)
        measures += _pair_agreement(data)
        biases = _pair_biases(data, context.seed)
        measures += [_bias_measure(*each) for each in biases]
        tables.append(_bias_table("Biases on pandalm (pairs of answers)", biases))
    return SuiteResult(
        NAME,
        tuple(measures),
        tuple(tables),
        cases=cases,
        notes=(
            *notes,
            "Position is seen here only as a preference for the first answer beyond that of people: no pair was asked "
            "in both orders. A live judge asks both (both_orders).",
            "Answers of a judge's own model are also longer than others: that figure holds both biases.",
        ),
    )


def _agreement(data: Dataset, context: SuiteContext) -> dict[str, JudgeFigures]:
    rows = _openqa.judged(data)
    found = {}
    for done, name in enumerate(_openqa.JUDGES):
        context.progress(done, len(_openqa.JUDGES), name)
        p = rows["bem_prob"].to_list() if name == "bem" else None
        found[name] = judge_figures(
            _approved(rows, name),
            rows["right"].to_list(),
            p_correct=p,
            groups=rows["group"].to_list(),
            seed=context.seed,
        )
    return found


def _approved(rows: pl.DataFrame, judge: str) -> list[bool | None]:
    return [None if vote == "abstain" else vote == "approve" for vote in rows[judge]]


def _measures(name: str, figures: JudgeFigures) -> list[Measure]:
    base = f"base rate {figures.base_rate}"
    parts: dict[str, Figure] = {
        "kappa": figures.kappa,
        "accuracy": figures.accuracy,
        "TPR": figures.tpr,
        "TNR": figures.tnr,
        "AUROC": figures.auroc,
    }
    return [
        Measure(what, each.value, each.low, each.high, each.n, slice=f"set=openqa_eval, judge={name}", baseline=base)
        for what, each in parts.items()
        if each.value is not None
    ]


def _agreement_table(found: dict[str, JudgeFigures], data: Dataset) -> Table:
    agree, kappa, n = _openqa.human_agreement(data)
    rows = tuple(
        (
            name,
            str(each.kappa),
            str(each.accuracy),
            str(each.tpr),
            str(each.tnr),
            str(each.auroc),
            str(each.base_rate),
            str(each.abstained),
            "signal" if each.has_signal else "no signal",
        )
        for name, each in found.items()
    )
    return Table(
        "Recorded judges against people (openqa_eval)",
        ("judge", "kappa", "accuracy", "TPR", "TNR", "AUROC", "base rate", "abstained", "TPR + TNR - 1"),
        rows,
        note=f"Two people agree on {agree:.4f}, kappa {kappa:.3f} (n {n:,}). Intervals resample questions; accuracy "
        "and kappa are of the answers on which the judge gave a verdict.",
    )


Bias = tuple[str, str, str, Shift | None]


def _answer_biases(data: Dataset, seed: int) -> list[Bias]:
    rows = _openqa.judged(data)
    right, groups = rows["right"].to_list(), rows["group"].to_list()
    length = data.frame["output"].str.split(" ").list.len().to_numpy()
    middle = int(np.median(length))
    long = [bool(each > middle) for each in length]
    found: list[Bias] = []
    for name in _openqa.JUDGES:
        shift = rate_gap(_approved(rows, name), right, long, groups=groups, seed=seed)
        found.append((name, "length", f"approves answers of more than {middle} words more often", shift))
    for name, own in OWN.items():
        mine = [any(own in system for system in systems or ()) for systems in data.frame["systems"].to_list()]
        shift = rate_gap(_approved(rows, name), right, mine, groups=groups, seed=seed)
        found.append((name, "own model", "approves answers of its own model more often", shift))
    return found


def _pair_agreement(data: Dataset) -> list[Measure]:
    found = []
    for name, column in PAIRWISE.items():
        rows = _pairs(data, column)
        kappa = cohen_kappa(rows["said"].to_list(), rows["majority"].to_list())
        found.append(
            Measure(
                "kappa",
                kappa.value,
                kappa.low,
                kappa.high,
                kappa.n,
                slice=f"set=pandalm, judge={name}",
                baseline=f"agreement {kappa.observed:.3f}, by chance {kappa.expected:.3f}; pairs of people .85 to .88",
            )
        )
    return found


def _pairs(data: Dataset, column: str) -> pl.DataFrame:
    said = pl.col(column).replace_strict(TIE, default=None, return_dtype=pl.Int64)
    return data.frame.with_columns(said=said).filter(pl.col("said").is_not_null() & pl.col("majority").is_not_null())


def _pair_biases(data: Dataset, seed: int) -> list[Bias]:
    found: list[Bias] = []
    for name, column in PAIRWISE.items():
        decided = _pairs(data, column).filter((pl.col("said") > 0) & (pl.col("majority") > 0))
        groups, said, people = (decided[each].to_list() for each in ("group", "said", "majority"))
        first = verbosity_slope(_is(said, 1), _is(people, 1), groups=groups, seed=seed)
        found.append((name, "position", "prefers the first answer more often than people do", first))
        sizes = [decided[each].fill_null("").str.len_chars().to_list() for each in ("response1", "response2")]
        longer = [1 if one > other else 2 for one, other in zip(*sizes, strict=True)]
        differ = [at for at, (one, other) in enumerate(zip(*sizes, strict=True)) if one != other]
        shift = verbosity_slope(
            [said[at] == longer[at] for at in differ],
            [people[at] == longer[at] for at in differ],
            groups=[groups[at] for at in differ],
            seed=seed,
        )
        found.append((name, "length", "prefers the longer answer more often than people do", shift))
    return found


def _is(values: Sequence[int], which: int) -> list[bool]:
    return [value == which for value in values]


def _bias_measure(judge: str, bias: str, what: str, shift: Shift | None) -> Measure:
    name, place = f"{bias} bias", f"judge={judge}"
    if shift is None:
        return Measure(name, float("nan"), slice=place, higher_is_better=None, baseline=f"{what}: not measurable here")
    told = f"{what}; 0 is none"
    return Measure(name, shift.value, shift.low, shift.high, shift.n, "", place, None, told)


def _bias_table(title: str, biases: Sequence[Bias]) -> Table:
    rows = []
    for judge, bias, what, shift in biases:
        if shift is None:
            rows.append((judge, bias, what, "not measurable", 0, ""))
            continue
        told = f"{shift.value:+.3f} [{shift.low:+.3f}, {shift.high:+.3f}]"
        rows.append((judge, bias, what, told, shift.n, "shown" if shift.shown else "not shown"))
    note = "A difference of shares among outputs that people judged alike, or on the same pairs; interval over groups."
    return Table(title, ("judge", "bias", "what", "difference", "n", ""), tuple(rows), note)
