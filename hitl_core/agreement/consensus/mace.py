"""MACE: each rater either knows the label or guesses in a personal way; competence is how often the rater knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hitl_core.agreement.consensus.expectation import check_options, infer, normalised
from hitl_core.agreement.consensus.result import ConsensusResult
from hitl_core.agreement.consensus.votes import VotesLike, VoteSums, read_votes
from hitl_core.agreement.ratings import FloatArray


def mace(
    frame: VotesLike,
    *,
    smoothing: float = 0.1,
    iterations: int = 200,
    tolerance: float = 1e-6,
    categories: Sequence[Any] | None = None,
) -> ConsensusResult:
    """Return labels and competences; with few votes a rater steadier than Dawid-Skene, which fits a whole matrix.

    A label is the truth with probability t of the rater, else a draw from the rater's own habit h. Hovy, Berg-
    Kirkpatrick, Vaswani and Hovy, "Learning whom to trust with MACE", NAACL (2013); here from the shares of votes
    instead of random starts, so equal input gives equal output. All labels are equally probable beforehand.

    Args:
        frame: the long frame (task_id, rater_id, label, …), or tasks × raters; a repeated label is another vote.
        smoothing: imagined labels added to knowing, to guessing, and to each habit.
        iterations: most iterations.
        tolerance: stop when an iteration changes no posterior by more.
        categories: all labels in order; by default those that occur.

    Returns:
        ConsensusResult: `competence` is the probability of knowing, `confusion` what follows from it and the habit.

    Raises:
        InputError: the votes cannot be read, there are none, or an option is out of range.
    """
    check_options(smoothing, iterations, tolerance)
    votes = read_votes(frame, categories=categories)
    sums, size = VoteSums(votes), len(votes.classes)
    priors = np.full(size, 1 / size)
    posterior = votes.shares()[sums.first]
    knows, habit = np.full(len(votes.raters), 0.5), np.full((len(votes.raters), size), 1 / size)
    iteration, converged = 0, False
    while not converged and iteration < iterations:
        iteration += 1
        counts = sums.expected(posterior * sums.weights[:, None])
        knows, habit = _maximise(counts, knows, habit, smoothing)
        confusion = _confusion(knows, habit)
        before = posterior
        posterior, log_likelihood = infer(sums, priors, confusion)
        converged = bool(np.abs(posterior - before).max() <= tolerance)
    return ConsensusResult(
        method="MACE",
        tasks=votes.tasks,
        classes=votes.classes,
        raters=votes.raters,
        posterior=posterior[sums.back],
        priors=priors,
        confusion=dict(zip(votes.raters, confusion, strict=True)),
        competence=dict(zip(votes.raters, knows.tolist(), strict=True)),
        converged=converged,
        iterations=iteration,
        log_likelihood=log_likelihood,
    )


def _maximise(
    counts: FloatArray, knows: FloatArray, habit: FloatArray, smoothing: float
) -> tuple[FloatArray, FloatArray]:
    """Split each right label into known and lucky, then count; counts has shape (raters, truths, labels)."""
    right = np.diagonal(counts, axis1=1, axis2=2)
    by_luck = (1 - knows)[:, None] * habit
    known = right * np.divide(knows[:, None], knows[:, None] + by_luck, out=np.zeros_like(habit), where=right > 0)
    guessed = counts.sum(axis=1) - known
    split = normalised(np.column_stack([known.sum(axis=1), guessed.sum(axis=1)]) + smoothing)
    return split[:, 0], normalised(guessed + smoothing)


def _confusion(knows: FloatArray, habit: FloatArray) -> FloatArray:
    size = habit.shape[1]
    return np.asarray(knows[:, None, None] * np.eye(size) + (1 - knows)[:, None, None] * habit[:, None, :])
