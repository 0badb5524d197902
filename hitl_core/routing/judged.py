"""What a cascade of judges changes about a decision. Pure.

Public: `may_be_judged`, `Opinion`, `decide_again`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from hitl_core.domain.policy import Policy
from hitl_core.domain.records import Decision, Item, PriorityClass, Route
from hitl_core.routing.coin import audit_draw
from hitl_core.routing.plan import STRICTNESS, plan_for
from hitl_core.routing.priority import base_priority
from hitl_core.routing.router import CLASS_OF_ROUTE, HELD_FOR, URGENCY, route

FORBIDDEN = "judge:not_this_item"
"""The policy that is live now sends the item to a person by more than its confidence."""


class Opinion(NamedTuple):
    """What a cascade came to: `accepted` by a tier that may, else a person decides; `holds_back` when a judge objects.

    `reasons` say what happened, `path` who was asked, `cost_usd` what it cost (None: unknown).
    """

    accepted: bool
    holds_back: bool
    reasons: tuple[str, ...]
    path: tuple[str, ...]
    cost_usd: Decimal | None


def may_be_judged(decision: Decision, policy: Policy) -> bool:
    """Return whether a person is needed for nothing but the confidence, so that judges may be asked first.

    Every reason must be known to send nobody to a person by itself: a tier, an override, or a rule without a route of
    a person. Anything else (such a rule, a field that is missing, a breaker) is not for judges.
    """
    return decision.needs_human and turns_on_confidence(decision.reasons, policy)


def turns_on_confidence(reasons: Sequence[str], policy: Policy) -> bool:
    """Return whether an item with these reasons is with a person for its confidence alone, and there are judges."""
    if not (policy.judging.tiers and reasons):
        return False
    harmless = {rule.id for rule in policy.effective_rules() if rule.route not in STRICTNESS}
    return all(reason.startswith(("tier:", "override:")) or reason in harmless for reason in reasons)


def decide_again(
    item: Item,
    policy: Policy,
    before: Decision,
    opinion: Opinion,
    *,
    policy_version: int,
    now: datetime,
    audit_secret: bytes,
) -> Decision:
    """Return the decision that supersedes `before` once judges have spoken.

    The live policy's rules are asked again: judges never overrule what sends an item to a person. An accepted output
    goes out by itself and the audit coin is thrown as for any other; otherwise the route stays or becomes stricter.

    Args:
        item: what was judged.
        policy: the live one.
        before: the decision that holds; its confidence and signals are kept.
        opinion: what the judges came to.
        policy_version: number of the live policy.
        now: aware UTC.
        audit_secret: key of the audit coin, used where the policy has none of its own.
    """
    again = route(
        item,
        policy,
        policy_version=policy_version,
        now=now,
        audit_secret=audit_secret,
        confidence=before.confidence,
        signals=before.signals,
        held_for=next((reason for reason in before.reasons if reason in HELD_FOR), ""),
        seq=before.seq + 1,
        supersedes=before.id,
    )
    kept = {"signals": before.signals, "calibrator": before.calibrator, "overlap": before.overlap}
    spoken = {"path": opinion.path, "cost_usd": opinion.cost_usd, "raw_confidence": before.raw_confidence}
    settled = _released if _may_go_out(again, policy) and opinion.accepted else _for_a_person
    changes = settled(item, policy, before, again, opinion, audit_secret)
    return again.model_copy(update=kept | spoken | changes)


def _may_go_out(again: Decision, policy: Policy) -> bool:
    return again.route is Route.AUTO_APPROVE or may_be_judged(again, policy)


def _released(
    item: Item, policy: Policy, _before: Decision, again: Decision, opinion: Opinion, audit_secret: bytes
) -> dict[str, object]:
    plan = plan_for(policy)
    rate = plan.ground_for(item).audit_rate
    audited = rate > 0 and audit_draw(plan.secret or audit_secret, item.project, item.id) < rate
    priority_class, raised = _class_for(again, Route.AUTO_APPROVE)
    return {
        "route": Route.AUTO_APPROVE,
        "reasons": (*again.reasons, *opinion.reasons),
        "overlap": 1,
        "audited": audited,
        "inclusion_probability": rate,
        **_urgency(item, policy, again, priority_class, raised=raised),
        "due_at": again.created_at + plan.audit_due if audited else None,
    }


def _for_a_person(
    item: Item, policy: Policy, before: Decision, again: Decision, opinion: Opinion, _audit_secret: bytes
) -> dict[str, object]:
    routes = {before.route} | ({again.route} if again.needs_human else set())
    routes |= {Route.SYNC_REVIEW} if opinion.holds_back else set()
    chosen = max(routes, key=STRICTNESS.__getitem__)
    priority_class, raised = _class_for(again, chosen)
    due_at = again.created_at + plan_for(policy).targets[priority_class]
    forbidden = (FORBIDDEN,) if opinion.accepted else ()
    return {
        "route": chosen,
        "reasons": (*again.reasons, *opinion.reasons, *forbidden),
        "audited": False,
        "inclusion_probability": 1.0,
        **_urgency(item, policy, again, priority_class, raised=raised),
        # Time spent with the judges counts: what was promised at first still holds.
        "due_at": min(due_at, before.due_at) if before.due_at else due_at,
    }


def _class_for(again: Decision, chosen: Route) -> tuple[PriorityClass, bool]:
    """Return the class of a route, or the higher one that a rule gave, and whether a rule did."""
    by_route, given = CLASS_OF_ROUTE[chosen], again.priority_class
    by_rule = URGENCY[given] > URGENCY[CLASS_OF_ROUTE[again.route]]
    raised = by_rule and URGENCY[given] > URGENCY[by_route]
    return (given if raised else by_route), raised


def _urgency(
    item: Item, policy: Policy, again: Decision, priority_class: PriorityClass, *, raised: bool
) -> dict[str, object]:
    priority = base_priority(
        item, policy, confidence=again.confidence, priority_class=priority_class, class_raised=raised
    )
    return {"priority": priority, "priority_class": priority_class}
