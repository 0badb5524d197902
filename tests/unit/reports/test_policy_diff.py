"""What differs between two policies: by hand, and as properties."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hitl_core import Policy
from hitl_core.reports.whatif.policy_diff import Difference, compare_policies

LAW = {"when": {"domain": "law"}, "thresholds": {"auto_approve": 0.99}}
BIG = {"id": "big", "when": {"field": "amount", "gt": 5.0}, "route": "manual"}
SMALL = {"id": "small", "when": {"field": "amount", "lt": 1.0}, "route": "async_review"}


def differences(before: dict[str, Any], after: dict[str, Any]) -> tuple[Difference, ...]:
    return compare_policies(Policy.from_mapping(before), Policy.from_mapping(after))


def test_a_threshold_that_moved() -> None:
    bound = {"value": 0.95, "inclusive": True}
    assert differences({}, {"thresholds": {"auto_approve": 0.9}}) == (
        Difference("thresholds.auto_approve", bound, bound | {"value": 0.9}),
    )


def test_the_shorthand_is_compared_by_what_it_does() -> None:
    spelt = {"thresholds": {"auto_approve": 0.85, "async_review": 0.85, "sync_review": 0.0}}
    assert differences({"threshold": 0.85}, spelt) == ()
    found = {each.path for each in differences({}, {"threshold": 0.85})}
    assert found == {f"thresholds.{name}" for name in ("auto_approve", "async_review", "sync_review")}


def test_overrides_are_named_by_what_they_select() -> None:
    (added,) = differences({}, {"overrides": [LAW]})
    assert (added.path, added.before) == ("overrides[domain=law]", None)
    assert added.after["thresholds"]["auto_approve"] == {"value": 0.99, "inclusive": True}
    looser = LAW | {"thresholds": {"auto_approve": 0.97}, "audit_rate": 0.5}
    found = {each.path: each.after for each in differences({"overrides": [LAW]}, {"overrides": [looser]})}
    assert found == {
        "overrides[domain=law].thresholds.auto_approve": {"value": 0.97, "inclusive": True},
        "overrides[domain=law].audit_rate": 0.5,
    }


def test_rules_are_named_by_their_id_and_their_order_is_told() -> None:
    stricter = BIG | {"route": "sync_review", "priority_class": "high"}
    found = {each.path: (each.before, each.after) for each in differences({"rules": [BIG]}, {"rules": [stricter]})}
    assert found == {
        "rules[big].route": ("manual", "sync_review"),
        "rules[big].priority_class": (None, "high"),
    }
    (order,) = differences({"rules": [BIG, SMALL]}, {"rules": [SMALL, BIG]})
    assert order.path == "rules.order"
    assert order.before.index("big") < order.before.index("small")
    assert order.after.index("small") < order.after.index("big")


def test_default_rules_switched_off_are_rules_that_went() -> None:
    gone = {each.path for each in differences({}, {"default_rules": False})}
    assert gone == {"rules[compliance]", "rules[large_amount]"}


def test_the_secret_is_not_shown() -> None:
    found = differences({"audit": {"secret": "a" * 20}}, {"audit": {"secret": "b" * 20, "rate": 0.1}})
    assert [each.path for each in found] == ["audit.rate"]


policies = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["a", "b"]),
        "threshold": st.floats(0, 0.95),
        "default_rules": st.booleans(),
        "overrides": st.lists(st.sampled_from([LAW, LAW | {"audit_rate": 0.5}]), max_size=2),
        "rules": st.lists(st.sampled_from([BIG, SMALL]), max_size=2, unique_by=lambda rule: str(rule["id"])),
        "audit": st.fixed_dictionaries({"rate": st.floats(0, 1)}),
        "cost": st.fixed_dictionaries({"human_usd": st.floats(0, 9)}),
        "sla": st.fixed_dictionaries({"medium_hours": st.floats(1, 9)}),
    },
)


@given(policies, policies)
def test_nothing_differs_from_itself_and_turning_round_swaps_the_sides(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert differences(one, one) == ()
    there, back = differences(one, other), differences(other, one)
    assert {each.path: (each.before, each.after) for each in there} == {
        each.path: (each.after, each.before) for each in back
    }
    assert all(each.before != each.after for each in there)
    assert len({each.path for each in there}) == len(there)


@given(policies, policies)
def test_whatever_decides_differently_is_told(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = Policy.from_mapping(one).digest() == Policy.from_mapping(other).digest()
    assert not (same and differences(one, other))
    if not differences(one, other):
        first, second = Policy.from_mapping(one), Policy.from_mapping(other)
        assert first.effective_thresholds() == second.effective_thresholds()
        assert first.effective_rules() == second.effective_rules()
        assert first.audit == second.audit
