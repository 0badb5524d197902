"""A provider that does everything wrong at once: every call ends, in time, and the ledger adds up to the last digit."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

import pytest

from evals.stub_provider import BEHAVIOURS, StubProvider
from hitl_core.domain.errors import ModelCallError
from hitl_core.domain.policy_judging import Judge, Judging, Price
from hitl_core.judging.calling.model_room import ModelRoom
from hitl_core.judging.calling.retrying import RETRIES
from hitl_core.judging.chat import ChatReply, ChatRequest
from hitl_core.judging.client import LiteLLMModel
from hitl_core.store.engine import Store
from hitl_core.store.judging import ledger

PRICE = Price(input=Decimal("0.15"), output=Decimal("0.60"))
SHORT, LONG, DEADLINE, ROUNDS = 1.0, 40.0, 60.0, 3
ENDLESS = ("hang", "trickle")
RETRIED = (*ENDLESS, "rate_limited", "error", "overloaded", "drop")
Ask = Callable[..., ChatRequest]


@pytest.mark.timeout(110)
async def test_every_call_ends_and_the_ledger_adds_up(
    sqlite_url: str, stub: StubProvider, ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.answer = '{"verdict": "approve"}'
    stub.retry_after = "0.1"
    names = [name for name in BEHAVIOURS for _ in range(ROUNDS)]
    store = Store.connect(sqlite_url)
    with ModelRoom(store) as room:
        judge = Judge(model="openai/stub", api_base=stub.url)
        judging = Judging(prices={"stub": PRICE}, concurrency=16, deadline_seconds=DEADLINE)
        model = room.open(judge, judging)
        await model.complete(ask("the first call imports litellm"))

        async def judge_one(number: int, name: str) -> ChatReply | ModelCallError:
            seconds = SHORT if name in ENDLESS else LONG
            try:
                return await model.complete(ask(f"item {number} stub:{name}", timeout_seconds=seconds))
            except ModelCallError as error:
                return error

        async with asyncio.timeout(60):
            ends = await asyncio.gather(*(judge_one(number, name) for number, name in enumerate(names)))
        await room.aclose()

    replies = [end for end in ends if isinstance(end, ChatReply)]
    assert [name for name, end in zip(names, ends, strict=True) if isinstance(end, ChatReply)] == ["answer"] * ROUNDS
    with store.read() as tx:
        statuses = {key[0]: spent for key, spent in ledger.totals(tx, "status").items()}
        whole = ledger.spent(tx)
    store.close()
    attempts = len(names) + RETRIES * ROUNDS * len(RETRIED) + 1
    assert {prompt: times for prompt, times in stub.seen.items() if times > allowed(prompt)} == {}
    assert whole.calls == len(stub.requests) == attempts
    # 4 words in "item N stub:answer", minus one, and 2 in the reply; the first call has 5 and 2.
    expected = (ROUNDS * 3 + 5) * PRICE.input / 1_000_000 + (ROUNDS + 1) * 2 * PRICE.output / 1_000_000
    assert whole.cost_usd == expected
    assert sum((reply.cost_usd or Decimal(0) for reply in replies), Decimal(0)) < expected
    assert whole.unknown == attempts - ROUNDS - 1
    assert statuses["ok"].calls == ROUNDS + 1
    with capsys.disabled():
        kinds = Counter(type(end).__name__ for end in ends)
        print(f"\nchaos: {len(names)} calls, {attempts} attempts, ends {dict(kinds)}, known cost ${whole.cost_usd:f}")


def allowed(prompt: str) -> int:
    """How often one prompt may reach the provider: once, and once a retry where that helps."""
    return 1 + RETRIES * any(prompt.endswith(f"stub:{name}") for name in RETRIED)


@pytest.mark.parametrize("name", ["anthropic/claude-3-haiku-20240307", "gemini/gemini-2.0-flash"])
async def test_other_providers_replies_are_cut_off_too(
    name: str, stub: StubProvider, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUB_KEY", "k")
    model = LiteLLMModel(name, endpoint=stub.url, api_key_env="STUB_KEY")
    stub.plan("huge", "error")
    with pytest.raises(ModelCallError, match="too long and was cut off"):
        await model.complete(ask(timeout_seconds=50))
    with pytest.raises(ModelCallError) as caught:
        await model.complete(ask(timeout_seconds=50))
    assert type(caught.value) is ModelCallError
    assert len(stub.requests) == 2
    await model.aclose()
