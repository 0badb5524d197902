"""What each rater does: confusion matrix, accuracy and agreement with peers, with Wilson intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hitl_core.agreement.coefficients.conger import conger_kappa
from hitl_core.agreement.coefficients.pair import read_pair
from hitl_core.agreement.consensus.result import ConsensusResult
from hitl_core.agreement.consensus.votes import Votes, VotesLike, read_votes
from hitl_core.agreement.labels import is_missing
from hitl_core.agreement.ratings import FloatArray, IntArray, LabelsLike, Ratings
from hitl_core.agreement.result import Agreement
from hitl_core.domain.errors import InputError
from hitl_core.stats import Interval, wilson, wilson_bounds

Truth: TypeAlias = "ConsensusResult | Mapping[Any, Any]"


@dataclass(frozen=True, slots=True)
class VerdictAgreement:
    """A judge against people on yes-or-no verdicts.

    Attributes:
        kappa: Cohen's kappa.
        tpr: share of people's positives that the judge finds (NaN without any), tpr_interval its Wilson interval.
        tnr: share of people's negatives that the judge finds, tnr_interval its Wilson interval.
        positives: people's positives.
        negatives: people's negatives.
    """

    kappa: Agreement
    tpr: float
    tpr_interval: Interval
    tnr: float
    tnr_interval: Interval
    positives: int
    negatives: int


def judge_against_people(
    people: LabelsLike,
    judge: LabelsLike,
    *,
    positive: Any,
    confidence: float = 0.95,
    weights: Sequence[float] | NDArray[np.float64] | None = None,
) -> VerdictAgreement:
    """Return kappa, true positive rate and true negative rate of a judge; labels other than `positive` are negative.

    Args:
        people: the people's label of each item, None or NaN where missing.
        judge: the judge's label of the same items.
        positive: the label that counts as positive.
        confidence: level of the intervals.
        weights: one over each item's probability of being seen by people; without them all count alike. Intervals then
            are those of Kish's effective number of items (Survey Sampling, 1965).

    Raises:
        InputError: the lengths differ, nobody used the positive label, or a weight is not positive.
    """
    read = read_pair(people, judge) if weights is None else _weighted_pair(people, judge, weights)
    if positive not in read.categories:
        raise InputError(f"nobody gave the positive label {positive!r}; there are {list(read.categories)}")
    found = read.codes == read.categories.index(positive)
    cells = np.bincount(found @ np.array([2, 1]), read.units, minlength=4)
    negatives, positives = float(cells[:2].sum()), float(cells[2:].sum())
    return VerdictAgreement(
        kappa=replace(conger_kappa(read, confidence=confidence), method="Cohen's kappa"),
        tpr=float(cells[3] / positives) if positives else float("nan"),
        tpr_interval=wilson(float(cells[3]), positives, confidence=confidence),
        tnr=float(cells[0] / negatives) if negatives else float("nan"),
        tnr_interval=wilson(float(cells[0]), negatives, confidence=confidence),
        positives=int(positives),
        negatives=int(negatives),
    )


def _weighted_pair(people: LabelsLike, judge: LabelsLike, weights: Sequence[float] | NDArray[np.float64]) -> Ratings:
    """The pair's table with weights that add up to the effective number of items."""
    given = np.asarray(weights, dtype=np.float64)
    columns = [each.tolist() if isinstance(each, np.ndarray) else list(each) for each in (people, judge)]  # type: ignore[arg-type]
    if not len(columns[0]) == len(columns[1]) == given.size or not np.isfinite(given).all() or (given <= 0).any():
        raise InputError("people, judge and weights must be equally many, and the weights positive numbers")
    cells: dict[tuple[Any, Any], float] = {}
    squares = 0.0
    for first, second, weight in zip(*columns, given.tolist(), strict=True):
        if not is_missing(first) and not is_missing(second):
            cells[first, second] = cells.get((first, second), 0.0) + weight
            squares += weight**2
    read = read_pair([first for first, _ in cells], [second for _, second in cells])
    place = {label: index for index, label in enumerate(read.categories)}
    codes = np.array([[place[first], place[second]] for first, second in cells], dtype=np.int64).reshape(-1, 2)
    total = np.array(list(cells.values()))
    return replace(read, codes=codes, units=total * (total.sum() / squares if squares else 0.0))


def rater_confusion(votes: VotesLike, truth: Truth, *, confidence: float = 0.95) -> pl.DataFrame:
    """Return how often each rater gave each label to tasks of each true label.

    Args:
        votes: the long frame (task_id, rater_id, label, …), or tasks × raters.
        truth: the label of each task: a consensus (which heard the rater too, so it flatters), or a mapping from
            task id to label, such as adjudicated ones. Tasks without one are left out.
        confidence: level of the Wilson intervals.

    Returns:
        polars.DataFrame: rater_id, truth, label, count, n (the rater's labels on tasks of that truth), share, low,
        high; rows with n = 0 are left out.

    Raises:
        InputError: the votes cannot be read.
    """
    read, true = _with_truth(votes, truth)
    known = true >= 0
    size = len(read.classes)
    cell = (read.rater * size + true) * size + read.label
    counts = np.bincount(cell[known], minlength=len(read.raters) * size * size).reshape(-1, size, size)
    totals = np.broadcast_to(counts.sum(axis=2, keepdims=True), counts.shape)
    rater, actual, label = (index.ravel() for index in np.indices(counts.shape))
    columns = {
        "rater_id": [read.raters[each] for each in rater.tolist()],
        "truth": [read.classes[each] for each in actual.tolist()],
        "label": [read.classes[each] for each in label.tolist()],
    }
    frame = pl.DataFrame(columns, strict=False)
    return _shares(frame, counts.ravel(), totals.ravel(), confidence).filter(pl.col("n") > 0)


def rater_table(votes: VotesLike, truth: Truth, *, confidence: float = 0.95) -> pl.DataFrame:
    """Return each rater's labels, accuracy against the truth and agreement with the others' labels of the same tasks.

    Arguments and errors are those of `rater_confusion`.

    Returns:
        polars.DataFrame: rater_id, labels, count (right ones), n (labels whose truth is known), share (accuracy), low,
        high, peers (share of pairs with other votes that agree; null without any), peer_pairs. Pairs of one rater
        depend on each other, so peers has no interval.
    """
    read, true = _with_truth(votes, truth)
    raters = len(read.raters)
    known = true >= 0
    right = np.bincount(read.rater[known & (true == read.label)], minlength=raters)
    total = np.bincount(read.rater[known], minlength=raters)
    same, pairs = _peers(read)
    peers = np.divide(same, pairs, out=np.full(raters, np.nan), where=pairs > 0)
    frame = pl.DataFrame({"rater_id": read.raters, "labels": np.bincount(read.rater, minlength=raters)}, strict=False)
    frame = _shares(frame, right, total, confidence)
    return frame.with_columns(pl.Series("peers", peers).fill_nan(None), pl.Series("peer_pairs", pairs.astype(np.int64)))


def _with_truth(votes: VotesLike, truth: Truth) -> tuple[Votes, IntArray]:
    """The votes, and the true class of each vote's task, -1 where unknown."""
    labels = truth.labels if isinstance(truth, ConsensusResult) else truth
    read = read_votes(votes)
    unseen = [label for label in dict.fromkeys(labels.values()) if label is not None and label not in read.classes]
    read = read_votes(votes, categories=(*read.classes, *unseen)) if unseen else read
    position = {label: index for index, label in enumerate(read.classes)}
    by_task = [position.get(labels.get(task), -1) for task in read.tasks]
    return read, np.array(by_task, dtype=np.int64)[read.task]


def _peers(votes: Votes) -> tuple[FloatArray, FloatArray]:
    """Each rater's agreeing pairs and pairs with other raters' votes on the same tasks."""
    size = len(votes.classes)
    by_task = np.bincount(votes.task, minlength=len(votes.tasks))
    by_label = np.bincount(votes.task * size + votes.label, minlength=len(votes.tasks) * size)
    # A rater's own repeated votes are no peers: subtract them.
    own, own_count = _counts(votes.task * len(votes.raters) + votes.rater)
    own_label, own_label_count = _counts((votes.task * size + votes.label) * len(votes.raters) + votes.rater)
    pairs = by_task[votes.task] - own_count[own]
    same = by_label[votes.task * size + votes.label] - own_label_count[own_label]
    raters = len(votes.raters)
    agreeing, met = (np.bincount(votes.rater, each, minlength=raters).astype(np.float64) for each in (same, pairs))
    return agreeing, met


def _counts(keys: IntArray) -> tuple[IntArray, IntArray]:
    _, back, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return back, counts


def _shares(frame: pl.DataFrame, count: IntArray, total: IntArray, confidence: float) -> pl.DataFrame:
    low, high = wilson_bounds(count, total, confidence=confidence)
    share = np.divide(count, total, out=np.full(count.shape, np.nan), where=total > 0)
    return frame.with_columns(
        pl.Series("count", count, dtype=pl.Int64),
        pl.Series("n", total, dtype=pl.Int64),
        pl.Series("share", share).fill_nan(None),
        pl.Series("low", low),
        pl.Series("high", high),
    )
