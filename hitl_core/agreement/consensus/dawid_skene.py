"""Dawid-Skene: the truth and each rater's confusion matrix explain each other, by expectation-maximisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from hitl_core.agreement.consensus.expectation import check_options, infer, normalised
from hitl_core.agreement.consensus.result import ConsensusResult
from hitl_core.agreement.consensus.votes import Votes, VotesLike, VoteSums, read_votes
from hitl_core.agreement.ratings import FloatArray


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

    Returns:
        ConsensusResult: `converged` is False if the iterations ran out. With one rater, or one class, it repeats the
        votes.

    Raises:
        InputError: the votes cannot be read, there are none, or an option is out of range.
    """
    check_options(smoothing, iterations, tolerance)
    votes = read_votes(frame, categories=categories)
    sums = VoteSums(votes)
    fit = _fit(votes, sums, smoothing, iterations, tolerance)
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


def _fit(votes: Votes, sums: VoteSums, smoothing: float, iterations: int, tolerance: float) -> Fit:
    posterior = votes.shares()[sums.first]
    iteration, converged = 0, False
    while not converged and iteration < iterations:
        iteration += 1
        weighted = posterior * sums.weights[:, None]
        priors = normalised(weighted.sum(axis=0) + smoothing)
        confusion = normalised(sums.expected(weighted) + smoothing)
        before = posterior
        posterior, log_likelihood = infer(sums, priors, confusion)
        converged = bool(np.abs(posterior - before).max() <= tolerance)
    return Fit(posterior, priors, confusion, log_likelihood, iteration, converged)
