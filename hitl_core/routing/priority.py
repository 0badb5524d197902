"""How urgent a waiting item is: impact, hours waiting, uncertainty and compliance, weighted by the policy.

    priority = impact · w_impact + waited · w_waiting + (1 - confidence) · w_uncertainty + compliance · w_compliance

Every input is in [0, 1]. `base_priority` is everything but the waiting, which is the only part that changes with time.
"""

from __future__ import annotations

import math
from datetime import datetime

from hitl_core.domain.policy import Policy
from hitl_core.domain.records import Item, PriorityClass


def base_priority(
    item: Item, policy: Policy, *, confidence: float | None, priority_class: PriorityClass, class_raised: bool
) -> float:
    """Return the part of the priority that does not change while the item waits.

    Args:
        item: what waits.
        policy: its weights.
        confidence: calibrated, in [0, 1]; None counts as no confidence at all.
        priority_class: of the decision.
        class_raised: whether a rule raised the class; then its floor applies, which shifts the impact into
            [floor, 1] without changing the order within the class.
    """
    weights = policy.priority
    impact = impact_of(item, policy, priority_class)
    if class_raised:
        floor = weights.class_floor[priority_class]
        impact = floor + (1 - floor) * impact
    uncertainty = 1.0 if confidence is None else 1 - confidence
    return (
        weights.impact * impact
        + weights.uncertainty * uncertainty
        + (weights.compliance if item.requires_compliance else 0.0)
    )


def impact_of(item: Item, policy: Policy, priority_class: PriorityClass) -> float:
    """Return the impact in [0, 1]: the item's own, else its money on a log scale, else what its class stands for.

    Money: log(1 + amount) / log(1 + amount_cap_usd), at most 1. With the default cap of 1,000,000 USD: 100 USD is
    0.33, 10,000 USD is 0.67.
    """
    if item.impact is not None:
        return item.impact
    if item.amount is not None:
        return min(1.0, math.log1p(item.amount) / math.log1p(policy.priority.amount_cap_usd))
    return policy.priority.class_impact[priority_class]


def waiting_weight(policy: Policy) -> float:
    """Return how much priority an item gains by waiting the full cap."""
    return policy.priority.waiting


def priority_at(base: float, created_at: datetime, now: datetime, policy: Policy) -> float:
    """Return the priority at a moment: the base plus what waiting since `created_at` adds, capped."""
    hours = max(0.0, (now - created_at).total_seconds() / 3600)
    return base + policy.priority.waiting * min(1.0, hours / policy.priority.waiting_cap_hours)
