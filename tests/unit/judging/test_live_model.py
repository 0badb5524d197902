"""The real path once, against a small model: plumbing only, never what it thinks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable

import pytest

from hitl_core.domain.errors import ModelTimeoutError, RequestRefusedError
from hitl_core.judging.chat import Capabilities, ChatRequest
from hitl_core.judging.client import LiteLLMModel

pytestmark = [pytest.mark.local_llm, pytest.mark.timeout(120)]
Ask = Callable[..., ChatRequest]
ABLE = Capabilities(logprobs=True, seed=True, max_context_tokens=100_000)
SCHEMA = {
    "type": "object",
    "properties": {
        "verdict": {"type": "string", "enum": ["approve", "reject"]},
        "confidence": {"type": "integer", "minimum": 0, "maximum": 100},
    },
    "required": ["verdict", "confidence"],
    "additionalProperties": False,
}


@pytest.fixture
async def model(local_llm_url: str) -> AsyncIterator[LiteLLMModel]:
    opened = LiteLLMModel("openai/local", endpoint=local_llm_url, capabilities=ABLE)
    yield opened
    await opened.aclose()


async def test_a_schema_binds_the_reply(model: LiteLLMModel, ask: Ask) -> None:
    reply = await model.complete(
        ask("Is water wet? Reply as JSON on one line.", json_schema=SCHEMA, max_tokens=60, timeout_seconds=60)
    )
    assert reply.finish_reason == "stop"
    said = json.loads(reply.text)
    assert said["verdict"] in ("approve", "reject")
    assert 0 <= said["confidence"] <= 100


async def test_every_token_has_its_alternatives(model: LiteLLMModel, ask: Ask) -> None:
    reply = await model.complete(ask(top_logprobs=20, max_tokens=3, timeout_seconds=60))
    assert len(reply.logprobs) == reply.usage.output_tokens == 3
    assert all(len(each.top) == 20 for each in reply.logprobs)
    assert reply.finish_reason == "length"


async def test_a_stream_comes_to_the_same_as_the_whole(local_llm_url: str, model: LiteLLMModel, ask: Ask) -> None:
    streamed = LiteLLMModel("openai/local", endpoint=local_llm_url, capabilities=ABLE, stream=True)
    request = ask("Count to five.", max_tokens=8, seed=1, timeout_seconds=60)
    whole, pieces = await model.complete(request), await streamed.complete(request)
    await streamed.aclose()
    assert pieces.text == whole.text
    assert pieces.usage.output_tokens == whole.usage.output_tokens


async def test_too_little_time_is_a_timeout(model: LiteLLMModel, ask: Ask) -> None:
    await model.complete(ask(max_tokens=1, timeout_seconds=60))
    with pytest.raises(ModelTimeoutError):
        await model.complete(ask("Tell a very long story.", max_tokens=800, timeout_seconds=0.2))


async def test_a_prompt_beyond_the_context_is_refused_by_the_server(model: LiteLLMModel, ask: Ask) -> None:
    with pytest.raises(RequestRefusedError, match=r"(?i)context"):
        await model.complete(ask("word " * 3000, max_tokens=5, timeout_seconds=60))
