"""A consensus that also hears a judge's calibrated probability, each voice as loud as it agrees with the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from hitl_core.agreement.consensus.result import ConsensusResult, counted
from hitl_core.agreement.consensus.votes import Votes, VotesLike, read_votes
from hitl_core.agreement.labels import require_columns
from hitl_core.agreement.ratings import FloatArray
from hitl_core.domain.errors import InputError

# A voice that agrees always, or never better than chance, still has a finite weight.
LEAST_ERROR = 1e-6


def crowdlab(votes: VotesLike, judge: pl.DataFrame, *, categories: Sequence[Any] | None = None) -> ConsensusResult:
    """Return labels from people's votes and a judge's probabilities, weighted by how reliable each proved.

    Goh, Tkachenko and Mueller, "CROWDLAB: supervised learning to infer consensus labels and quality scores for data
    with multiple annotators" (2022): a weighted mean of the judge's probabilities and one distribution a vote. The
    weight of a rater is how much less often than the commonest label the rater errs against the others' votes, the
    weight of the judge the same against the majority, times the root of the mean number of votes. With few people's
    votes the judge decides more.

    Args:
        votes: the long frame (task_id, rater_id, label, …) of people, or tasks × raters.
        judge: columns task_id, label, p: the calibrated probability that the label is right, in [0, 1]. Labels that
            are not named for a task share what is left. Tasks without a row have the people's votes alone.
        categories: all labels in order; by default those that occur in the votes.

    Returns:
        ConsensusResult: over the tasks with a vote; `competence` is each rater's agreement with the others
        (with nobody to compare: that of all raters), `judge_competence` the judge's with the majority.

    Raises:
        InputError: the votes or probabilities cannot be read, or name unknown labels.
    """
    read = read_votes(votes, categories=categories)
    given, known = _probabilities(read, judge)
    shares = read.shares()
    several = np.bincount(read.task, minlength=len(read.tasks)) > 1
    tested = several if several.any() else np.ones_like(several)
    peers, overall = _peer_agreement(read, shares)
    chance = min(1 - LEAST_ERROR, float(shares[tested].mean(axis=0).max()))
    weight = np.clip(1 - (1 - peers) / (1 - chance), LEAST_ERROR, None)
    both = tested & known
    right = float((shares[both] * _one_hot(given[both])).sum(axis=1).mean()) if both.any() else chance
    loudness = np.sqrt(read.task.size / len(read.tasks))
    judged = max(LEAST_ERROR, 1 - (1 - right) / (1 - chance)) * loudness
    posterior = _mix(read, weight, overall) + judged * given * known[:, None]
    posterior = posterior / posterior.sum(axis=1, keepdims=True)
    confusion, _ = counted(read, posterior)
    return ConsensusResult(
        method="CROWDLAB",
        tasks=read.tasks,
        classes=read.classes,
        raters=read.raters,
        posterior=posterior,
        priors=posterior.mean(axis=0),
        confusion=confusion,
        competence=dict(zip(read.raters, peers.tolist(), strict=True)),
        judge_competence=right,
    )


def _probabilities(votes: Votes, judge: pl.DataFrame) -> tuple[FloatArray, Any]:
    """Probabilities of shape (tasks, classes), and which tasks have any."""
    require_columns(judge, ("task_id", "label", "p"))
    task_of = {task: index for index, task in enumerate(votes.tasks)}
    class_of = {label: index for index, label in enumerate(votes.classes)}
    given = np.full((len(votes.tasks), len(votes.classes)), np.nan)
    for task, label, p in judge.select("task_id", "label", "p").drop_nulls().iter_rows():
        if label not in class_of:
            raise InputError(f"the judge names the label {label!r}, which is none of {list(votes.classes)}")
        if not 0 <= p <= 1:
            raise InputError(f"p must be a probability in [0, 1]; got {p!r} for task {task!r}")
        if task in task_of:
            given[task_of[task], class_of[label]] = p
    missing = np.isnan(given)
    left = np.clip(1 - np.nansum(given, axis=1), 0, None) / np.maximum(1, missing.sum(axis=1))
    filled = np.where(missing, left[:, None], given)
    total = filled.sum(axis=1, keepdims=True)
    even = np.full_like(filled, 1 / filled.shape[1])
    return np.divide(filled, total, out=even, where=total > 0), ~missing.all(axis=1)


def _peer_agreement(votes: Votes, shares: FloatArray) -> tuple[FloatArray, float]:
    """Each rater's share of agreeing pairs with other votes on the same tasks, and that of all raters."""
    size = np.bincount(votes.task, minlength=len(votes.tasks)).astype(np.float64)
    others = size[votes.task] - 1
    same = shares[votes.task, votes.label] * size[votes.task] - 1
    pairs = np.bincount(votes.rater, others, minlength=len(votes.raters))
    agreeing = np.bincount(votes.rater, same, minlength=len(votes.raters))
    overall = float(agreeing.sum() / pairs.sum()) if pairs.any() else 1.0
    return np.divide(agreeing, pairs, out=np.full_like(pairs, overall), where=pairs > 0), overall


def _mix(votes: Votes, weight: FloatArray, overall: float) -> FloatArray:
    """The weighted sum of one distribution a vote: the label with the raters' agreement, the rest evenly."""
    tasks, classes = len(votes.tasks), len(votes.classes)
    trust = float(np.clip(overall, 1 / classes, 1 - LEAST_ERROR)) if classes > 1 else 1.0
    rest = (1 - trust) / max(1, classes - 1)
    voices = weight[votes.rater]
    total = np.bincount(votes.task, voices, minlength=tasks)
    chosen = np.bincount(votes.task * classes + votes.label, voices, minlength=tasks * classes).reshape(tasks, classes)
    return np.asarray(rest * total[:, None] + (trust - rest) * chosen, dtype=np.float64)


def _one_hot(probabilities: FloatArray) -> FloatArray:
    return np.asarray(np.eye(probabilities.shape[1])[np.argmax(probabilities, axis=1)], dtype=np.float64)
