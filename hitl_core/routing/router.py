"""The router: from an item and a policy to a decision, with the reasons in order. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from hitl_core.domain.policy import Policy
from hitl_core.domain.records import Decision, Item, PriorityClass, Route
from hitl_core.routing.coin import audit_draw, overlap_draw
from hitl_core.routing.evaluation import missing_fields
from hitl_core.routing.facts import Facts
from hitl_core.routing.plan import STRICTNESS, Ground, Plan, plan_for
from hitl_core.routing.priority import base_priority

CLASS_OF_ROUTE = {
    Route.MANUAL: PriorityClass.HIGH,
    Route.SYNC_REVIEW: PriorityClass.HIGH,
    Route.ASYNC_REVIEW: PriorityClass.MEDIUM,
    Route.AUTO_APPROVE: PriorityClass.LOW,
    Route.AUTO_REJECT: PriorityClass.LOW,
}
URGENCY = {PriorityClass.LOW: 0, PriorityClass.MEDIUM: 1, PriorityClass.HIGH: 2, PriorityClass.CRITICAL: 3}

HELD_FOR = frozenset(
    {
        "calibrator_stale",
        "calibrator_missing",
        "calibrator_broken",
        "certificate_expired",
        "certificate_missing",
        "certificate_void",
        "scorer:cold_start",
        "scorer_stale",
        "scorer_missing",
        "scorer_broken",
        "scorer_refused",
    }
)
"""Reasons for which a person decides although there is a number: nothing that holds says how far to trust it."""


class Fired(NamedTuple):
    """What the rules that fired ask for together."""

    reasons: list[str]
    person: Route | None
    without_person: Route | None
    priority_class: PriorityClass | None
    expertise: str
    overlap: int


def route(
    item: Item,
    policy: Policy,
    *,
    policy_version: int,
    now: datetime,
    audit_secret: bytes,
    confidence: float | None = None,
    signals: Mapping[str, Any] | None = None,
    held_for: str = "",
    seq: int = 1,
    supersedes: str | None = None,
) -> Decision:
    """Decide what happens to an item.

    A rule that sends an item to a person is never overruled, neither by a confidence nor by another rule; of several
    the strictest wins (manual, then sync, then async). A missing or non-finite confidence goes to a person whatever
    else is said.

    Args:
        item: what was submitted.
        policy: by which to decide.
        policy_version: under which number it is stored; the decision names it.
        now: aware UTC; the decision's time and the start of its SLA.
        audit_secret: key of the audit coin, used where the policy has none of its own.
        confidence: calibrated, in [0, 1]; without it the item's own counts.
        signals: measurements by name, as rules see them under `signals.`.
        held_for: why nothing may go out by this confidence (one of `HELD_FOR`): it becomes a reason, and a person
            decides. A confidence then orders the queue only; without one the item's own does not count either.
        seq: place in the item's chain of decisions, from 1.
        supersedes: id of the decision that this one takes the place of.

    Returns:
        The decision; `priority` is the part that does not grow with waiting, `due_at` is None when no person looks.

    Raises:
        ConfigurationError: there is no audit secret.
    """
    plan = plan_for(policy)
    usable, problem = _usable(item.confidence, confidence, held_for)
    facts = Facts(item, signals or {}, usable)
    fired, ground, chosen, reasons = place(plan, facts, problem, held_for, plan.breaker_for(item))
    priority_class, raised = _priority_class(fired.priority_class, chosen)
    needs_person = chosen in STRICTNESS
    rate = 1.0 if needs_person else ground.audit_rate
    audited = not needs_person and rate > 0 and audit_draw(plan.secret or audit_secret, item.project, item.id) < rate
    overlap = opinions_wanted(policy, fired, plan.secret or audit_secret, item.project, item.id) if needs_person else 1
    return Decision(
        item_id=item.id,
        project=item.project,
        seq=seq,
        supersedes=supersedes,
        route=chosen,
        reasons=tuple(reasons),
        raw_confidence=_finite(item.confidence),
        confidence=usable,
        policy_version=policy_version,
        priority=base_priority(item, policy, confidence=usable, priority_class=priority_class, class_raised=raised),
        priority_class=priority_class,
        expertise=fired.expertise,
        due_at=now + plan.due_for(priority_class, audited=audited) if needs_person or audited else None,
        audited=audited,
        inclusion_probability=rate,
        created_at=now,
        overlap=overlap,
    )


class Placed(NamedTuple):
    """Where an item goes: the rules that fired, the ground that holds, the route and its reasons."""

    fired: Fired
    ground: Ground
    route: Route
    reasons: list[str]


def place(plan: Plan, facts: Facts, problem: str, held_for: str, breaker: str) -> Placed:
    """Return the route of an item and why.

    Args:
        plan: of the policy.
        facts: the item, its signals and the confidence to decide by, None where there is none.
        problem: why there is none, empty where there is one.
        held_for: see `route`.
        breaker: the reason of a tripped breaker, empty where none is.
    """
    fired, ground = _fire(plan, facts), plan.ground_for(facts.item)
    chosen, reasons = _stopped(breaker, *_settle(fired, ground, facts.confidence, problem, held_for))
    return Placed(fired, ground, chosen, reasons)


def priority_again(decision: Decision, item: Item, policy: Policy) -> float:
    """Return the priority, waiting apart, that an earlier decision has under another policy's weights.

    The decision itself (route, class, confidence) stays as it was made.
    """
    raised = URGENCY[decision.priority_class] > URGENCY[CLASS_OF_ROUTE[decision.route]]
    return base_priority(
        item,
        policy,
        confidence=decision.confidence,
        priority_class=decision.priority_class,
        class_raised=raised,
    )


def _usable(raw: float | None, calibrated: float | None, held_for: str) -> tuple[float | None, str]:
    """Return the confidence to decide by, or None and the reason why there is none."""
    if raw is not None and not math.isfinite(raw):
        return None, "confidence_not_finite"
    if held_for and calibrated is None:
        return None, held_for
    confidence = raw if calibrated is None else calibrated
    if confidence is None:
        return None, "confidence_missing"
    if not math.isfinite(confidence):
        return None, "confidence_not_finite"
    if not 0 <= confidence <= 1:
        return None, "confidence_out_of_range"
    return confidence + 0.0, ""


def _finite(value: float | None) -> float | None:
    return value + 0.0 if value is not None and math.isfinite(value) else None


def _fire(plan: Plan, facts: Facts) -> Fired:
    reasons: list[str] = []
    routes: set[Route] = set()
    highest: PriorityClass | None = None
    expertise, overlap = "", 1
    for rule, check, on_unknown in plan.rules:
        verdict = check(facts)
        if not (verdict or (verdict is None and on_unknown)):
            continue
        reasons.append(rule.id)
        if verdict is None:
            reasons.extend(f"missing:{name}" for name in missing_fields(rule.when, facts))
        if rule.route is not None:
            routes.add(rule.route)
        if rule.priority_class is not None and (highest is None or URGENCY[rule.priority_class] > URGENCY[highest]):
            highest = rule.priority_class
        expertise = expertise or rule.expertise
        overlap = max(overlap, rule.overlap or 1)
    return Fired(reasons, _strictest(routes), _without_person(routes), highest, expertise, overlap)


def opinions_wanted(policy: Policy, fired: Fired, secret: bytes, project: str, item_id: str) -> int:
    """Return how many people are to look: by a rule, or because the item is in the policy's share."""
    share = policy.overlap.share
    drawn = share > 0 and overlap_draw(secret, project, item_id) < share
    return max(fired.overlap, policy.overlap.opinions if drawn else 1)


def _strictest(routes: set[Route]) -> Route | None:
    return max((route for route in routes if route in STRICTNESS), key=STRICTNESS.__getitem__, default=None)


def _without_person(routes: set[Route]) -> Route | None:
    """Holding back beats letting go."""
    return next((route for route in (Route.AUTO_REJECT, Route.AUTO_APPROVE) if route in routes), None)


def _settle(fired: Fired, ground: Ground, usable: float | None, problem: str, held_for: str) -> tuple[Route, list[str]]:
    """Bring rules and tier together; the tier is named among the reasons when its route is the one taken."""
    if usable is None:
        person = {Route.SYNC_REVIEW} | ({fired.person} if fired.person else set())
        return _strictest(person) or Route.SYNC_REVIEW, [*fired.reasons, problem]
    tier, tier_reason = ground.tiers.place(usable)
    if held_for:
        person = {Route.SYNC_REVIEW, tier} | ({fired.person} if fired.person else set())
        return _strictest(person) or Route.SYNC_REVIEW, [*fired.reasons, held_for]
    if fired.person is not None:
        chosen = _strictest({fired.person, tier}) or fired.person
    else:
        chosen = fired.without_person or tier
    if chosen != tier:
        return chosen, fired.reasons
    named = [ground.reason, tier_reason] if ground.reason else [tier_reason]
    return chosen, [*fired.reasons, *named]


def _stopped(breaker: str, chosen: Route, reasons: list[str]) -> tuple[Route, list[str]]:
    """Let a tripped breaker keep an output from going out by itself; its reason also keeps judges from releasing it."""
    if not breaker or chosen is Route.AUTO_REJECT:
        return chosen, reasons
    return (Route.SYNC_REVIEW if chosen is Route.AUTO_APPROVE else chosen), [*reasons, breaker]


def _priority_class(by_rule: PriorityClass | None, chosen: Route) -> tuple[PriorityClass, bool]:
    """Return the class, and whether a rule raised it above what the route stands for."""
    by_route = CLASS_OF_ROUTE[chosen]
    if by_rule is not None and URGENCY[by_rule] > URGENCY[by_route]:
        return by_rule, True
    return by_route, False
