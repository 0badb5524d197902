"""A cascade: cheap opinions first, dearer ones only where those are not enough, and a person behind the last one.

Public: `JudgeCascade`, `CascadeTier`, `CascadeResult`, `policy_threshold`, `nobody_is_certified`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, NamedTuple

from hitl_core.domain.errors import BudgetExceededError, InputError
from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.domain.records import Item, Record
from hitl_core.judging.cascade.weighing import weigh
from hitl_core.judging.opinion import CertificateState, Certified, Judges, abstention, describe_failure, outcome_of

PERSON = "person"
StoppedBy = Literal["accepted", "held", "budget", "deadline", "exhausted"]
STOPS: dict[str, StoppedBy] = {"accept": "accepted", "hold": "held"}


class CascadeTier(NamedTuple):
    """Who is asked, and from which probability of being right their word is taken."""

    judge: Judges
    accept_at: float = 0.9


class CascadeResult(Record):
    """What became of one item.

    `verdicts` has one verdict for each tier that was asked, in order; the last one is `accepted` when the item may go
    out. `path` names those tiers, then `person` unless it was accepted. `cost_usd` is None when any part is unknown or
    nobody was asked. `reasons` are ids for the decision, such as `judge:cheap:below_threshold`.
    """

    verdicts: tuple[JudgeVerdict, ...] = ()
    accepted: bool
    stopped_by: StoppedBy
    path: tuple[str, ...]
    cost_usd: Decimal | None
    reasons: tuple[str, ...]


Thresholds = Callable[[CascadeTier, JudgeVerdict], float | None]
"""Gives the least probability of being right at which this verdict of this tier is taken; None: not at all."""


def policy_threshold(tier: CascadeTier, verdict: JudgeVerdict) -> float | None:  # noqa: ARG001 - one shape for all
    """Return the policy's own bound: the start value until thresholds are certified."""
    return tier.accept_at


def nobody_is_certified(verdict: JudgeVerdict) -> CertificateState:
    """Say that there is no certificate: every verdict is advice."""
    return CertificateState(status="missing", reason=f"{verdict.judge} has no certificate for {verdict.project}")


@dataclass
class _Course:
    """How far one item has come."""

    item: Item
    verdicts: list[JudgeVerdict] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    @property
    def cost(self) -> Decimal | None:
        """What was spent; None when a part is unknown."""
        known = [each.cost_usd for each in self.verdicts if each.cost_usd is not None]
        return sum(known, Decimal(0)) if len(known) == len(self.verdicts) else None

    def note(self, verdict: JudgeVerdict, outcome: str) -> None:
        """Keep a verdict and what came of it."""
        self.verdicts.append(verdict)
        self.reasons.append(f"judge:{verdict.judge}:{outcome}")

    def end(self, stopped_by: StoppedBy) -> CascadeResult:
        """Return the result."""
        accepted = stopped_by == "accepted"
        if stopped_by in ("budget", "deadline"):
            self.reasons.append(f"judge:{stopped_by}")
        return CascadeResult(
            verdicts=tuple(self.verdicts),
            accepted=accepted,
            stopped_by=stopped_by,
            path=(*(each.judge for each in self.verdicts), *(() if accepted else (PERSON,))),
            cost_usd=self.cost if self.verdicts else None,
            reasons=tuple(self.reasons),
        )


class JudgeCascade:
    """Asks the tiers in order and stops at the first whose word is taken; behind the last one stands a person.

    It fails closed: a failure, an abstention, a flag, a probability below the threshold and a certificate that is not
    there or not valid all escalate. Nothing is accepted without a valid certificate.
    """

    def __init__(
        self,
        tiers: Sequence[CascadeTier],
        *,
        certified: Certified = nobody_is_certified,
        thresholds: Thresholds = policy_threshold,
        budget_usd: Decimal | None = None,
        deadline_seconds: float = 120.0,
    ) -> None:
        """Set up the tiers.

        Args:
            tiers: in the order in which they are asked; none sends every item to a person.
            certified: says whether a verdict is covered by a valid certificate.
            thresholds: the bound for a tier's verdict; the policy's own unless certified ones are plugged in.
            budget_usd: for one item; a tier is asked only while less is spent, and not at all once a cost is unknown.
                What a call may cost at most is reserved by the models themselves (`calling.budget`).
            deadline_seconds: for all tiers of one item together.

        Raises:
            InputError: two tiers ask the same judge, or the deadline is not above 0.
        """
        names = [tier.judge.name for tier in tiers]
        if twice := [name for name in names if names.count(name) > 1]:
            raise InputError(f"two tiers ask {twice[0]!r}; a second time it would say the same")
        if deadline_seconds <= 0:
            raise InputError(f"deadline_seconds must be above 0; got {deadline_seconds!r}")
        self.tiers = tuple(tiers)
        self._certified, self._thresholds = certified, thresholds
        self._budget, self._deadline = budget_usd, deadline_seconds

    async def judge(self, item: Item) -> CascadeResult:
        """Ask until somebody's word is taken; what cannot be settled is a result that names a person, never an error.

        Raises:
            asyncio.CancelledError: the caller was cancelled; nothing was decided.
        """
        course = _Course(item)
        ends_at = asyncio.get_running_loop().time() + self._deadline
        for number, tier in enumerate(self.tiers):
            if asyncio.get_running_loop().time() >= ends_at:
                return course.end("deadline")
            if not self._affordable(course):
                return course.end("budget")
            verdict, failed = await _ask(tier.judge, item, ends_at)
            verdict = verdict.model_copy(update={"tier": number, "item_id": item.id, "project": item.project})
            if failed:
                course.note(verdict, failed)
                if failed == "deadline":
                    return course.end("deadline")
            elif stop := self._take(tier, verdict, course):
                return course.end(stop)
        return course.end("exhausted")

    def _take(self, tier: CascadeTier, verdict: JudgeVerdict, course: _Course) -> StoppedBy | None:
        """Weigh a verdict, keep it, and say whether that ends the cascade."""
        certificate = self._certified(verdict)
        weighed = weigh(
            verdict,
            threshold=self._thresholds(tier, verdict),
            reject_at=round(min(0.5, 1 - tier.accept_at), 9),  # 1 - 0.9 is a little less than 0.1
            certificate=certificate,
        )
        kept = {"accepted": weighed.step == "accept", "certificate": certificate.certificate}
        course.note(verdict.model_copy(update=kept), weighed.outcome)
        return STOPS.get(weighed.step)

    def _affordable(self, course: _Course) -> bool:
        spent = course.cost
        return self._budget is None or (spent is not None and spent < self._budget)


async def _ask(judge: Judges, item: Item, ends_at: float) -> tuple[JudgeVerdict, str]:
    """Ask one tier; return its verdict and, where it gave none, an abstention and the name of the failure."""
    try:
        async with asyncio.timeout_at(ends_at):
            answer = await outcome_of(judge, item)
    except TimeoutError:
        return abstention(item, judge.name, "no answer before the deadline"), "deadline"
    if isinstance(answer, JudgeVerdict):
        return answer, ""
    nothing_spent = Decimal(0) if isinstance(answer, BudgetExceededError) else None
    verdict = abstention(item, judge.name, describe_failure(answer), cost_usd=nothing_spent)
    return verdict, "failed" if nothing_spent is None else "over_budget"
