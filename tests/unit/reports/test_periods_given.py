"""Periods as people give them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hitl_core import InputError
from hitl_core.reports.periods import Window, window

NOW = datetime(2026, 3, 1, 12, 30, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        (None, Window()),
        ("30d", Window(datetime(2026, 1, 30, 12, 30, tzinfo=UTC))),
        (" 2w ", Window(datetime(2026, 2, 15, 12, 30, tzinfo=UTC))),
        ("90m", Window(datetime(2026, 3, 1, 11, 0, tzinfo=UTC))),
        (timedelta(hours=12), Window(datetime(2026, 3, 1, 0, 30, tzinfo=UTC))),
        ((NOW, None), Window(NOW)),
        ((None, NOW), Window(until=NOW)),
        ("999999w", Window()),
    ],
)
def test_a_period_has_bounds(period: Any, expected: Window) -> None:
    assert window(period, NOW) == expected


@pytest.mark.parametrize(
    "period", ["", "30", "d", "-3d", "3y", "0d", timedelta(0), 30, (NOW, NOW), (NOW.replace(tzinfo=None), None), (NOW,)]
)
def test_what_is_no_period_is_refused(period: Any) -> None:
    with pytest.raises(InputError, match="period"):
        window(period, NOW)
