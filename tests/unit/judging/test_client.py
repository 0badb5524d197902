"""litellm's door: what goes out, and what every misbehaviour of a provider means, within its deadline."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from evals.stub_provider import StubProvider
from hitl_core.domain.errors import (
    ModelCallError,
    ModelTimeoutError,
    RateLimitedError,
    RequestRefusedError,
    UnreadableReplyError,
)
from hitl_core.judging.chat import Capabilities, ChatRequest
from hitl_core.judging.client import LiteLLMModel

pytestmark = pytest.mark.timeout(60)
ROOT = Path(__file__).parents[3]
Ask = Callable[..., ChatRequest]
Open = Callable[..., LiteLLMModel]
MEANS: dict[str, type[ModelCallError]] = {
    "rate_limited": RateLimitedError,
    "error": ModelCallError,
    "overloaded": ModelCallError,
    "drop": ModelCallError,
    "bad_request": RequestRefusedError,
    "too_long": RequestRefusedError,
    "bad_key": RequestRefusedError,
    "no_model": RequestRefusedError,
    "garbage": UnreadableReplyError,
    "not_json": UnreadableReplyError,
    "other_schema": UnreadableReplyError,
    "no_choices": UnreadableReplyError,
    "null": UnreadableReplyError,
    "empty": UnreadableReplyError,
    "half_json": UnreadableReplyError,
    "cut": UnreadableReplyError,
    "huge": UnreadableReplyError,
    "huge_by_chunks": UnreadableReplyError,
    "hang": ModelTimeoutError,
    "trickle": ModelTimeoutError,
}


@pytest.fixture
async def open_model(stub: StubProvider) -> AsyncIterator[Open]:
    opened: list[LiteLLMModel] = []

    def _open(**fields: object) -> LiteLLMModel:
        values = {"endpoint": stub.url, "capabilities": Capabilities(logprobs=True, seed=True)} | fields
        opened.append(LiteLLMModel("openai/stub", **values))  # type: ignore[arg-type]
        return opened[-1]

    yield _open
    for model in opened:
        await model.aclose()


@pytest.fixture
async def warm(open_model: Open, ask: Ask) -> None:
    """The first call imports litellm, which takes seconds that no deadline below is about."""
    await open_model().complete(ask())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", MEANS)
async def test_every_misbehaviour_is_the_right_error_in_time(
    name: str, stream: bool, stub: StubProvider, open_model: Open, ask: Ask, warm: None
) -> None:
    slow = MEANS[name] is ModelTimeoutError
    stub.plan(name)
    began = time.monotonic()
    with pytest.raises(ModelCallError) as caught:
        await open_model(stream=stream).complete(ask(timeout_seconds=0.5 if slow else 20.0))
    assert type(caught.value) is MEANS[name]
    assert len(str(caught.value)) < 400
    assert len(stub.requests) == 2  # with the warming one: nothing is asked twice behind our back
    if slow:
        assert time.monotonic() - began < 10


async def test_a_refused_connection_may_be_tried_again_and_cost_nothing(ask: Ask, warm: None) -> None:
    model = LiteLLMModel("openai/nobody", endpoint="http://127.0.0.1:9/v1")
    with pytest.raises(ModelCallError) as caught:
        await model.complete(ask(timeout_seconds=20))
    await model.aclose()
    assert type(caught.value) is ModelCallError
    assert caught.value.retryable
    assert not caught.value.may_have_cost


async def test_retry_after_is_read(stub: StubProvider, open_model: Open, ask: Ask) -> None:
    stub.plan("rate_limited", "rate_limited")
    for said, read in (("7", 7.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None)):
        stub.retry_after = said
        with pytest.raises(RateLimitedError) as caught:
            await open_model().complete(ask())
        assert caught.value.retry_after == read


async def test_what_is_asked_is_what_goes_out(stub: StubProvider, open_model: Open, ask: Ask) -> None:
    schema = {"type": "object", "properties": {}}
    request = ask("hello", max_tokens=9, temperature=0.3, top_p=0.9, seed=3, top_logprobs=4, json_schema=schema)
    await open_model().complete(request)
    sent = stub.requests[0]
    assert sent["model"] == "stub"
    assert sent["messages"] == [{"role": "user", "content": "hello"}]
    assert [sent[name] for name in ("max_tokens", "temperature", "top_p", "seed", "top_logprobs")] == [
        9,
        0.3,
        0.9,
        3,
        4,
    ]
    assert sent["logprobs"] is True
    assert sent["response_format"]["json_schema"]["schema"] == schema
    assert "n" not in sent


async def test_a_reply_cut_by_its_length_says_so(stub: StubProvider, open_model: Open, ask: Ask) -> None:
    stub.answer = "one two three"
    assert (await open_model().complete(ask(max_tokens=2))).finish_reason == "length"


async def test_the_key_goes_to_the_provider_and_nowhere_else(
    stub: StubProvider, open_model: Open, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUB_KEY", "opensesame-1")
    model = open_model(api_key_env="STUB_KEY")
    await model.complete(ask())
    assert stub.headers[0]["authorization"] == "Bearer opensesame-1"
    stub.plan("bad_key")
    with pytest.raises(RequestRefusedError) as caught:
        await model.complete(ask())
    assert "sk-stub" not in str(caught.value)
    assert "opensesame-1" not in repr(caught.value)


@pytest.mark.parametrize("name", ["NO_SUCH_KEY", ""])
async def test_a_key_that_is_not_set_is_refused_by_the_variables_name(
    name: str, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(RequestRefusedError, match=name or "OPENAI_API_KEY"):
        await LiteLLMModel("openai/gpt-4o-mini", api_key_env=name).complete(ask())


async def test_a_new_key_is_used_without_a_restart(
    stub: StubProvider, open_model: Open, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = open_model(api_key_env="STUB_KEY")
    for key in ("first-key", "second-key"):
        monkeypatch.setenv("STUB_KEY", key)
        await model.complete(ask())
    assert [headers["authorization"] for headers in stub.headers] == ["Bearer first-key", "Bearer second-key"]


async def test_giving_up_on_a_call_ends_it(stub: StubProvider, open_model: Open, ask: Ask, warm: None) -> None:
    stub.plan("hang")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await open_model().complete(ask(timeout_seconds=50))


def test_litellm_is_set_up_before_it_is_imported() -> None:
    code = (
        "import asyncio, os, socket\n"
        "looked_up = []\n"
        "socket.getaddrinfo = lambda *a, **k: looked_up.append(a) or (_ for _ in ()).throw(OSError())\n"
        "from hitl_core.judging.client import load_litellm\n"
        "litellm = load_litellm()\n"
        "print(*map(os.environ.get, ['LITELLM_LOCAL_MODEL_COST_MAP', 'LITELLM_MODE']), looked_up, litellm.drop_params)"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LITELLM")}
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env=environment
    )
    assert answer.stdout.strip() == "True PRODUCTION [] False"


def test_the_two_poisoned_releases_cannot_be_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = next(each for each in map(Requirement, project["dependencies"]) if each.name == "litellm")
    assert not any(needed.specifier.contains(version) for version in ("1.82.7", "1.82.8", "2.0.0"))
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pinned = re.search(r"^litellm==(\S+)$", pins, re.MULTILINE)
    assert pinned is not None
    assert needed.specifier.contains(pinned[1])
