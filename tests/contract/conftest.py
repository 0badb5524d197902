"""A loop on each database, with a clock that moves only when told to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from hitl_core import Decision, Loop
from hitl_core.domain.clock import ManualClock

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    """Nine o'clock on a Sunday."""
    return ManualClock(START)


@pytest.fixture
def loop(database_url: str, clock: ManualClock) -> Iterator[Loop]:
    """A loop with the built-in policy."""
    with Loop.open(database_url, clock=clock) as opened:
        yield opened


@pytest.fixture
def submit(loop: Loop) -> Callable[..., Decision]:
    """Submit an item that goes to a person unless its fields say otherwise."""

    def _submit(item_id: str, **fields: Any) -> Decision:
        values = {"id": item_id, "query": f"what about {item_id}?", "output": f"{item_id} is fine", "confidence": 0.7}
        return loop.submit(values | fields)

    return _submit
