"""Savings by hand, and which labelled outputs a threshold decided about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hitl_core.domain.policy_cost import Prices
from hitl_core.reports.metrics import Facts
from hitl_core.reports.spending import saving, threshold_rows

PRICES = Prices(human_usd=2, escaped_error_usd=20, reviewer_miss=0.1)


def figure(value: float, low: float, high: float, n: int) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": n, "denominator": n}


def test_what_is_saved_is_the_reviews_less_the_errors_a_person_had_caught() -> None:
    found = saving(
        {"auto_approval_rate": figure(0.5, 0.4, 0.6, 100), "escaped_error_rate": figure(0.05, 0.02, 0.2, 40)}, PRICES
    )
    assert found is not None
    # Half of the outputs save 2 each; of 5 % wrong ones 9 in 10 had been caught, at 20 each.
    assert found.value == pytest.approx(0.5 * (2 - 0.9 * 20 * 0.05))
    assert found.low == pytest.approx(0.5 * (2 - 0.9 * 20 * 0.2))
    assert found.high == pytest.approx(0.5 * (2 - 0.9 * 20 * 0.02))
    assert found.total_usd == pytest.approx(100 * found.value)
    assert found.n == 40


def test_nothing_is_said_of_savings_before_an_audit() -> None:
    assert saving({"auto_approval_rate": figure(0.5, 0.4, 0.6, 100)}, PRICES) is None


def test_outputs_that_a_rule_forced_are_not_the_thresholds(facts: Callable[..., Facts]) -> None:
    decided = [{"route": "manual", "confidence": 0.5}] * 3 + [{"route": "manual"}]
    given = [{"reasons": reasons} for reasons in ('["threshold:manual"]', '["rule_7"]', '["note"]', "[]")]
    given[2]["inclusion_probability"] = 0.25  # type: ignore[assignment]
    labelled = facts(decided, given).labelled
    rows = threshold_rows(labelled, {1: frozenset({"rule_7"})})
    assert sorted(rows["w"].to_list()) == [1, 4]
    assert rows.columns == ["confidence", "right", "w"]
