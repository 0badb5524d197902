"""A run of judgements in a process of its own, to be killed: `judging_run.py DATABASE API_BASE COUNT`."""

from __future__ import annotations

import asyncio
import sys
from decimal import Decimal

from hitl_core.domain.policy_judging import Judge, Judging, Price
from hitl_core.judging.calling.model_room import ModelRoom
from hitl_core.judging.chat import ChatMessage, ChatRequest
from hitl_core.store.engine import Store

CONCURRENCY = 8


async def run(url: str, api_base: str, count: int) -> None:
    judge = Judge(model="openai/stub", api_base=api_base)
    judging = Judging(prices={"stub": Price(input=Decimal(1), output=Decimal(2))}, concurrency=CONCURRENCY)
    store = Store.connect(url)
    with ModelRoom(store) as room:
        model = room.open(judge, judging)

        async def judge_one(number: int) -> None:
            await model.complete(ChatRequest(messages=(ChatMessage(role="user", content=f"item {number}"),)))
            print(f"item {number}", flush=True)

        await asyncio.gather(*(judge_one(number) for number in range(count)))
        await room.aclose()
    store.close()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3])))
