"""What is true in the demo's synthetic history: how often answers are right, and how often each reviewer errs.

`demo_history` draws from these numbers and nothing else of the product may read them: its figures come from routes,
coins and reviews alone, so holding them against `true_values` is a fair test of them. All of it is written down in
data/README.md too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from hitl_core.domain.policy import Policy
from hitl_core.domain.policy_cost import Prices

SLOPE = 2.8
INTERCEPTS = {"assistant-small": -3.6, "assistant-large": -2.5}
"""P(answer is right) = sigmoid(intercept of the model + shift of the domain + SLOPE * logit(confidence))."""
DOMAINS = {
    "leave": (0.20, 0.3),
    "benefits": (0.25, 0.1),
    "travel": (0.25, 0.0),
    "workplace": (0.15, 0.0),
    "legal": (0.15, -0.5),
}
"""Share of the questions, and what the domain adds to the logit of P(answer is right)."""
CONFIDENCE_POWER = 11.0
CONFIDENCE_RANGE = (0.3, 0.995)
"""P(confidence <= c) = c ** CONFIDENCE_POWER, cut to this range and rounded to three digits."""
MODEL_CHANGE = 0.35
LARGE_SHARE = 0.85
"""Part of the history after which assistant-large answers, and the share of the questions it then gets."""
POLICY_CHANGE = 0.6
"""Part of the history after which the relaxed policy is live."""
COMPLIANCE_SHARE = 0.1
"""Share of legal questions that compliance wants to see, whatever the answer is like."""


@dataclass(frozen=True)
class SyntheticReviewer:
    """A reviewer who errs at known rates.

    `miss_rate` is P(approve | answer is flawed), `false_alarm_rate` P(reject | answer is right), `share` the part of
    the ordinary reviews that is meant for this reviewer; active time is log-normal around `median_seconds` with sigma
    0.5. Seniors settle disputes, the first of them does the blind audits.
    """

    name: str
    miss_rate: float
    false_alarm_rate: float
    median_seconds: float
    share: float
    senior: bool = False


REVIEWERS = (
    SyntheticReviewer("Ana (synthetic)", 0.03, 0.004, 75.0, 0.10, senior=True),
    SyntheticReviewer("Bruno (synthetic)", 0.08, 0.010, 48.0, 0.40),
    SyntheticReviewer("Chidi (synthetic)", 0.25, 0.006, 26.0, 0.30),
    SyntheticReviewer("Dana (synthetic)", 0.06, 0.030, 60.0, 0.20, senior=True),
)
SENIORS = tuple(each for each in REVIEWERS if each.senior)
AUDITOR = SENIORS[0]


class Cell(NamedTuple):
    """A kind of output: its share of all, what the policy does with it, and what is true of it.

    `labelled` is P(the label says right), which is what any count of reviews can know at best; `right` is the truth.
    """

    share: float
    phase: int
    model: str
    domain: str
    confidence: float
    compliance: bool
    person: bool
    opinions: float
    inclusion: float
    right: float
    labelled: float


Where = Callable[[Cell], bool]


def true_probability(confidence: float, domain: str, model: str) -> float:
    """Return P(answer is right) for a confidence strictly between 0 and 1."""
    logit = math.log(confidence / (1 - confidence))
    return 1 / (1 + math.exp(-(INTERCEPTS[model] + DOMAINS[domain][1] + SLOPE * logit)))


def model_shares(position: float) -> dict[str, float]:
    """Return which share of the questions each model answers at a position in the history (from 0 to 1)."""
    if position < MODEL_CHANGE:
        return {"assistant-small": 1.0}
    return {"assistant-large": LARGE_SHARE, "assistant-small": 1 - LARGE_SHARE}


def cells(policies: Sequence[Policy]) -> list[Cell]:
    """Return every kind of output of the history under its policies (launch, relaxed); the shares add up to 1."""
    made = []
    for phase, model, span in _spans():
        for domain, (share, _) in DOMAINS.items():
            flagged = COMPLIANCE_SHARE if domain == "legal" else 0.0
            for confidence, mass in _confidences():
                for compliance, part in ((False, 1 - flagged), (True, flagged)):
                    if part:
                        size = span * share * mass * part
                        made.append(_cell(policies[phase], size, phase, model, domain, confidence, compliance))
    return made


def mean(population: Sequence[Cell], value: Callable[[Cell], float], where: Where = lambda _: True) -> float:
    """Return the mean of a value over the outputs of a population; NaN where there are none."""
    kept = [(cell.share, value(cell)) for cell in population if where(cell)]
    total = sum(share for share, _ in kept)
    return sum(share * each for share, each in kept) / total if total else math.nan


def true_values(population: Sequence[Cell], where: Where = lambda _: True) -> dict[str, float]:
    """Return the true value of figures, by the names of `reports.definitions`, for the outputs that `where` keeps.

    `accuracy`, `escaped_error_rate` and `correction_rate` are what reviewers' labels say of all outputs, were they all
    labelled; with `_of_outputs` at the end of the name, what is true of the outputs themselves.
    """
    kept = [cell for cell in population if where(cell)]
    good = mean(kept, lambda cell: (not cell.person) * cell.labelled)
    bad = mean(kept, lambda cell: (not cell.person) * (1 - cell.labelled))
    held = mean(kept, lambda cell: cell.person * cell.labelled)
    return {
        "human_review_rate": mean(kept, lambda cell: cell.person),
        "auto_approval_rate": mean(kept, lambda cell: not cell.person),
        "correction_rate": mean(kept, lambda cell: cell.person * (1 - cell.labelled)),
        "accuracy": mean(kept, lambda cell: cell.labelled),
        "accuracy_of_outputs": mean(kept, lambda cell: cell.right),
        "escaped_error_rate": mean(kept, lambda cell: 1 - cell.labelled, lambda cell: not cell.person),
        "f1": 2 * good / (2 * good + bad + held),
        "escaped_error_rate_of_outputs": mean(kept, lambda cell: 1 - cell.right, lambda cell: not cell.person),
    }


def true_kappa(population: Sequence[Cell], one: SyntheticReviewer, other: SyntheticReviewer) -> float:
    """Return Cohen's kappa of two reviewers on right or wrong, over the outputs that are given to two people."""
    right = sum(cell.share * (cell.opinions - 1) * cell.right for cell in population if cell.person)
    asked = sum(cell.share * (cell.opinions - 1) for cell in population if cell.person)
    q = right / asked
    said = [q * (1 - who.false_alarm_rate) + (1 - q) * who.miss_rate for who in (one, other)]
    both = q * (1 - one.false_alarm_rate) * (1 - other.false_alarm_rate) + (1 - q) * one.miss_rate * other.miss_rate
    observed = both + (1 - said[0] - said[1] + both)
    chance = said[0] * said[1] + (1 - said[0]) * (1 - said[1])
    return (observed - chance) / (1 - chance)


def true_calibration_error(population: Sequence[Cell], bins: int) -> float:
    """Return the mean over bins of equal width, by their share, of |share labelled right - mean confidence|."""
    sums: dict[int, list[float]] = {}
    for cell in population:
        gap = sums.setdefault(min(int(cell.confidence * bins), bins - 1), [0.0, 0.0])
        gap[0] += cell.share
        gap[1] += cell.share * (cell.labelled - cell.confidence)
    return sum(abs(gap) for _, gap in sums.values()) / sum(share for share, _ in sums.values())


def true_cost(population: Sequence[Cell], threshold: float, prices: Prices) -> float:
    """Return the expected cost per output, in USD, of letting outputs go by themselves from a threshold on.

    Errors are counted as labels count them; below the threshold a reviewer lets `prices.reviewer_miss` of them through.
    """

    def cost(cell: Cell) -> float:
        slips = 1.0 if cell.confidence >= threshold else prices.reviewer_miss
        review = 0.0 if cell.confidence >= threshold else prices.review_usd
        return prices.model_usd + review + prices.escaped_error_usd * slips * (1 - cell.labelled)

    return mean(population, cost)


def _spans() -> Iterator[tuple[int, str, float]]:
    """Yield (phase, model, part of the history) of each stretch."""
    edges = sorted({0.0, MODEL_CHANGE, POLICY_CHANGE, 1.0})
    for start, end in pairwise(edges):
        for model, share in model_shares(start).items():
            yield int(start >= POLICY_CHANGE), model, (end - start) * share


def _confidences() -> Iterator[tuple[float, float]]:
    """Yield (confidence, probability) of each value that can occur."""
    low, high = (round(each * 1000) for each in CONFIDENCE_RANGE)
    for step in range(low, high + 1):
        below = 0.0 if step == low else ((step - 0.5) / 1000) ** CONFIDENCE_POWER
        up_to = 1.0 if step == high else ((step + 0.5) / 1000) ** CONFIDENCE_POWER
        yield step / 1000, up_to - below


def _cell(
    policy: Policy, share: float, phase: int, model: str, domain: str, confidence: float, compliance: bool
) -> Cell:
    right = true_probability(confidence, domain, model)
    person = compliance or confidence < policy.effective_thresholds().auto_approve.floor()
    opinions = _opinions(policy, domain, confidence) if person else 1.0
    alarm, miss = _label_errors(opinions - 1) if person else (AUDITOR.false_alarm_rate, AUDITOR.miss_rate)
    return Cell(
        share=share,
        phase=phase,
        model=model,
        domain=domain,
        confidence=confidence,
        compliance=compliance,
        person=person,
        opinions=opinions,
        inclusion=1.0 if person else policy.audit.rate,
        right=right,
        labelled=right * (1 - alarm) + (1 - right) * miss,
    )


def _opinions(policy: Policy, domain: str, confidence: float) -> float:
    """Return how many people look on average: the policy's share, and two where its rule asks for them."""
    ruled = domain == "legal" and confidence < 0.7 and any(rule.overlap for rule in policy.rules)
    return 2.0 if ruled else 1 + policy.overlap.share


def _label_errors(second: float) -> tuple[float, float]:
    """Return (P(label wrong | right), P(label right | flawed)), where a share `second` has two opinions."""
    alarm, miss = (
        (1 - second) * sum(who.share * rate(who) for who in REVIEWERS) + second * _settled(rate)
        for rate in (_alarm_rate, _miss_rate)
    )
    return alarm, miss


def _alarm_rate(who: SyntheticReviewer) -> float:
    return who.false_alarm_rate


def _miss_rate(who: SyntheticReviewer) -> float:
    return who.miss_rate


def _settled(rate: Callable[[SyntheticReviewer], float]) -> float:
    """Return P(the label errs) of two opinions: both err, or one does and the senior who settles it errs too."""
    total = 0.0
    for one in REVIEWERS:
        for other in REVIEWERS:
            if other is one:
                continue
            chance = one.share * other.share / (1 - one.share)
            free = [each for each in SENIORS if each not in (one, other)] or list(SENIORS)
            apart = rate(one) * (1 - rate(other)) + rate(other) * (1 - rate(one))
            total += chance * (rate(one) * rate(other) + apart * rate(free[0]))
    return total
