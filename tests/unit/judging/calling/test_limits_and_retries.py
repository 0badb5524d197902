"""Waiting in line, and asking again: with time that passes only when somebody sleeps."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from hitl_core.domain.errors import (
    BudgetExceededError,
    ModelCallError,
    ModelTimeoutError,
    RateLimitedError,
    RequestRefusedError,
    UnreadableReplyError,
)
from hitl_core.judging.calling.limits import Limited, ProviderLimits
from hitl_core.judging.calling.retrying import Retrying
from hitl_core.judging.chat import ChatReply, ChatRequest
from hitl_core.judging.scripted import ScriptedModel

Ask = Callable[..., ChatRequest]


class Time:
    """A monotonic clock that sleeping moves."""

    def __init__(self) -> None:
        self.seconds, self.slept = 1000.0, list[float]()

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)


class Door:
    """A model that answers when it is told to, and counts who is inside."""

    provider, endpoint, model, capabilities = "door", "", "door", ScriptedModel("").capabilities

    def __init__(self) -> None:
        self.open, self.inside, self.most, self.order = asyncio.Event(), 0, 0, list[str]()

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.order.append(request.messages[0].content)
        try:
            await self.open.wait()
        finally:
            self.inside -= 1
        return ChatReply(text="in")


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_no_more_than_the_limit_are_inside_and_the_rest_wait_in_order(ask: Ask) -> None:
    door, limits = Door(), ProviderLimits(3)
    calls = [asyncio.create_task(Limited(door, limits).complete(ask(str(number)))) for number in range(10)]
    await settle()
    assert door.inside == 3
    door.open.set()
    assert [reply.text for reply in await asyncio.gather(*calls)] == ["in"] * 10
    assert door.most == 3
    assert door.order == [str(number) for number in range(10)]


async def test_who_gives_up_in_line_or_inside_leaves_the_place_to_the_next(ask: Ask) -> None:
    door, limits = Door(), ProviderLimits(1)
    inside, waiting, last = [asyncio.create_task(Limited(door, limits).complete(ask(name))) for name in "abc"]
    await settle()
    waiting.cancel()
    await settle()
    inside.cancel()
    await settle()
    assert door.order == ["a", "c"]
    door.open.set()
    assert (await last).text == "in"
    assert door.inside == 0
    assert (await Limited(door, limits).complete(ask("d"))).text == "in"


def test_one_line_serves_several_event_loops(ask: Ask) -> None:
    limits = ProviderLimits(1)

    async def many() -> int:
        model = Limited(ScriptedModel("x", delay_seconds=0.001), limits)
        return len(await asyncio.gather(*(model.complete(ask(str(number))) for number in range(5))))

    assert [asyncio.run(many()) for _ in range(3)] == [5, 5, 5]


async def test_the_rate_spaces_calls_and_refuses_none(ask: Ask) -> None:
    time = Time()
    limits = ProviderLimits(1, 30, sleep=time.sleep, now=time.now)
    model = Limited(ScriptedModel("x"), limits)
    for number in range(4):
        await model.complete(ask(str(number)))
    assert time.slept == [2.0, 2.0, 2.0]


async def test_a_fast_rate_allows_a_second_at_once(ask: Ask) -> None:
    time = Time()
    model = Limited(ScriptedModel("x"), ProviderLimits(1, 600, sleep=time.sleep, now=time.now))
    for number in range(30):
        await model.complete(ask(str(number)))
    assert time.seconds - 1000 == pytest.approx(2.0, abs=0.11)


async def test_a_provider_that_says_when_to_come_back_holds_up_everybody(ask: Ask) -> None:
    time = Time()
    limits = ProviderLimits(4, sleep=time.sleep, now=time.now)
    with pytest.raises(RateLimitedError):
        await Limited(ScriptedModel("x", failures=[RateLimitedError("busy", 7.0)]), limits).complete(ask())
    await Limited(ScriptedModel("other model"), limits).complete(ask())
    assert time.slept == [7.0]


def retrying(model: ScriptedModel, time: Time, deadline: float = 100.0) -> Retrying:
    return Retrying(model, deadline_seconds=deadline, chance=random.Random(1), sleep=time.sleep, now=time.now)


@pytest.mark.parametrize("error", [ModelTimeoutError("late"), RateLimitedError("busy"), ModelCallError("500")])
async def test_what_may_pass_is_tried_three_times_in_all(error: ModelCallError, ask: Ask) -> None:
    time, model = Time(), ScriptedModel("fine", failures=[error, error])
    reply = await retrying(model, time).complete(ask())
    assert (reply.text, reply.attempts, len(model.calls)) == ("fine", 3, 3)
    assert 0 <= time.slept[0] <= 0.5
    assert 0 <= time.slept[1] <= 1.0
    again = ScriptedModel("fine", failures=[error, error, error])
    with pytest.raises(type(error)):
        await retrying(again, time).complete(ask())
    assert len(again.calls) == 3


@pytest.mark.parametrize("error", [RequestRefusedError("400"), UnreadableReplyError("?"), BudgetExceededError("$")])
async def test_what_would_fail_again_is_not_tried_again(error: ModelCallError, ask: Ask) -> None:
    time, model = Time(), ScriptedModel("fine", failures=[error])
    with pytest.raises(type(error)):
        await retrying(model, time).complete(ask())
    assert (len(model.calls), time.slept) == (1, [])


async def test_retry_after_is_honoured(ask: Ask) -> None:
    time = Time()
    await retrying(ScriptedModel("fine", failures=[RateLimitedError("busy", 9.0)]), time).complete(ask())
    assert 9.0 <= time.slept[0] <= 9.5


async def test_no_attempt_begins_after_the_deadline(ask: Ask) -> None:
    time = Time()
    model = ScriptedModel("fine", failures=[RateLimitedError("busy", 30.0)])
    with pytest.raises(RateLimitedError):
        await retrying(model, time, deadline=20).complete(ask())
    assert time.slept == []


async def test_the_last_attempts_get_what_is_left_of_the_time(ask: Ask) -> None:
    time = Time()
    model = ScriptedModel("never", delay_seconds=1000, sleep=time.sleep)
    with pytest.raises(ModelTimeoutError):
        await retrying(model, time, deadline=25).complete(ask(timeout_seconds=10))
    assert time.seconds - 1000 <= 25
    assert len(model.calls) == 3
    assert model.calls[2].timeout_seconds < 10
