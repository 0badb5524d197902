"""From several answers to one opinion: annotators are averaged, two orders must point the same way.

Public: `Opinion`, `combine`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from hitl_core.domain.records import Record
from hitl_core.judging.judge.asking import Answer
from hitl_core.judging.judge.probability import pool

ORDER_FLIP, SPLIT = "order_flip", "split"


class Opinion(Record):
    """Whether the answer to the prompt's question is yes: `p_yes` in [0, 1], None with an abstention."""

    verdict: Literal["yes", "no", "abstain"]
    p_yes: float | None = None
    reason: str = ""
    flags: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()

    @property
    def cost_usd(self) -> Decimal | None:
        """What all answers cost; None where one price is unknown."""
        prices = [each.cost_usd for each in self.answers]
        known = [price for price in prices if price is not None]
        return sum(known, Decimal(0)) if len(known) == len(prices) else None


def combine(orders: Sequence[Sequence[Answer]]) -> Opinion:
    """Return the opinion of all annotators.

    Args:
        orders: the annotators' answers under each order that was tried, one list an order, none empty.

    Returns:
        Opinion: an abstention where half of the answers under an order are none, where the orders point in different
        directions, or where the mean is one half.
    """
    answers = tuple(answer for order in orders for answer in order)
    means = []
    for order in orders:
        given = [each.p_yes for each in order if each.p_yes is not None]
        if 2 * len(given) <= len(order):
            return _none(answers)
        means.append(pool(given))
    if min(means) < 0.5 < max(means):
        told = " and ".join(f"{mean:.2f}" for mean in means)
        return _abstain(answers, ORDER_FLIP, f"the verdict depends on the order: probability of yes {told}")
    p_yes = pool(means)
    if p_yes == 0.5:
        return _abstain(answers, SPLIT, "as much speaks for yes as for no")
    verdict: Literal["yes", "no"] = "yes" if p_yes > 0.5 else "no"
    return Opinion(verdict=verdict, p_yes=p_yes, reason=_reason(answers, verdict), answers=answers)


def _none(answers: tuple[Answer, ...]) -> Opinion:
    faults = [each for each in answers if each.p_yes is None]
    names = tuple(dict.fromkeys(each.fault for each in faults))
    reason = f"{faults[0].fault}: {faults[0].detail}"
    if len(answers) > 1:
        reason = f"{len(faults)} of {len(answers)} answers cannot be used; {reason}"
    return Opinion(verdict="abstain", reason=reason, flags=names, answers=answers)


def _abstain(answers: tuple[Answer, ...], flag: str, reason: str) -> Opinion:
    return Opinion(verdict="abstain", reason=reason, flags=(flag,), answers=answers)


def _reason(answers: Sequence[Answer], verdict: str) -> str:
    """The words of the first answer that is of this opinion, with the problems that it names."""
    for each in answers:
        if each.p_yes is not None and (each.p_yes > 0.5) == (verdict == "yes"):
            return f"{', '.join(each.problems)}: {each.reason}" if each.problems else each.reason
    return ""
