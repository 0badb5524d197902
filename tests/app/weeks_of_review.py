"""Eight weeks of review with a policy change in the middle: first most outputs go to people, then a third of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hitl_core import Loop, Policy, Review
from hitl_core.domain.clock import ManualClock
from hitl_core.domain.records import ReviewTask

WEEKS, PER_WEEK = 8, 30
CONFIDENCES = (0.55, 0.9, 0.93)
STRICT = (
    "name = 'strict'\nthresholds = { auto_approve = 0.95 }\naudit = { rate = 0.5, secret = 'a secret of the tests' }"
)
RELAXED = (
    "name = 'relaxed'\nthresholds = { auto_approve = 0.8 }\naudit = { rate = 0.5, secret = 'a secret of the tests' }"
)


def fill(url: str, *, weeks: int = WEEKS, per_week: int = PER_WEEK, ended: timedelta = timedelta(0)) -> None:
    """Submit the outputs in their weeks, and let people review what comes to them within two minutes.

    Args:
        url: the database.
        weeks: how many.
        per_week: outputs in each.
        ended: how long ago the last week ended.
    """
    clock = ManualClock(datetime.now(UTC) - timedelta(weeks=weeks) - ended)
    with Loop.open(url, Policy.from_toml(STRICT), clock=clock, actor="lead") as loop:
        for number in range(weeks * per_week):
            if number == weeks * per_week // 2:
                loop.publish(Policy.from_toml(RELAXED), reason="a better model answers")
            _one(loop, clock, number)
            clock.advance(minutes=7 * 24 * 60 / per_week - 2)


def _one(loop: Loop, clock: ManualClock, number: int) -> None:
    given = {"id": f"past-{number}", "query": f"q {number}", "output": "o", "model": "m1", "domain": "travel"}
    decision = loop.submit(given | {"confidence": CONFIDENCES[number % 3]})
    clock.advance(minutes=2)
    task = loop.queue.claim("ana") if decision.needs_human or decision.audited else None
    if task is not None:
        loop.queue.complete(task.token, _said(task, number))


def _said(task: ReviewTask, number: int) -> Review:
    """Every other output of low confidence is wrong, and one in fifty of the others."""
    low = (task.item.confidence or 0.0) < 0.6
    wrong = number % 2 == 0 if low else number % 50 == 1
    if wrong:
        return Review(verdict="reject", reasons=("wrong_fact",), active_seconds=60.0)
    return Review(verdict="approve", active_seconds=40.0 + number % 30)
