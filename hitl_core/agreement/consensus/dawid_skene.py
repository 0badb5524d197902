"""Dawid-Skene: the truth and each rater's confusion matrix explain each other, by expectation-maximisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from hitl_core.agreement.consensus.expectation import check_options, infer, normalised
from hitl_core.agreement.consensus.result import ConsensusResult
from hitl_core.agreement.consensus.votes import Votes, VotesLike, VoteSums, read_votes
from hitl_core.agreement.ratings import MISSING, FloatArray

# What a known truth is wrong with: not 0, so that a task whose votes are impossible under it still has a posterior.
NEVER = 1e-12


class Fit(NamedTuple):
    """The state when the iterations stopped; posterior is of distinct tasks."""

    posterior: FloatArray
    priors: FloatArray
    confusion: FloatArray
    log_likelihood: float
    iterations: int
    converged: bool


def dawid_skene(
    frame: VotesLike,
    *,
    smoothing: float = 0.0,
    iterations: int = 200,
    tolerance: float = 1e-10,
    categories: Sequence[Any] | None = None,
    known: Mapping[Any, Any] | None = None,
) -> ConsensusResult:
    """Return labels, priors and confusion matrices that make the votes most likely.

    Dawid and Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm", Applied Statistics
    28 (1979). Starts from the shares of votes, so equal input gives equal output. With few votes a rater, set
    `smoothing`, or a rater who once erred alone is believed never to.

    Args:
        frame: the long frame (task_id, rater_id, label, …), or tasks × raters; a repeated label is another vote.
        smoothing: labels added to each cell of each confusion matrix and to each prior (0 is the 1979 estimate; 0.01
            to 1 for sparse raters).
        iterations: most iterations.
        tolerance: stop when an iteration changes no posterior by more.
        categories: all labels in order; by default those that occur.
        known: the label of tasks whose truth is settled, such as adjudicated ones; other tasks and labels that no
            vote names are ignored.

    Returns:
        ConsensusResult: `converged` is False if the iterations ran out. With one rater, or one class, it repeats the
        votes.

    Raises:
        InputError: the votes cannot be read, there are none, or an option is out of range.
    """
    check_options(smoothing, iterations, tolerance)
    votes = read_votes(frame, categories=categories)
    told = _with_known(votes, known or {})
    sums = VoteSums(told)
    fit = _fit(told, sums, smoothing, iterations, tolerance, truths=len(votes.raters) if known else None)
    right = np.einsum("k,rkk->r", fit.priors, fit.confusion)
    return ConsensusResult(
        method="Dawid-Skene",
        tasks=votes.tasks,
        classes=votes.classes,
        raters=votes.raters,
        posterior=fit.posterior[sums.back],
        priors=fit.priors,
        confusion=dict(zip(votes.raters, fit.confusion, strict=True)),
        competence=dict(zip(votes.raters, right.tolist(), strict=True)),
        converged=fit.converged,
        iterations=fit.iterations,
        log_likelihood=fit.log_likelihood,
    )


def _with_known(votes: Votes, known: Mapping[Any, Any]) -> Votes:
    """Add the known labels as votes of one more rater, who is always right."""
    if not known:
        return votes
    position = {label: index for index, label in enumerate(votes.classes)}
    label = np.array([position.get(known.get(task), MISSING) for task in votes.tasks], dtype=np.int64)
    task = np.flatnonzero(label != MISSING)
    return replace(
        votes,
        task=np.append(votes.task, task),
        rater=np.append(votes.rater, np.full(task.size, len(votes.raters), dtype=np.int64)),
        label=np.append(votes.label, label[task]),
        raters=(*votes.raters, None),
    )


def _fit(
    votes: Votes, sums: VoteSums, smoothing: float, iterations: int, tolerance: float, *, truths: int | None
) -> Fit:
    posterior = votes.shares()[sums.first]
    classes = len(votes.classes)
    exact = normalised(np.eye(classes) + NEVER)
    iteration, converged = 0, False
    while not converged and iteration < iterations:
        iteration += 1
        weighted = posterior * sums.weights[:, None]
        priors = normalised(weighted.sum(axis=0) + smoothing)
        confusion = normalised(sums.expected(weighted) + smoothing)
        if truths is not None:
            confusion[truths] = exact
        before = posterior
        posterior, log_likelihood = infer(sums, priors, confusion)
        converged = bool(np.abs(posterior - before).max() <= tolerance)
    return Fit(
        posterior, priors, confusion[: len(votes.raters) - (truths is not None)], log_likelihood, iteration, converged
    )
