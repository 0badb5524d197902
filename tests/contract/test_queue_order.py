"""The order of the queue is the policy's formula, at every moment, although rows are not rewritten."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from hitl_core import Decision, Loop, Policy
from hitl_core.domain.clock import ManualClock
from hitl_core.loop.work import rekey_pending, work_once
from hitl_core.store.tables import tasks

Submit = Callable[..., Decision]


def _formula(impact: float, confidence: float, compliance: bool, created: datetime, now: datetime) -> float:
    waited = min((now - created) / timedelta(hours=24), 1.0)
    return 0.4 * impact + 0.3 * waited + 0.2 * (1 - confidence) + 0.1 * compliance


def _drain(loop: Loop) -> list[str]:
    order = []
    while (task := loop.queue.claim("ana")) is not None:
        order.append(task.item.id)
    return order


def test_claims_follow_the_formula_across_the_24_hour_cap(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    draw = random.Random(4)
    known: dict[str, tuple[float, float, bool, datetime]] = {}
    for n in range(60):
        clock.advance(hours=draw.uniform(0.1, 1.4))
        values = (draw.random(), round(draw.uniform(0, 0.79), 3), draw.random() < 0.3)
        submit(f"i{n}", impact=values[0], confidence=values[1], requires_compliance=values[2])
        known[f"i{n}"] = (*values, clock.now())
    now = clock.now()
    expected = sorted(known, key=lambda name: -_formula(*known[name], now))
    ages = [now - created for *_, created in known.values()]
    assert min(ages) < timedelta(hours=2)
    assert max(ages) > timedelta(hours=26)
    loop.queue.sweep()
    assert _drain(loop) == expected


def test_a_claim_shows_the_priority_of_that_moment(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    submit("a", impact=0.5, confidence=0.7)
    start = clock.now()
    clock.advance(hours=6)
    task = loop.queue.claim("ana")
    assert task is not None
    assert task.priority == pytest.approx(_formula(0.5, 0.7, False, start, clock.now()))
    assert task.priority == pytest.approx(0.2 + 0.075 + 0.06)


def test_waiting_overtakes_what_arrives_later(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    submit("early", impact=0.5, confidence=0.7)
    clock.advance(hours=23)
    submit("late", impact=0.7, confidence=0.7)
    submit("late and grave", impact=1.0, confidence=0.1)
    assert _drain(loop) == ["late and grave", "early", "late"]


def test_waiting_counts_no_further_than_a_day(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    submit("a week old", impact=0.1)
    clock.advance(days=6)
    submit("a day old", impact=0.2)
    clock.advance(days=1)
    assert loop.queue.sweep() == (0, 2)
    assert _drain(loop) == ["a day old", "a week old"]


def test_a_row_moves_to_the_second_band_once(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    submit("a")
    clock.advance(hours=23, minutes=59)
    assert loop.queue.sweep() == (0, 0)
    clock.advance(minutes=1)
    assert loop.queue.sweep() == (0, 1)
    assert loop.queue.sweep() == (0, 0)
    with loop.store.read() as tx:
        row = tx.execute(sa.select(tasks.c.band, tasks.c.rank, tasks.c.base)).one()
    assert row.band == 1
    assert row.rank == row.base


def test_new_weights_reorder_what_waits_in_batches(loop: Loop, submit: Submit) -> None:
    submit("grave but sure", impact=1.0, confidence=0.79)
    submit("light but unsure", impact=0.0, confidence=0.0)
    for n in range(8):
        submit(f"filler {n}", impact=0.01, confidence=0.79)
    first = loop.queue.claim("ana")
    assert first is not None
    assert first.item.id == "grave but sure"
    loop.queue.release(first.token)
    loop.publish(Policy.from_mapping({"priority": {"impact": 0.0, "uncertainty": 0.6}}), reason="uncertainty first")
    assert [rekey_pending(loop, limit=4) for _ in range(4)] == [4, 4, 2, 0]
    assert _drain(loop)[0] == "light but unsure"


def test_the_worker_returns_expired_leases_and_ages_rows(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    submit("a")
    submit("b")
    assert loop.queue.claim("ana") is not None
    clock.advance(hours=25)
    tick = work_once(loop, embed=False)
    assert (tick.expired, tick.aged) == (1, 2)


def test_the_heads_of_many_lanes_compete(loop: Loop, submit: Submit) -> None:
    for n in range(30):
        submit(f"i{n}", project=f"p{n % 7}", impact=n / 30)
    assert _drain(loop) == [f"i{n}" for n in reversed(range(30))]


def test_a_long_row_of_skips_does_not_hide_the_rest(loop: Loop, submit: Submit) -> None:
    for n in range(30):
        submit(f"i{n}", impact=1 - n / 30)
    for _ in range(20):
        task = loop.queue.claim("ana")
        assert task is not None
        loop.queue.skip(task.token)
    assert _drain(loop) == [f"i{n}" for n in range(20, 30)]
