"""Majority vote: the label that most raters gave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hitl_core.agreement.consensus.result import ConsensusResult, counted
from hitl_core.agreement.consensus.votes import VotesLike, read_votes


def majority_vote(votes: VotesLike, *, categories: Sequence[Any] | None = None) -> ConsensusResult:
    """Return the most frequent label of each task; `ties` names the tasks that the votes do not decide.

    The posterior is the share of votes, priors its mean; a rater's confusion matrix is against these shares, so it
    includes the rater's own vote.

    Args:
        votes: the long frame (task_id, rater_id, label, …), or tasks × raters with None for a missing cell.
        categories: all labels in order; by default those that occur.

    Raises:
        InputError: the votes cannot be read or there are none.
    """
    read = read_votes(votes, categories=categories)
    posterior = read.shares()
    confusion, competence = counted(read, posterior)
    return ConsensusResult(
        method="majority vote",
        tasks=read.tasks,
        classes=read.classes,
        raters=read.raters,
        posterior=posterior,
        priors=posterior.mean(axis=0),
        confusion=confusion,
        competence=competence,
    )
