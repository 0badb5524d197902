"""How often reviewers err, from pairs of a first opinion and what holds."""

from __future__ import annotations

import pytest

from hitl_core.loop.trust.reviewers import reviewer_errors


def test_misses_and_false_alarms_are_counted_apart() -> None:
    pairs = [(True, False)] * 2 + [(False, False)] * 8 + [(False, True)] * 3 + [(True, True)] * 97
    found = reviewer_errors(pairs)
    assert (found.missed, found.missed_of, found.false_alarms, found.false_alarms_of) == (2, 10, 3, 100)
    assert found.missed_bounds == pytest.approx((0.0252, 0.5561), abs=1e-4)
    assert found.false_alarm_bounds == pytest.approx((0.0062, 0.0852), abs=1e-4)


def test_nothing_seen_bounds_nothing() -> None:
    found = reviewer_errors([])
    assert (found.missed_of, found.missed_bounds, found.false_alarm_bounds) == (0, (0, 1), (0, 1))
