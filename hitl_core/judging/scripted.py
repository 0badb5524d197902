"""A chat model that answers by script: for tests, for the bench and for rehearsing a policy without a provider."""

from __future__ import annotations

import asyncio
import hashlib
import math
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from hitl_core.domain.errors import ModelCallError, ModelTimeoutError
from hitl_core.judging.chat import (
    Capabilities,
    ChatReply,
    ChatRequest,
    FinishReason,
    TokenLogprob,
    Usage,
    require_capable,
)

Sleep = Callable[[float], Awaitable[object]]
LEAST_SHARE = 1e-9
ABLE = Capabilities(logprobs=True, json_schema=True, seed=True, max_context_tokens=128_000)


class Draw(NamedTuple):
    """Replies with their shares. At temperature 0 the likeliest is said, else one is drawn by seed and sample index."""

    shares: Mapping[str, float]
    after: str = ""
    """What follows the drawn text in every reply."""
    finish_reason: FinishReason = "stop"


Line = str | Draw | ChatReply | ModelCallError
Script = Line | Mapping[str, Line] | Callable[[ChatRequest], Line]
"""One line for every request, lines by a word that the request contains (`""` for the rest), or a function."""


class ScriptedModel:
    """Says what the script says, after `delay_seconds`, and keeps the requests in `calls`.

    Log probabilities, where asked for, are those of a `Draw`'s shares, on the reply's first token; a fixed text is
    certain. The same request gets the same reply whatever was asked before, so concurrent tests are repeatable.

    Args:
        script: what to say; a `ModelCallError` in it is raised.
        failures: raised by the first calls, one each, in order; None lets a call through.
        delay_seconds: how long each reply takes; longer than the request's timeout is a timeout.
        sleep: how to wait, so that tests need not.
        seed: of the draws.
    """

    def __init__(
        self,
        script: Script,
        *,
        provider: str = "scripted",
        endpoint: str = "scripted",
        model: str = "scripted",
        capabilities: Capabilities = ABLE,
        failures: Sequence[ModelCallError | None] = (),
        delay_seconds: float = 0.0,
        sleep: Sleep = asyncio.sleep,
        seed: int = 0,
    ) -> None:
        self.provider, self.endpoint, self.model = provider, endpoint, model
        self.capabilities = capabilities
        self.calls: list[ChatRequest] = []
        self._script = script
        self._failures = list(failures)
        self._delay_seconds = delay_seconds
        self._sleep = sleep
        self._seed = seed

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer one request; see `ChatModel`."""
        require_capable(request, self.capabilities)
        self.calls.append(request)
        await self._wait(request)
        failure = self._failures.pop(0) if self._failures else None
        line = failure or self._line(request)
        if isinstance(line, ModelCallError):
            raise line
        if isinstance(line, ChatReply):
            return line
        draw = line if isinstance(line, Draw) else Draw({line: 1.0})
        said = self._draw(draw, request)
        text = said + draw.after
        return ChatReply(
            text=text,
            finish_reason=draw.finish_reason,
            logprobs=_logprobs(said, draw, request.top_logprobs),
            usage=Usage(input_tokens=_words(request), output_tokens=max(1, len(text.split()))),
            latency_seconds=self._delay_seconds,
        )

    async def _wait(self, request: ChatRequest) -> None:
        if self._delay_seconds > request.timeout_seconds:
            await self._sleep(request.timeout_seconds)
            raise ModelTimeoutError(f"{self.model} took longer than {request.timeout_seconds:g} s")
        if self._delay_seconds:
            await self._sleep(self._delay_seconds)

    def _line(self, request: ChatRequest) -> Line:
        if callable(self._script) and not isinstance(self._script, Draw):
            return self._script(request)
        if isinstance(self._script, Mapping):
            prompt = "\n".join(message.content for message in request.messages)
            return next((line for word, line in self._script.items() if word in prompt), "")
        return self._script

    def _draw(self, draw: Draw, request: ChatRequest) -> str:
        if request.temperature == 0:
            return max(draw.shares, key=lambda text: draw.shares[text])
        key = request.key(endpoint=self.endpoint, model=self.model)
        chance = random.Random(hashlib.sha256(f"{self._seed} {request.seed} {key}".encode()).digest())  # noqa: S311
        return chance.choices(list(draw.shares), list(draw.shares.values()))[0]


def _logprobs(said: str, draw: Draw, wanted: int) -> tuple[TokenLogprob, ...]:
    if not wanted:
        return ()
    whole = sum(draw.shares.values())
    logs = {text: math.log(max(share / whole, LEAST_SHARE)) for text, share in draw.shares.items()}
    top = tuple(sorted(logs.items(), key=lambda each: -each[1])[:wanted])
    after = (TokenLogprob(token=draw.after, logprob=0.0),) if draw.after else ()
    return (TokenLogprob(token=said, logprob=logs[said], top=top), *after)


def _words(request: ChatRequest) -> int:
    return sum(len(message.content.split()) for message in request.messages)
