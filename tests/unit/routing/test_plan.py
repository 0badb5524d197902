"""A policy is compiled once, a changed copy is compiled anew, and a dead policy is forgotten."""

from __future__ import annotations

import gc

from hitl_core.domain.policy import Policy
from hitl_core.routing import plan as plans
from hitl_core.routing.plan import plan_for


def test_a_policy_is_compiled_once() -> None:
    policy = Policy()
    assert plan_for(policy) is plan_for(policy)
    assert plan_for(Policy()) is not plan_for(policy)


def test_a_changed_copy_has_its_own_plan() -> None:
    policy = Policy()
    before = plan_for(policy)
    changed = policy.model_copy(update={"default_rules": False})
    assert len(before.rules) == 2
    assert plan_for(changed).rules == ()


def test_a_dead_policy_is_forgotten() -> None:
    gc.collect()
    kept = len(plans._plans)
    policies = [Policy() for _ in range(20)]
    for policy in policies:
        plan_for(policy)
    assert len(plans._plans) >= kept + 20
    policies.clear()
    del policy
    gc.collect()
    assert len(plans._plans) <= kept
