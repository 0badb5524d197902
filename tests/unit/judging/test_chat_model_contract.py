"""One contract for everything that answers requests: scripted, recorded, through litellm, behind all layers, live."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from evals.stub_provider import StubProvider
from hitl_core.domain.errors import RequestRefusedError
from hitl_core.domain.policy_judging import Judge, Judging
from hitl_core.judging.calling.model_room import ModelRoom
from hitl_core.judging.chat import Capabilities, ChatModel, ChatReply, ChatRequest
from hitl_core.judging.client import LiteLLMModel
from hitl_core.judging.replay import ReplayModel, recording
from hitl_core.judging.scripted import Draw, ScriptedModel
from hitl_core.store.engine import Store

pytestmark = pytest.mark.timeout(60)
Ask = Callable[..., ChatRequest]
ABLE = Capabilities(logprobs=True, seed=True, max_context_tokens=1000)
SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"type": "string", "enum": ["yes", "no"]}},
    "required": ["verdict"],
    "additionalProperties": False,
}
REQUESTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "logprobs": {"top_logprobs": 5, "max_tokens": 4},
    "schema": {"json_schema": SCHEMA, "max_tokens": 40},
    "warm": {"temperature": 0.8, "seed": 7, "max_tokens": 8},
    "second": {"temperature": 0.8, "seed": 7, "max_tokens": 8, "sample_index": 1},
}
KINDS = [
    "scripted",
    "recorded",
    "litellm",
    "streamed",
    "stacked",
    pytest.param("live", marks=pytest.mark.local_llm),
    pytest.param("live streamed", marks=pytest.mark.local_llm),
]


def scripted(**fields: Any) -> ScriptedModel:
    return ScriptedModel(Draw({"yes": 0.75, "no": 0.25}), capabilities=ABLE, **fields)


@pytest.fixture(params=KINDS)
async def model(
    request: pytest.FixtureRequest, stub: StubProvider, ask: Ask, tmp_path: Any, sqlite_url: str
) -> AsyncIterator[ChatModel]:
    kind = request.param
    if kind == "scripted":
        yield scripted()
    elif kind == "recorded":
        with recording(scripted(), tmp_path / "c.jsonl") as recorder:
            for fields in REQUESTS.values():
                await recorder.complete(ask(**fields))
        yield ReplayModel.load(tmp_path / "c.jsonl", capabilities=ABLE)
    elif kind == "stacked":
        store = Store.connect(sqlite_url)
        with ModelRoom(store, adapter=lambda judge: scripted()) as room:
            yield room.open(Judge(model="scripted"), Judging())
        store.close()
    else:
        url = request.getfixturevalue("local_llm_url") if "live" in kind else stub.url
        opened = LiteLLMModel("openai/small", endpoint=url, capabilities=ABLE, stream="streamed" in kind)
        yield opened
        await opened.aclose()


async def test_it_is_a_chat_model_and_says_who_it_is(model: ChatModel) -> None:
    assert isinstance(model, ChatModel)
    assert model.provider
    assert model.model
    assert isinstance(model.capabilities, Capabilities)


async def test_it_answers_with_text_and_usage(model: ChatModel, ask: Ask) -> None:
    reply = await model.complete(ask(**REQUESTS["plain"]))
    assert isinstance(reply, ChatReply)
    assert reply.text.strip()
    assert reply.finish_reason in ("stop", "length")
    assert reply.usage.input_tokens > 0
    assert reply.usage.output_tokens > 0
    assert reply.latency_seconds >= 0
    assert reply.attempts == 1


async def test_log_probabilities_come_as_asked(model: ChatModel, ask: Ask) -> None:
    reply = await model.complete(ask(**REQUESTS["logprobs"]))
    first = reply.logprobs[0]
    assert 1 <= len(first.top) <= 5
    assert first.token in [token for token, _ in first.top]
    assert all(logprob <= 0 for _, logprob in first.top)
    assert sum(math.exp(logprob) for _, logprob in first.top) <= 1 + 1e-6


async def test_nothing_is_said_of_log_probabilities_that_were_not_asked_for(model: ChatModel, ask: Ask) -> None:
    assert (await model.complete(ask(**REQUESTS["plain"]))).logprobs == ()


async def test_a_schema_is_taken(model: ChatModel, ask: Ask) -> None:
    assert (await model.complete(ask(**REQUESTS["schema"]))).text.strip()


async def test_samples_are_calls_of_their_own(model: ChatModel, ask: Ask) -> None:
    first, second = [await model.complete(ask(**REQUESTS[name])) for name in ("warm", "second")]
    assert first.usage.output_tokens > 0
    assert second.usage.output_tokens > 0
    assert not second.cached


async def test_what_it_cannot_do_is_refused_before_the_call(model: ChatModel, ask: Ask, stub: StubProvider) -> None:
    unable = Capabilities(logprobs=False, json_schema=False, seed=False, max_context_tokens=100)
    innermost: Any = model
    while hasattr(innermost, "_inner"):
        innermost = innermost._inner
    innermost.capabilities = unable
    for fields in ({"top_logprobs": 1}, {"json_schema": SCHEMA}, {"seed": 1}, {"max_tokens": 101}):
        with pytest.raises(RequestRefusedError):
            await model.complete(ask("cannot be done", **fields))
    with pytest.raises(RequestRefusedError, match="context is 100"):
        await model.complete(ask("word " * 1000, max_tokens=10))
    assert stub.requests == []
    assert getattr(innermost, "calls", []) == []


async def test_more_alternatives_than_any_model_gives_are_refused(model: ChatModel, ask: Ask) -> None:
    with pytest.raises(RequestRefusedError, match="from 0 to 20"):
        await model.complete(ask(top_logprobs=21))
