"""Sets with several raters a case, each with a truth that no rater of the case gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evals.harness.cases import Dataset
from evals.suites import _openqa
from evals.suites._ballots import SYSTEMS, evouna_ballots, same_of_evouna
from evals.suites._thresholds import folds_of
from hitl_core.agreement import ConsensusResult, crowdlab, dawid_skene, mace, majority_vote
from hitl_core.calibration import fit_calibrator
from hitl_core.domain.errors import InputError

Floats = NDArray[np.float64]
YES, NO = "approve", "reject"
SMOOTHING = 0.1
METHODS = ("majority", "Dawid-Skene", "MACE", "CROWDLAB")
MAJORITY, *LEARNT = METHODS


class Panel(NamedTuple):
    """Raters' labels on cases, and what is held to be true.

    Attributes:
        name: of the set.
        ids, group, truth: one entry a case.
        votes: labels by rater, None where the rater gave none.
        judge: probabilities for CROWDLAB: case (its position), label, p; None where there is no such judge.
        heard: raters whose votes CROWDLAB hears beside the judge.
    """

    name: str
    ids: list[str]
    group: list[str]
    truth: list[str]
    votes: Mapping[str, Sequence[str | None]]
    judge: pl.DataFrame | None = None
    heard: tuple[str, ...] = ()


def long(panel: Panel, raters: Sequence[str]) -> pl.DataFrame:
    """Return the votes of some raters as one row a vote; a task is the case's position."""
    task = list(range(len(panel.ids)))
    parts = [pl.DataFrame({"task_id": task, "rater_id": rater, "label": panel.votes[rater]}) for rater in raters]
    return pl.concat(parts).drop_nulls()


def credits_of(panel: Panel) -> dict[str, Floats]:
    """Return for each method how right it is on each case: 1, 0, or a share where labels tie for the first place."""
    votes = long(panel, list(panel.votes))
    fits: dict[str, Callable[[], ConsensusResult]] = {
        "majority": lambda: majority_vote(votes),
        "Dawid-Skene": lambda: dawid_skene(votes, smoothing=SMOOTHING),
        "MACE": lambda: mace(votes),
    }
    if (judge := panel.judge) is not None:
        fits["CROWDLAB"] = lambda: crowdlab(long(panel, panel.heard), judge)
    return {name: credit(fit(), panel.truth) for name, fit in fits.items()}


def credit(found: ConsensusResult, truth: Sequence[str]) -> Floats:
    """Return the chance of naming the truth when ties are broken by lot; a case without a vote is a miss."""
    top = np.round(found.posterior, 12)
    best = top == top.max(axis=1, keepdims=True)
    share = best / best.sum(axis=1, keepdims=True)
    place = {label: index for index, label in enumerate(found.classes)}
    result = np.zeros(len(truth))
    for row, task in enumerate(found.tasks):
        if truth[task] in place:
            result[task] = share[row, place[truth[task]]]
    return result


def rater_credits(panel: Panel) -> dict[str, Floats]:
    """Return for each rater on which cases the label is right; silence is not."""
    truth = np.array(panel.truth)
    return {
        rater: (np.array([each or "" for each in given]) == truth).astype(np.float64)
        for rater, given in panel.votes.items()
    }


def judged_answers(data: Dataset, seed: int) -> list[Panel]:
    """Three recorded judges on answers, against people's label; CROWDLAB hears two and BEM's calibrated probability."""
    rows = _openqa.judged(data)
    votes = {name: [None if each == "abstain" else each for each in rows[name].to_list()] for name in _openqa.JUDGES}
    right, group = rows["right"].to_numpy(), rows["group"].to_list()
    probability = calibrated(rows["bem_prob"].to_numpy(), right, group, seed)
    truth = np.where(right, YES, NO).tolist()
    heard = ("davinci003", "gpt4")
    return [Panel("openqa_eval", rows["case_id"].to_list(), group, truth, votes, _judge(probability, YES), heard)]


def preferences(data: Dataset, seed: int) -> list[Panel]:
    """Each annotator in turn is the truth; the other two and two recorded judges are the raters."""
    frame, found = data.frame, []
    people = [f"annotator{number}" for number in (1, 2, 3)]
    given = {name: frame[name].cast(pl.String).to_list() for name in people}
    read = {"Tie": "0", "garbage": None}
    gpt35 = [read.get(each, each) for each in frame["gpt35_result"].to_list()]
    for held in people:
        others = [name for name in people if name != held]
        votes = {name: given[name] for name in others} | {"gpt35": gpt35}
        judge = verdicts_as_probabilities(frame["pandalm7b_result"].to_list(), votes, frame["group"].to_list(), seed)
        votes |= {"pandalm7b": frame["pandalm7b_result"].to_list()}
        ids = [f"{each}:{held}" for each in frame["case_id"].to_list()]
        heard = (*others, "gpt35")
        found.append(Panel("pandalm", ids, frame["group"].to_list(), given[held], votes, judge, heard))
    return found


def translations(data: Dataset, seed: int) -> list[Panel]:
    """Each of three scores in turn is the truth, the other two the raters; the model's own confidence is the judge.

    A score from the middle of the scale on approves. Who gave the first, second or third score may differ.
    """
    found = []
    for (pair,), part in data.frame.filter(pl.col("confidence").is_not_null()).group_by("domain", maintain_order=True):
        scores = [part["scores"].list.get(place) >= 50 for place in range(3)]
        labels = [each.replace_strict({True: YES, False: NO}, return_dtype=pl.String).to_list() for each in scores]
        for held in range(3):
            votes = {f"score {place + 1}": labels[place] for place in range(3) if place != held}
            heard = tuple(votes)
            peers = np.mean([scores[place].to_numpy() for place in range(3) if place != held], axis=0)
            probability = calibrated(part["confidence"].to_numpy(), peers > 0.5, part["group"].to_list(), seed)
            ids = [f"{each}:{held + 1}" for each in part["case_id"].to_list()]
            judge = _judge(probability, YES)
            found.append(Panel(f"mlqe_pe {pair}", ids, part["group"].to_list(), labels[held], votes, judge, heard))
    return found


def answers_of_systems(data: Dataset, _seed: int) -> list[Panel]:
    """Four systems vote on the fifth's answer by saying the same or not, against people's label."""
    answers = same_of_evouna(data)
    found = []
    for system in SYSTEMS:
        cast = evouna_ballots(answers, system)
        truth = np.where(cast.right, YES, NO).tolist()
        found.append(Panel("evouna", cast.case_id, cast.group, truth, dict(cast.votes)))
    return found


def calibrated(score: Any, right: Any, group: list[str], seed: int) -> Floats:
    """Return probabilities of being right, each fitted on the other folds' groups; NaN where there is no score."""
    values, labels = np.asarray(score, dtype=np.float64), np.asarray(right, dtype=np.float64)
    fold, known = folds_of(group, seed), np.isfinite(values)
    result = np.full(values.shape, np.nan)
    for number in np.unique(fold):
        learn, test = known & (fold != number), known & (fold == number)
        if test.any() and learn.any():
            try:
                fitted = fit_calibrator(values[learn], labels[learn], method="isotonic")
                result[test] = fitted.apply(values[test])
            except InputError:  # too few rows, or one class only: the share says all there is to say
                result[test] = labels[learn].mean()
    return result


def verdicts_as_probabilities(
    verdicts: Sequence[str], votes: Mapping[str, Sequence[str | None]], group: list[str], seed: int
) -> pl.DataFrame:
    """Return how often the raters of other folds gave each label where the judge gave this one, one row a label."""
    fold, rows = folds_of(group, seed), []
    said = np.array(verdicts)
    labels = sorted({each for given in votes.values() for each in given if each} | set(verdicts))
    cast = np.array([[each or "" for each in given] for given in votes.values()])
    for number in np.unique(fold):
        for verdict in labels:
            learn = (fold != number) & (said == verdict)
            counts = np.array([(cast[:, learn] == label).sum() + 1.0 for label in labels])
            for task in np.flatnonzero((fold == number) & (said == verdict)).tolist():
                rows += [(task, label, p) for label, p in zip(labels, (counts / counts.sum()).tolist(), strict=True)]
    schema = {"task_id": pl.Int64, "label": pl.String, "p": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _judge(probability: Floats, label: str) -> pl.DataFrame:
    known = np.isfinite(probability)
    return pl.DataFrame({"task_id": np.flatnonzero(known), "p": probability[known]}).with_columns(label=pl.lit(label))
