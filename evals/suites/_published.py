"""Agreement that is published about the sets, computed again by the product's own statistics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from evals.harness.cases import Dataset
from evals.suite import Measure, Table
from evals.suites import _openqa
from hitl_core.agreement import cohen_kappa, dawid_skene, krippendorff_alpha, majority_vote, percent_agreement

PANDALM = (
    ("annotator1", "annotator2", 0.852),
    ("annotator1", "annotator3", 0.879),
    ("annotator2", "annotator3", 0.862),
)
ANAESTHETISTS = (0.3996, 0.4220, 0.1118, 0.0667)
Row = tuple[Any, ...]


def published(sets: Mapping[str, Dataset]) -> tuple[list[Measure], Table]:
    """Return coefficients with their intervals, and a table of what is known beside what was found."""
    measures: list[Measure] = []
    rows: list[Row] = []
    for name, reader in (("pandalm", _pandalm), (_openqa.SET, _answers), ("ds_anesthesia", _anaesthetists)):
        if name in sets:
            found, lines = reader(sets[name])
            measures += found
            rows += [(name, *line) for line in lines]
    return measures, Table("Published beside found", ("set", "what", "found", "known", "n"), tuple(rows))


def _pandalm(data: Dataset) -> tuple[list[Measure], list[Row]]:
    found, where = [], "set=pandalm"
    for one, other, known in PANDALM:
        kappa = cohen_kappa(data.frame[one], data.frame[other])
        name = f"kappa: {one} with {other}"
        found.append(
            Measure(name, kappa.value, kappa.low, kappa.high, kappa.n, slice=where, baseline=f"published {known}")
        )
    people = data.frame.select("annotator1", "annotator2", "annotator3").to_numpy()
    alpha = krippendorff_alpha(people)
    found.append(Measure("alpha: three annotators", alpha.value, alpha.low, alpha.high, alpha.n, slice=where))
    counts = Counter(majority_vote(people).labels.values())
    lines = [(each.name, f"{each.value:.3f}", each.baseline.removeprefix("published "), each.n) for each in found[:3]]
    lines.append(
        ("majority labels 0, 1, 2", ", ".join(str(counts[label]) for label in (0, 1, 2)), "105, 422, 472", data.n)
    )
    return found, lines


def _answers(data: Dataset) -> tuple[list[Measure], list[Row]]:
    both = data.frame.filter(pl.col("annotator1").is_not_null() & pl.col("annotator2").is_not_null())
    kappa = cohen_kappa(both["annotator1"], both["annotator2"])
    share = percent_agreement(both.select("annotator1", "annotator2").to_numpy())
    where = f"set={data.name}"
    found = [
        Measure(
            "agreement: two annotators",
            share.value,
            share.low,
            share.high,
            share.n,
            slice=where,
            baseline="published .8685",
        ),
        Measure(
            "kappa: two annotators", kappa.value, kappa.low, kappa.high, kappa.n, slice=where, baseline="published .735"
        ),
    ]
    return found, list(_openqa.reference_rows(data))


def _anaesthetists(data: Dataset) -> tuple[list[Measure], list[Row]]:
    frame = data.frame
    observers = [name for name in frame.columns if name.startswith("o") and name[1:2].isdigit()]
    votes = frame.select("case_id", *observers).unpivot(index="case_id", variable_name="occasion", value_name="label")
    fit = dawid_skene(votes.select(task_id="case_id", rater_id=pl.col("occasion").str.slice(1, 1), label="label"))
    lines = list(_fitted(fit, frame.height))
    measure = Measure(
        "Dawid-Skene log-likelihood", fit.log_likelihood, n=frame.height, slice="set=ds_anesthesia",
        higher_is_better=None, baseline="published fit -192.8909",
    )  # fmt: skip
    return [measure], lines


def _fitted(fit: Any, n: int) -> Iterator[Row]:
    priors, known = (", ".join(f"{each:.4f}" for each in values) for values in (fit.priors, ANAESTHETISTS))
    yield "Dawid-Skene priors", priors, known, n
    yield "Dawid-Skene log-likelihood", f"{fit.log_likelihood:.4f}", "-192.8909", n
    yield "Dawid-Skene iterations", str(fit.iterations), "25", n
    yield "label of patient 3", str(fit.labels["3"]), "2", n
