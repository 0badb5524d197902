"""What the layers around a model cost: against the ideal time of a scripted model, and against litellm alone."""

from __future__ import annotations

import asyncio
import math
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NamedTuple

from evals.bench.results import Aim, Part, Setup, median
from hitl_core.domain.policy_judging import Judge, Judging, Price
from hitl_core.judging.calling.model_room import ModelRoom
from hitl_core.judging.chat import ChatMessage, ChatModel, ChatReply, ChatRequest, Usage
from hitl_core.judging.client import load_litellm
from hitl_core.judging.scripted import ScriptedModel
from hitl_core.store import schema
from hitl_core.store.engine import Store
from hitl_core.store.judging import cache, ledger

JUDGEMENTS, CONCURRENCY, MODEL_SECONDS, IDEAL_FACTOR = 1_000, 64, 0.2, 1.15
CALLS, ROUNDS, LITELLM_FACTOR = 200, 7, 1.1
PROMPT = "Is every statement of this answer supported by its passages? " * 8
SECTION = Judging(
    prices={"scripted": Price(input=Decimal("0.15"), output=Decimal("0.60")), "stub": Price(input=1, output=2)},
    concurrency=CONCURRENCY,
)


def measure_judging(setup: Setup) -> list[Part]:
    """Measure 1,000 judgements over a scripted model on each database, and calls through litellm to a local stub."""
    return [_against_the_ideal(setup), _against_litellm(setup)]


def _against_the_ideal(setup: Setup) -> Part:
    count = setup.size(JUDGEMENTS)
    ideal = math.ceil(count / CONCURRENCY) * MODEL_SECONDS
    part = Part(
        f"{count:,} judgements at once, {CONCURRENCY} under way, a scripted model that takes {MODEL_SECONDS:g} s",
        ("database", "seconds", "ideal", "to ideal", "CPU ms a call", "again, from the cache, s"),
        notes=["Ledger and cache rows are durable before a reply is handed out."],
    )
    for kind in setup.kinds:
        with setup.databases.empty(kind) as url, _prepared(url) as store:
            model = ScriptedModel(_fixed_reply(), delay_seconds=MODEL_SECONDS)
            with ModelRoom(store, adapter=lambda judge, model=model: model) as room:  # type: ignore[misc]
                opened = room.open(Judge(model="scripted"), SECTION)
                first = asyncio.run(_timed(opened, _requests(count)))
                again = asyncio.run(_timed(opened, _requests(count)))
            _check_rows(store, count)
        part.rows.append([kind, first.seconds, ideal, first.seconds / ideal, first.cpu_ms / count, again.seconds])
        part.aims.append(Aim(f"{count:,} judgements on {kind} to the ideal time", first.seconds / ideal, IDEAL_FACTOR))
    return part


def _against_litellm(setup: Setup) -> Part:
    count = setup.size(CALLS)
    part = Part(
        f"{count} calls to a local stub, {CONCURRENCY} under way: litellm alone, and behind all layers on SQLite",
        ("way", "seconds, median of rounds", "calls/s", "CPU ms a call", "to litellm alone"),
        notes=["The two take turns in one process. Ledger and cache rows are written; the stub answers at once."],
    )
    with _running_stub() as api_base, setup.databases.empty("sqlite") as url, _prepared(url) as store:
        rounds = max(2, int(ROUNDS * min(1.0, setup.scale * 10)))
        bare, layered = asyncio.run(_take_turns(store, api_base, count, rounds))
    ratio = median([mine.seconds / its.seconds for its, mine in zip(bare, layered, strict=True)])
    for name, runs, factor in (("litellm alone", bare, 1.0), ("all layers", layered, ratio)):
        seconds = median([run.seconds for run in runs])
        cpu = median([run.cpu_ms for run in runs]) / count
        part.rows.append([name, seconds, count / seconds, cpu, factor])
    part.aims.append(Aim("calls through all layers to litellm alone", ratio, LITELLM_FACTOR))
    return part


class Run(NamedTuple):
    """One measured run: wall clock in seconds, processor time in milliseconds."""

    seconds: float
    cpu_ms: float


async def _take_turns(store: Store, api_base: str, count: int, rounds: int) -> tuple[list[Run], list[Run]]:
    bare: list[Run] = []
    layered: list[Run] = []
    with ModelRoom(store) as room:
        model = room.open(Judge(model="openai/stub", api_base=api_base, timeout_seconds=60), SECTION)
        ask_bare = _bare(api_base)
        await _timed_calls(ask_bare, _requests(CONCURRENCY, "warm"))
        await _timed_calls(model.complete, _requests(CONCURRENCY, "warm"))
        for number in range(rounds):
            requests = _requests(count, f"round {number}")
            turns: list[tuple[list[Run], Callable[[ChatRequest], Awaitable[Any]]]] = [
                (bare, ask_bare),
                (layered, model.complete),
            ]
            for runs, ask in turns if number % 2 == 0 else turns[::-1]:
                runs.append(await _timed_calls(ask, requests))
        await room.aclose()
    return bare, layered


def _bare(api_base: str) -> Callable[[ChatRequest], Awaitable[Any]]:
    """Return a call of litellm's own with the same content and nothing around it but a limit."""
    litellm = load_litellm()
    slots = asyncio.Semaphore(CONCURRENCY)

    async def ask(request: ChatRequest) -> Any:
        async with slots:
            return await litellm.acompletion(
                model="openai/stub",
                api_base=api_base,
                api_key="none",
                messages=[{"role": "user", "content": request.messages[0].content}],
                max_tokens=request.max_tokens,
                temperature=request.temperature,
                timeout=request.timeout_seconds,
                max_retries=0,
            )

    return ask


async def _timed(model: ChatModel, requests: list[ChatRequest]) -> Run:
    return await _timed_calls(model.complete, requests)


async def _timed_calls(ask: Callable[[ChatRequest], Awaitable[Any]], requests: list[ChatRequest]) -> Run:
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(ask(request) for request in requests))
    return Run(time.perf_counter() - began, 1000 * (time.process_time() - cpu))


def _requests(count: int, name: str = "item") -> list[ChatRequest]:
    texts = (f"{PROMPT}{name} {number}" for number in range(count))
    return [ChatRequest(messages=(ChatMessage(role="user", content=text),), timeout_seconds=60) for text in texts]


def _fixed_reply() -> ChatReply:
    return ChatReply(text='{"verdict": "approve"}', usage=Usage(input_tokens=130, output_tokens=8))


def _check_rows(store: Store, count: int) -> None:
    with store.read() as tx:
        written = {status: spent.calls for (status,), spent in ledger.totals(tx, "status").items()}
        kept = sum(1 for _ in cache.every(tx))
    if (written, kept) != ({"ok": count, "cached": count}, count):
        raise RuntimeError(f"{count} judgements left {written} in the ledger and {kept} replies in the cache")


@contextmanager
def _prepared(url: str) -> Iterator[Store]:
    store = Store.connect(url)
    try:
        schema.prepare(store)
        yield store
    finally:
        store.close()


@contextmanager
def _running_stub() -> Iterator[str]:
    """Run the stub in a process of its own, so that its work is not counted as ours."""
    command = [sys.executable, "-m", "evals.stub_provider"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ourselves
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
