"""OpenQA-eval's three recorded judges, read as votes, and what is known about them from the paper's own data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evals.harness.cases import Dataset
from hitl_core.agreement import cohen_kappa
from hitl_core.calibration import CalibrationMethod, expected_calibration_error, fit_calibrator

Vote = Literal["approve", "reject", "abstain"]
SET = "openqa_eval"
JUDGES = ("bem", "davinci003", "gpt4")
HALF_SPLITS = 100
BINS = 15


def read_judge_text(text: str | None) -> Vote:
    """Read a recorded reply: it approves if it begins with "yes".

    Anything else, an empty reply too, is no approval ("I cannot determine", "The candidate is partially correct"); it
    is the reading under which the published figures come out. It is for recorded texts only: a live judge's verdict is
    a field of its reply, never read from prose.
    """
    return "approve" if (text or "").strip().casefold().startswith("yes") else "reject"


def judged(data: Dataset) -> pl.DataFrame:
    """Return case_id, group, right, a vote of each judge ("abstain" where BEM said nothing), and BEM's probability."""
    texts = {"davinci003": "davinci003_output", "gpt4": "gpt4_output"}
    frame = data.frame
    votes = {name: [read_judge_text(text) for text in frame[column]] for name, column in texts.items()}
    bem = frame["bem_verdict"].replace_strict({"Yes": "approve", "No": "reject"}, default="abstain")
    return frame.select("case_id", "group", "bem_prob", right="label").with_columns(
        bem=bem, **{name: pl.Series(values, dtype=pl.String) for name, values in votes.items()}
    )


def as_labels(rows: pl.DataFrame, judge: str) -> NDArray[np.bool_]:
    """Return what a judge says is right; an abstention counts as the opposite of people's label, so as wrong."""
    right = rows["right"].to_numpy()
    votes = rows[judge].to_numpy()
    return np.where(votes == "abstain", ~right, votes == "approve").astype(np.bool_)


def human_agreement(data: Dataset) -> tuple[float, float, int]:
    """Share of answers on which the first two annotators agree, Cohen's kappa, and how many both judged."""
    both = data.frame.filter(pl.col("annotator1").is_not_null() & pl.col("annotator2").is_not_null())
    first, second = both["annotator1"].to_list(), both["annotator2"].to_list()
    agree = float(np.mean([a == b for a, b in zip(first, second, strict=True)]))
    return agree, cohen_kappa(first, second).value, both.height


def accuracy_and_kappa(rows: pl.DataFrame, judge: str) -> tuple[float, float]:
    """Accuracy of a judge against people's label, and Cohen's kappa."""
    said, right = as_labels(rows, judge), rows["right"].to_numpy()
    return float(np.mean(said == right)), cohen_kappa(said.tolist(), right.tolist()).value


def pair_accuracy(rows: pl.DataFrame, first: str, second: str) -> tuple[float, float, float]:
    """Share on which two judges agree, their accuracy there, and the second one's where they differ."""
    one, other, right = as_labels(rows, first), as_labels(rows, second), rows["right"].to_numpy()
    alike = one == other
    return float(alike.mean()), float((other == right)[alike].mean()), float((other == right)[~alike].mean())


def bem_calibration_error(
    rows: pl.DataFrame, method: CalibrationMethod | None = None, *, splits: int = HALF_SPLITS
) -> tuple[float, float]:
    """Mean and spread of BEM's calibration error (15 bins of equal width) on the second halves of random half splits.

    Half of the rows has a larger error than all of them (.124), as an error of this kind is never below its noise.

    Args:
        rows: from `judged`.
        method: fitted on the first halves; None leaves the probability as it is.
        splits: number of half splits.
    """
    held = rows.filter(pl.col("bem_prob").is_not_null())
    p, right = held["bem_prob"].to_numpy(), held["right"].to_numpy().astype(np.float64)
    errors = []
    for seed in range(splits):
        order = np.random.default_rng(seed).permutation(p.size)
        first, second = order[: p.size // 2], order[p.size // 2 :]
        mapped = p[second] if method is None else fit_calibrator(p[first], right[first], method=method).apply(p[second])
        errors.append(expected_calibration_error(mapped, right[second], bins=BINS, replicates=0).value)
    return float(np.mean(errors)), float(np.std(errors))


def reference_rows(data: Dataset) -> tuple[tuple[Any, ...], ...]:
    """Return what was published or re-computed beside what this code finds, for a table."""
    rows = judged(data)
    agree, kappa, both = human_agreement(data)
    found: list[tuple[str, Sequence[float], str, int]] = [
        ("two annotators: agreement, kappa", (agree, kappa), ".8685, .735", both)
    ]
    published = {"bem": ".8054, .614", "davinci003": ".8356, .671", "gpt4": ".8483, .696"}
    found += [
        (f"{name}: accuracy, kappa", accuracy_and_kappa(rows, name), published[name], rows.height) for name in JUDGES
    ]
    pair = pair_accuracy(rows, "davinci003", "gpt4")
    found.append(
        ("davinci003 with gpt4: agree, accuracy there, gpt4 elsewhere", pair, ".889, .8845, .5576", rows.height)
    )
    return tuple((what, ", ".join(f"{each:.4f}" for each in values), known, n) for what, values, known, n in found)
