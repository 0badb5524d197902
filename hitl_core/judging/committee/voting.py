"""From the members' votes to one verdict: quorum, rule, and the probability behind it (pure).

Public: `Tally`, `tally_votes`, `vote_of`, `Rule`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from hitl_core.domain.opinions import ConfidenceMethod, JudgeVerdict, Vote
from hitl_core.judging.opinion import describe_failure, holds_back
from hitl_core.judging.panel.panel import Panel

Rule = Literal["unanimous", "majority", "weighted"]


class Tally(NamedTuple):
    """What the votes amount to; `share` is the part of those who spoke that agrees with the largest group."""

    verdict: Literal["approve", "reject", "abstain"]
    p_correct: float | None
    share: float
    spoke: int
    reason: str
    method: ConfidenceMethod = "votes"


def vote_of(rater: str, opinion: JudgeVerdict | BaseException) -> Vote:
    """Return a member's vote; a member that failed or doubts its own verdict (a flag) abstains and says why."""
    if isinstance(opinion, BaseException):
        return Vote(rater=rater, verdict="abstain", reason=describe_failure(opinion))
    doubtful = bool(opinion.flags) and not holds_back(opinion)
    reason = f"flagged {opinion.flags[0]}: {opinion.reason}" if doubtful else opinion.reason
    return Vote(
        rater=rater,
        verdict="abstain" if doubtful else opinion.verdict,
        p_correct=opinion.p_correct,
        reason=reason,
        model=opinion.model,
    )


def tally_votes(votes: Sequence[Vote], *, rule: Rule, quorum: int, panel: Panel | None = None) -> Tally:
    """Count the votes.

    Args:
        votes: one a member; abstentions count against the quorum and towards no side.
        rule: "unanimous": all who spoke agree; "majority": more than half of them; "weighted": the panel's probability.
        quorum: fewer opinions than this are no opinion.
        panel: the fitted weights, for "weighted".

    Returns:
        Tally: `p_correct` is the mean of the members' probabilities (a member without one counts 1 for approve, 0 for
        reject), the panel's own under "weighted", and None with an abstention.
    """
    spoken = [vote for vote in votes if vote.verdict != "abstain"]
    approving = sum(vote.verdict == "approve" for vote in spoken)
    share = max(approving, len(spoken) - approving) / len(spoken) if spoken else 0.0
    counted = f"{approving} of {len(spoken)} approve, {len(votes) - len(spoken)} abstain"
    if len(spoken) < max(1, quorum):
        return Tally("abstain", None, share, len(spoken), f"no quorum of {quorum}: {counted}")
    if rule == "weighted" and panel is not None:
        return _weighted(panel, votes, Tally("abstain", None, share, len(spoken), counted))
    agreed = share == 1.0 if rule == "unanimous" else share > 0.5
    if not agreed or rule == "weighted":
        return Tally("abstain", None, share, len(spoken), f"not {rule}: {counted}")
    verdict: Literal["approve", "reject"] = "approve" if 2 * approving > len(spoken) else "reject"
    probability = sum(_probability(vote) for vote in spoken) / len(spoken)
    return Tally(verdict, probability, share, len(spoken), counted)


def _weighted(panel: Panel, votes: Sequence[Vote], counted: Tally) -> Tally:
    probability = panel.probability({vote.rater: vote.verdict for vote in votes})
    if probability is None:
        return counted._replace(reason=f"the best member abstains: {counted.reason}")
    return counted._replace(verdict="approve" if probability >= 0.5 else "reject", p_correct=probability)


def _probability(vote: Vote) -> float:
    return vote.p_correct if vote.p_correct is not None else float(vote.verdict == "approve")
