"""Ledger, cache and budget behind one model, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from hitl_core.domain.clock import ManualClock
from hitl_core.domain.errors import (
    BudgetExceededError,
    ModelCallError,
    ModelTimeoutError,
    RateLimitedError,
    RequestRefusedError,
)
from hitl_core.domain.policy_judging import Judge, Judging, Price
from hitl_core.judging.calling.model_room import ModelRoom
from hitl_core.judging.chat import ChatMessage, ChatReply, ChatRequest, Usage
from hitl_core.judging.scripted import ScriptedModel
from hitl_core.store.engine import Store
from hitl_core.store.judging import cache, ledger

PRICES = {"scripted": Price(input=Decimal("1"), output=Decimal("10"))}
REPLY = ChatReply(text="yes", usage=Usage(input_tokens=10, output_tokens=20))
COST = Decimal("0.00021")
Open = Callable[..., Any]


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.connect(database_url)
    yield opened
    opened.close()


@pytest.fixture
def open_model(store: Store, clock: ManualClock) -> Iterator[Open]:
    rooms: list[ModelRoom] = []

    async def at_once(seconds: float) -> None:
        await asyncio.sleep(0)

    def _open(model: ScriptedModel, **section: Any) -> Any:
        rooms.append(ModelRoom(store, clock=clock, adapter=lambda judge: model, sleep=at_once))
        return rooms[-1].open(Judge(model="scripted"), Judging(**({"prices": PRICES} | section)))

    yield _open
    for room in rooms:
        room.close()


def ask(prompt: str = "right?", **fields: Any) -> ChatRequest:
    values = {"item_id": "i1", "project": "p", "max_tokens": 20} | fields
    return ChatRequest(messages=(ChatMessage(role="user", content=prompt),), **values)


def calls(store: Store) -> list[dict[str, Any]]:
    with store.read() as tx:
        return ledger.latest(tx)[::-1]


async def test_a_reply_is_priced_written_down_and_not_asked_for_again(store: Store, open_model: Open) -> None:
    model = ScriptedModel(REPLY)
    first = await open_model(model).complete(ask())
    again = await open_model(model).complete(ask(purpose="probe", timeout_seconds=3))
    assert (first.cost_usd, first.cached) == (COST, False)
    assert (again.text, again.cost_usd, again.cached, again.usage) == ("yes", 0, True, REPLY.usage)
    assert len(model.calls) == 1
    paid, free = calls(store)
    assert (paid["status"], paid["cost_usd"], paid["input_tokens"], paid["attempt"]) == ("ok", COST, 10, 1)
    assert (free["status"], free["cost_usd"], free["input_tokens"], free["purpose"]) == ("cached", 0, 0, "probe")
    assert (paid["provider"], paid["model"], paid["item_id"], paid["project"]) == ("scripted", "scripted", "i1", "p")
    assert paid["request_key"] == free["request_key"]


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "wrong?"},
        {"sample_index": 1},
        {"temperature": 0.5},
        {"prompt_version": "v2"},
        {"json_schema": {"type": "object"}},
        {"max_tokens": 21},
        {"top_logprobs": 1},
        {"seed": 4},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_whatever_shapes_a_reply_is_in_the_key(change: dict[str, Any], open_model: Open) -> None:
    model = ScriptedModel(REPLY)
    opened = open_model(model)
    await opened.complete(ask())
    await opened.complete(ask(**change))
    assert len(model.calls) == 2


async def test_two_servers_with_one_model_name_are_not_mixed_up(open_model: Open) -> None:
    here, there = ScriptedModel("a", endpoint="http://a/v1"), ScriptedModel("b", endpoint="http://b/v1")
    assert [(await open_model(each).complete(ask())).text for each in (here, there)] == ["a", "b"]


async def test_one_question_asked_many_times_at_once_is_paid_once(store: Store, open_model: Open) -> None:
    model = ScriptedModel(REPLY, delay_seconds=0.01)
    opened = open_model(model)
    replies = await asyncio.gather(*(opened.complete(ask()) for _ in range(20)))
    assert len(model.calls) == 1
    assert sum(reply.cost_usd for reply in replies) == COST
    assert [row["status"] for row in calls(store)].count("cached") == 19


async def test_every_attempt_is_a_row_with_its_number_and_error(store: Store, open_model: Open) -> None:
    failures = [ModelTimeoutError("late"), RateLimitedError("busy")]
    reply = await open_model(ScriptedModel(REPLY, failures=failures)).complete(ask())
    assert reply.attempts == 3
    rows = calls(store)
    assert [(row["attempt"], row["status"]) for row in rows] == [(1, "timeout"), (2, "rate_limited"), (3, "ok")]
    assert [row["cost_usd"] for row in rows] == [None, None, COST]
    assert rows[0]["error"] == "ModelTimeoutError: late"
    with store.read() as tx:
        assert ledger.spent(tx, item_id="i1") == (3, COST, 2, 10, 20)


async def test_a_failure_is_not_kept(store: Store, open_model: Open) -> None:
    model = ScriptedModel(REPLY, failures=[RequestRefusedError("no")])
    opened = open_model(model)
    with pytest.raises(RequestRefusedError):
        await opened.complete(ask())
    assert (await opened.complete(ask())).text == "yes"


async def test_an_unknown_price_is_unknown_and_not_nothing(store: Store, open_model: Open) -> None:
    reply = await open_model(ScriptedModel(REPLY), prices={}).complete(ask())
    assert reply.cost_usd is None
    with store.read() as tx:
        assert tuple(ledger.spent(tx)) == (1, 0, 1, 10, 20)


async def test_a_budget_refuses_before_the_call_and_says_why(store: Store, open_model: Open) -> None:
    model = ScriptedModel(REPLY)
    opened = open_model(model, budget_usd_per_day=Decimal("0.0006"))
    for number in range(2):
        await opened.complete(ask(f"question {number}"))
    with pytest.raises(BudgetExceededError, match=r"\$0\.00042 of \$0\.0006 is spent"):
        await opened.complete(ask("question 3"))
    assert len(model.calls) == 2
    refused = calls(store)[-1]
    assert (refused["status"], refused["cost_usd"]) == ("over_budget", 0)
    assert (await opened.complete(ask("question 1"))).cached


async def test_what_is_under_way_counts_against_the_budget(open_model: Open) -> None:
    model = ScriptedModel(REPLY, delay_seconds=0.01)
    opened = open_model(model, budget_usd_per_day=Decimal("0.001"))
    asked = [opened.complete(ask(f"question {number}")) for number in range(10)]
    replies = await asyncio.gather(*asked, return_exceptions=True)
    refused = [reply for reply in replies if isinstance(reply, BudgetExceededError)]
    assert len(model.calls) == 10 - len(refused)
    assert len(model.calls) * COST <= Decimal("0.001")
    assert 1 <= len(model.calls) <= 4


async def test_the_budget_of_a_day_counts_what_others_spent_and_ends_with_the_day(
    open_model: Open, clock: ManualClock
) -> None:
    limits = {"budget_usd_per_day": Decimal("0.0004")}
    await open_model(ScriptedModel(REPLY), **limits).complete(ask("first"))
    model = ScriptedModel(REPLY)
    opened = open_model(model, **limits)
    with pytest.raises(BudgetExceededError):
        await opened.complete(ask("second"))
    clock.advance(days=1)
    assert (await opened.complete(ask("second"))).text == "yes"


async def test_an_items_budget_is_its_own(open_model: Open) -> None:
    opened = open_model(ScriptedModel(REPLY), budget_usd_per_item=Decimal("0.0004"))
    await opened.complete(ask("first", item_id="a"))
    with pytest.raises(BudgetExceededError, match="item a"):
        await opened.complete(ask("second", item_id="a"))
    await opened.complete(ask("second", item_id="b"))


async def test_a_budget_without_a_price_is_no_licence_to_spend(open_model: Open) -> None:
    model = ScriptedModel(REPLY)
    with pytest.raises(BudgetExceededError, match=r"judging\.prices"):
        await open_model(model, prices={}, budget_usd_per_day=Decimal(1)).complete(ask())
    assert model.calls == []


async def test_an_outage_does_not_eat_the_budget_and_timeouts_do(open_model: Open) -> None:
    limits = {"budget_usd_per_day": Decimal("0.002")}
    outage = open_model(ScriptedModel(lambda request: ModelCallError("500")), **limits)
    for number in range(20):
        with pytest.raises(ModelCallError) as caught:
            await outage.complete(ask(f"question {number}"))
        assert not isinstance(caught.value, BudgetExceededError)
    slow = open_model(ScriptedModel(lambda request: ModelTimeoutError("late")), **limits)
    errors = []
    for number in range(20):
        with pytest.raises(ModelCallError) as caught:
            await slow.complete(ask(f"question {number}"))
        errors.append(type(caught.value))
    assert errors[0] is ModelTimeoutError
    assert errors[-1] is BudgetExceededError


async def test_a_call_that_was_given_up_is_written_down(store: Store, clock: ManualClock) -> None:
    with ModelRoom(store, clock=clock, adapter=lambda judge: ScriptedModel(REPLY, delay_seconds=60)) as room:
        opened = room.open(Judge(model="scripted"), Judging(prices=PRICES, concurrency=1))
        asked = [asyncio.create_task(opened.complete(ask(name, timeout_seconds=90))) for name in "ab"]
        await asyncio.sleep(0.3)
        for each in asked:
            each.cancel()
        assert [type(each) for each in await asyncio.gather(*asked, return_exceptions=True)] == [
            asyncio.CancelledError
        ] * 2
    assert [(row["status"], row["cost_usd"]) for row in calls(store)] == [("cancelled", None)]


async def test_totals_by_day_and_project(store: Store, open_model: Open, clock: ManualClock) -> None:
    opened = open_model(ScriptedModel(REPLY))
    began = clock.now()
    for number, project in enumerate("ppq"):
        await opened.complete(ask(f"question {number}", project=project))
        clock.advance(hours=12)
    with store.read() as tx:
        by_day = ledger.totals(tx, "day", "project")
        assert {key: each.calls for key, each in by_day.items()} == {
            ("2026-03-01", "p"): 2,
            ("2026-03-02", "q"): 1,
        }
        assert ledger.totals(tx, "model", "status")[("scripted", "ok")].cost_usd == 3 * COST
        assert ledger.spent_on_day(tx, began, project="p").cost_usd == 2 * COST
        assert ledger.spent(tx, since=began + timedelta(hours=1)).calls == 2
        assert tuple(ledger.spent(tx, project="nobody")) == (0, 0, 0, 0, 0)
        assert [row["project"] for row in ledger.of_item(tx, "i1")] == ["q", "p", "p"]


async def test_the_cache_is_listed_and_forgotten_by_age(store: Store, open_model: Open, clock: ManualClock) -> None:
    opened = open_model(ScriptedModel(REPLY))
    await opened.complete(ask("old"))
    clock.advance(days=2)
    await opened.complete(ask("new"))
    with store.write() as tx:
        assert len(list(cache.every(tx, model="scripted"))) == 2
        assert list(cache.every(tx, model="other")) == []
        assert cache.forget(tx, before=clock.now() - timedelta(days=1)) == 1
        assert len(list(cache.every(tx))) == 1


class WaitedError(Exception):
    """Somebody was made to wait."""


@pytest.mark.parametrize(("per_minute", "waits"), [(None, []), (2, [30])])
async def test_requests_per_minute_makes_calls_wait(
    store: Store, clock: ManualClock, per_minute: float | None, waits: list[float]
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        raise WaitedError

    room = ModelRoom(store, clock=clock, adapter=lambda judge: ScriptedModel(REPLY), sleep=sleep)
    section = Judging(prices=PRICES, requests_per_minute=per_minute)
    model = room.open(Judge(model="scripted"), section)
    await model.complete(ask("one"))
    try:
        await model.complete(ask("two"))
    except WaitedError:
        assert per_minute is not None
    room.close()
    assert waited == pytest.approx(waits, abs=25)
