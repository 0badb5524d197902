"""Labelled outputs in a closed window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hitl_core import Loop
from hitl_core.domain.clock import ManualClock
from tests.contract.trust.labelling import submit_and_review


@pytest.fixture
def label(loop: Loop, clock: ManualClock) -> Callable[..., None]:
    """Submit and review outputs, and let their window close unless told otherwise."""

    def _label(name: str, count: int = 100, *, closed: bool = True, **options: Any) -> None:
        submit_and_review(loop, name, count, **options)
        if closed:
            clock.advance(days=4)

    return _label
