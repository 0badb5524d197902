"""A policy made ready for routing: conditions compiled, overrides in order of precedence, targets as durations.

Compiled once per policy object and kept while the object lives.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from hitl_core.domain.policy import Policy
from hitl_core.domain.policy_sections import Breaker, Override, Rule, Selector
from hitl_core.domain.records import Item, PriorityClass, Route
from hitl_core.domain.thresholds import Tiers, tiers
from hitl_core.routing.evaluation import Check, compile_condition

STRICTNESS = {Route.ASYNC_REVIEW: 1, Route.SYNC_REVIEW: 2, Route.MANUAL: 3}
"""Routes on which a person decides; the strictest wins."""


class ReadyRule(NamedTuple):
    """A rule with its compiled condition; `on_unknown` says whether it fires when the condition is unknown."""

    rule: Rule
    check: Check
    on_unknown: bool


class Ground(NamedTuple):
    """What holds for an item before rules: its tiers, how often it is audited, and the override that says so."""

    tiers: Tiers
    audit_rate: float
    reason: str


class ReadyOverride(NamedTuple):
    """An override with folded selectors, in pairs of item attribute and accepted values."""

    selects: tuple[tuple[str, frozenset[str]], ...]
    ground: Ground


class Plan(NamedTuple):
    """Everything `route` needs of a policy."""

    rules: tuple[ReadyRule, ...]
    overrides: tuple[ReadyOverride, ...]
    ground: Ground
    targets: dict[PriorityClass, timedelta]
    secret: bytes
    audit_due: timedelta
    breakers: tuple[Breaker, ...]

    def ground_for(self, item: Item) -> Ground:
        """Return the most specific override's ground that matches the item, else the policy's own."""
        for override in self.overrides:
            if all(_folded(getattr(item, name)) in values for name, values in override.selects):
                return override.ground
        return self.ground

    def breaker_for(self, item: Item) -> str:
        """Return the reason with which a tripped breaker sends the item to a person, empty where none does."""
        return next((f"breaker:{each.segment()}" for each in self.breakers if each.covers(item)), "")

    def due_for(self, priority_class: PriorityClass, *, audited: bool) -> timedelta:
        """Return within which time a person should have looked."""
        return self.audit_due if audited else self.targets[priority_class]


_plans: dict[int, tuple[weakref.ref[Policy], Plan]] = {}


def plan_for(policy: Policy) -> Plan:
    """Return the policy's plan, compiling it on first use."""
    kept = _plans.get(id(policy))
    if kept is not None and kept[0]() is policy:
        return kept[1]
    plan = compile_plan(policy)
    key = id(policy)
    _plans[key] = (weakref.ref(policy, lambda gone: _forget(key, gone)), plan)
    return plan


def compile_plan(policy: Policy) -> Plan:
    """Make a policy ready for routing."""
    rules = policy.effective_rules()
    return Plan(
        rules=tuple(ReadyRule(rule, compile_condition(rule.when), rule.route in STRICTNESS) for rule in rules),
        overrides=tuple(_ready(policy, override) for override in _by_precedence(policy)),
        ground=Ground(tiers(policy.effective_thresholds()), policy.audit.rate, ""),
        targets=policy.sla.targets(),
        secret=policy.audit.secret.encode(),
        audit_due=policy.audit_due(),
        breakers=policy.breakers,
    )


def _forget(key: int, gone: weakref.ref[Policy]) -> None:
    kept = _plans.get(key)
    if kept is not None and kept[0] is gone:
        del _plans[key]


def _by_precedence(policy: Policy) -> Iterator[Override]:
    """Yield the overrides most specific first; of two alike the later comes first."""
    numbered = sorted(enumerate(policy.overrides), key=lambda pair: (pair[1].when.specificity(), pair[0]), reverse=True)
    return (override for _, override in numbered)


def _ready(policy: Policy, override: Override) -> ReadyOverride:
    rate = policy.audit.rate_for(override.audit_rate)
    ground = Ground(tiers(policy.effective_thresholds(override)), rate, f"override:{override.when.describe()}")
    return ReadyOverride(_selects(override.when), ground)


def _selects(selector: Selector) -> tuple[tuple[str, frozenset[str]], ...]:
    return tuple((name, frozenset(_folded(value) for value in values)) for name, values in selector.given().items())


def _folded(value: str | None) -> str:
    return "" if value is None else value.strip().casefold()
