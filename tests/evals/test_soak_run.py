"""The short soak on both databases: workers killed at random lose nothing and do nothing twice."""

from __future__ import annotations

import pytest

from evals.soak import SHORT
from evals.soak_run import run_soak


# A busy machine is slow, which is no failure; a run in which nothing moves ends by itself after SHORT.stall_seconds.
@pytest.mark.timeout(900)
@pytest.mark.soak
@pytest.mark.slow
def test_killed_workers_lose_nothing_and_do_nothing_twice(empty_database_url: str) -> None:
    result = run_soak("soak", empty_database_url, SHORT)
    assert result.passed, (result.findings, result.crashes, result.integrity)
    assert result.figures["SIGKILLs"] > 0
    assert result.figures["reviews acknowledged"] > 0.9 * SHORT.tasks
    assert result.figures["heartbeats"] > 0
    assert result.figures["undos"] > 0
