"""The priority: hand-computed sums, the scaling of money, floors, waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_core.domain.policy import Policy
from hitl_core.domain.records import Item, PriorityClass
from hitl_core.routing.priority import base_priority, impact_of, priority_at, waiting_weight

POLICY = Policy()
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def base(confidence: float | None, name: PriorityClass, raised: bool = False, **item: Any) -> float:
    made = Item(query="q", output="o", **item)
    return base_priority(made, POLICY, confidence=confidence, priority_class=name, class_raised=raised)


@pytest.mark.parametrize(
    ("confidence", "name", "raised", "item", "expected"),
    [
        (1.0, PriorityClass.LOW, False, {"impact": 0.0}, 0.0),
        (1.0, PriorityClass.LOW, False, {}, 0.4 * 0.25),
        (0.5, PriorityClass.HIGH, False, {}, 0.4 * 0.75 + 0.2 * 0.5),
        (None, PriorityClass.HIGH, False, {"impact": "critical"}, 0.4 + 0.2),
        (0.5, PriorityClass.HIGH, False, {"impact": 0.5, "requires_compliance": True}, 0.2 + 0.1 + 0.1),
        (1.0, PriorityClass.CRITICAL, True, {"impact": 0.2}, 0.4 * (0.5 + 0.5 * 0.2)),
        (1.0, PriorityClass.CRITICAL, False, {"impact": 0.2}, 0.4 * 0.2),
        (1.0, PriorityClass.HIGH, True, {"impact": 0.0}, 0.4 * 0.25),
    ],
)
def test_base(
    confidence: float | None, name: PriorityClass, raised: bool, item: dict[str, Any], expected: float
) -> None:
    assert base(confidence, name, raised, **item) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("amount", "expected"), [(0, 0.0), (99, 1 / 3), (9_999, 2 / 3), (999_999, 1.0), (1_000_000, 1.0), (5e12, 1.0)]
)
def test_money_is_on_a_log_scale(amount: float, expected: float) -> None:
    item = Item(query="q", output="o", amount=amount)
    assert impact_of(item, POLICY, PriorityClass.LOW) == pytest.approx(expected, abs=1e-6)


def test_impact_goes_before_money() -> None:
    assert impact_of(Item(query="q", output="o", amount=1e6, impact=0.1), POLICY, PriorityClass.LOW) == 0.1


@pytest.mark.parametrize(("hours", "expected"), [(-5, 0.0), (0, 0.0), (12, 0.15), (24, 0.3), (72, 0.3)])
def test_waiting(hours: float, expected: float) -> None:
    assert priority_at(0.1, NOW, NOW + timedelta(hours=hours), POLICY) == pytest.approx(0.1 + expected)
    assert waiting_weight(POLICY) == 0.3


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_more_impact_and_less_confidence_are_never_less_urgent(
    a: float, b: float, confidence: float, raised: bool
) -> None:
    low, high = sorted((a, b))
    assert base(confidence, PriorityClass.HIGH, raised, impact=low) <= base(
        confidence, PriorityClass.HIGH, raised, impact=high
    )
    assert base(high, PriorityClass.HIGH, raised) <= base(low, PriorityClass.HIGH, raised)
    assert base(None, PriorityClass.HIGH, raised) >= base(confidence, PriorityClass.HIGH, raised)
