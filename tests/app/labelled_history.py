"""A project with labels of weeks ago: their window is closed, so calibration may rest on them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from hitl_core import Loop, Policy, Review, Route
from hitl_core.domain.clock import ManualClock


def right_at(confidence: float) -> float:
    """How often an output of this confidence is right: too sure of itself below .8, as good as it says above."""
    return 0.985 if confidence >= 0.8 else 0.3


def fill(url: str, *, items: int, domain: str = "travel", project: str = "default", seed: int = 3) -> None:
    """Submit items a month ago and let people review all that comes to them."""
    random_numbers = random.Random(seed)
    clock = ManualClock(datetime.now(UTC) - timedelta(days=30))
    with Loop.open(url, Policy.from_toml("audit.rate = 0.5"), clock=clock, actor="app") as loop:
        for number in range(items):
            clock.advance(minutes=20)
            confidence = round(random_numbers.uniform(0.5, 0.999), 3)
            given = {"id": f"{project}-{number}", "query": f"{project} q {number}", "output": "o", "project": project}
            decision = loop.submit(given | {"confidence": confidence, "domain": domain, "model": "m"})
            if decision.route is Route.AUTO_APPROVE and not decision.audited:
                continue
            task = loop.queue.claim("ana")
            assert task is not None
            right = random_numbers.random() < right_at(confidence)
            review = Review(verdict="approve") if right else Review(verdict="reject", reasons=("wrong_fact",))
            loop.queue.complete(task.token, review)
