"""Erlang C: against published values, against a simulated queue, and its edges."""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest

from hitl_core import InputError
from hitl_core.reports.staffing import erlang_c, staffing, with_reviewers


def test_known_values() -> None:
    assert erlang_c(0.5, 1) == pytest.approx(0.5)  # one server: the chance to wait is its load
    assert erlang_c(1.0, 2) == pytest.approx(1 / 3)  # a² / (2 + a) with two servers
    # 100 calls in half an hour of 180 s each, 14 agents: 10 Erlangs; the usual textbook example.
    assert erlang_c(10, 14) == pytest.approx(0.1741, abs=5e-5)
    found = with_reviewers(14, per_hour=200, review_seconds=180, target_seconds=20)
    assert found.within == pytest.approx(0.888, abs=5e-4)
    assert found.mean_wait_seconds == pytest.approx(7.8, abs=0.05)
    assert found.occupancy == pytest.approx(10 / 14)


def test_the_fewest_reviewers_who_keep_the_target() -> None:
    found = staffing(per_hour=200, review_seconds=180, target_seconds=20, within=0.88)
    fewer = with_reviewers(found.reviewers - 1, per_hour=200, review_seconds=180, target_seconds=20)
    assert found.within >= 0.88 > fewer.within


@pytest.mark.parametrize(("per_hour", "seconds", "reviewers"), [(60, 90, 2), (40, 240, 4), (200, 60, 5)])
def test_a_simulated_queue_waits_as_long(per_hour: float, seconds: float, reviewers: int) -> None:
    found = with_reviewers(reviewers, per_hour=per_hour, review_seconds=seconds, target_seconds=60)
    waits = simulated(per_hour, seconds, reviewers, items=200_000)
    assert float(np.mean(waits > 1e-9)) == pytest.approx(found.p_wait, abs=0.02)
    assert float(np.mean(waits <= 60)) == pytest.approx(found.within, abs=0.02)


def simulated(per_hour: float, seconds: float, reviewers: int, *, items: int) -> np.ndarray:
    generator = np.random.default_rng(11)
    arrivals = np.cumsum(generator.exponential(3600 / per_hour, items))
    services = generator.exponential(seconds, items)
    free = [0.0] * reviewers
    waits = np.empty(items)
    for number, (arrival, service) in enumerate(zip(arrivals, services, strict=True)):
        begin = max(arrival, heapq.heappop(free))
        waits[number] = begin - arrival
        heapq.heappush(free, begin + service)
    return waits[items // 10 :]


def test_more_load_than_reviewers_is_said_and_not_computed() -> None:
    assert erlang_c(3, 2) == 1.0
    assert math.isinf(with_reviewers(1, per_hour=100, review_seconds=60, target_seconds=10).mean_wait_seconds)


def test_nothing_to_do_takes_one_reviewer() -> None:
    assert staffing(per_hour=0, review_seconds=60, target_seconds=10).reviewers == 1


@pytest.mark.parametrize("name", ["per_hour", "review_seconds", "target_seconds"])
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_bad_numbers_are_named(name: str, value: float) -> None:
    given = {"per_hour": 10.0, "review_seconds": 60.0, "target_seconds": 60.0} | {name: value}
    with pytest.raises(InputError, match=name):
        staffing(
            per_hour=given["per_hour"], review_seconds=given["review_seconds"], target_seconds=given["target_seconds"]
        )
    with pytest.raises(InputError, match="within"):
        staffing(per_hour=1, review_seconds=1, target_seconds=1, within=1.0)
