"""What one tier's verdict is worth: taken, passed on to the next tier, or straight to a person (pure).

Public: `Weighed`, `weigh`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.judging.opinion import HOLDING_FLAG, CertificateState, holds_back

Step = Literal["accept", "escalate", "hold"]


class Weighed(NamedTuple):
    """`step` is what happens next, `outcome` the last part of the reason `judge:NAME:outcome`."""

    step: Step
    outcome: str


def weigh(
    verdict: JudgeVerdict, *, threshold: float | None, reject_at: float, certificate: CertificateState
) -> Weighed:
    """Weigh one verdict.

    Only an unflagged approval at or above the threshold, with a valid certificate, is accepted. An `injection` flag
    holds the item for a person, and so does a confident rejection: a judge may lower a route without a certificate,
    and no later tier is paid to argue against it. Everything else escalates.

    Args:
        verdict: what the tier said.
        threshold: least probability of being right that is taken; None takes nothing.
        reject_at: greatest probability of being right at which a rejection is confident.
        certificate: of this judge for this project.
    """
    if holds_back(verdict):
        return Weighed("hold", f"flagged:{HOLDING_FLAG}")
    if verdict.verdict == "abstain":
        return Weighed("escalate", "abstained")
    if verdict.verdict == "reject":
        sure = verdict.p_correct is not None and verdict.p_correct <= reject_at
        return Weighed("hold", "rejected") if sure else Weighed("escalate", "leans_reject")
    return _approval(verdict, threshold, certificate)


def _approval(verdict: JudgeVerdict, threshold: float | None, certificate: CertificateState) -> Weighed:
    if verdict.flags:
        return Weighed("escalate", f"flagged:{verdict.flags[0]}")
    if verdict.p_correct is None:
        return Weighed("escalate", "no_probability")
    if threshold is None:
        return Weighed("escalate", "no_threshold")
    if verdict.p_correct < threshold:
        return Weighed("escalate", "below_threshold")
    if not certificate.valid:
        return Weighed("escalate", f"certificate_{certificate.status}")
    return Weighed("accept", "accepted")
