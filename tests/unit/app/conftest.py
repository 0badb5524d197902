from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime

import pytest

from app.desk import Desk
from app.wiring import Workup
from hitl_core import Item, Loop
from hitl_core.domain.clock import ManualClock
from hitl_core.loop.judges.room import Opinions


class Seconds:
    """Monotonic seconds that move when told to."""

    def __init__(self) -> None:
        self.value = 100.0

    def __call__(self) -> float:
        return self.value


def no_workup(_: object) -> Workup:
    marks, similar, earlier, opinions = Future(), Future(), Future(), Future()  # type: ignore[var-annotated]
    marks.set_result(())
    similar.set_result([])
    earlier.set_result([])
    opinions.set_result(Opinions())
    return Workup(marks, similar, earlier, opinions)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 5, 1, 9, tzinfo=UTC))


@pytest.fixture
def loop(sqlite_url: str, clock: ManualClock) -> Iterator[Loop]:
    with Loop.open(sqlite_url, clock=clock) as opened:
        for number in range(4):
            opened.submit(Item(id=f"i{number}", query=f"question {number}?", output=f"answer {number}", confidence=0.1))
        yield opened


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def make_desk(loop: Loop, seconds: Seconds) -> Callable[[str], Desk]:
    def make(name: str) -> Desk:
        desk = Desk(loop, name, no_workup, now=seconds)
        desk.sit_down()
        desk.was_drawn()
        desk.fetch_next()
        seconds.value += 5
        return desk

    return make
