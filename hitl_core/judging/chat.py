"""What a chat model is to this product: one request in, one reply out (adapters: client.py, replay.py, scripted.py).

Public: `ChatModel`, `Capabilities`, `ChatMessage`, `ChatRequest`, `ChatReply`, `TokenLogprob`, `Usage`,
`require_capable`, `estimate_input_tokens`.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any, Literal, Protocol, runtime_checkable

from hitl_core.domain.errors import RequestRefusedError
from hitl_core.domain.records import Name, Record, canonical_json

MAX_TOP_LOGPROBS = 20
BYTES_PER_TOKEN = 3
"""Of text in UTF-8, on the low side, so that an estimate of tokens is on the high side."""
MOST_BYTES_PER_TOKEN = 8
"""Text that is longer than this for every token of a context window cannot fit."""
TOKENS_PER_MESSAGE = 8

FinishReason = Literal["stop", "length", "content_filter", "other"]


class Capabilities(Record):
    """What a model can do, from configuration and never guessed: asking for more is an error, not dropped."""

    logprobs: bool = False
    json_schema: bool = True
    seed: bool = False
    max_context_tokens: int = 8192


class ChatMessage(Record):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class ChatRequest(Record):
    """One request for one choice; several samples are several requests that differ in `sample_index`.

    `json_schema` constrains the reply; it is re-validated by whoever reads it. `top_logprobs` > 0 asks for the
    alternatives of each token, at most 20. `prompt_version` goes into the key, `purpose` to the ledger.
    """

    messages: tuple[ChatMessage, ...]
    max_tokens: int = 256
    temperature: float = 0.0
    top_p: float | None = None
    seed: int | None = None
    json_schema: dict[str, Any] | None = None
    top_logprobs: int = 0
    timeout_seconds: float = 30.0
    sample_index: int = 0
    prompt_version: Name = ""
    purpose: Name = "judge"
    item_id: str | None = None
    project: str | None = None

    def key(self, *, endpoint: str, model: str) -> str:
        """Return the SHA-256 (hex) of everything that shapes the reply.

        That is endpoint, model, messages, sampling, schema, prompt version and sample index; not the timeout, purpose
        or item.
        """
        body = self.model_dump(mode="json", exclude={"timeout_seconds", "purpose", "item_id", "project"})
        return hashlib.sha256(canonical_json([endpoint, model, body]).encode()).hexdigest()


class TokenLogprob(Record):
    """One token of the reply with its natural-log probability and the alternatives that were asked for."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


class Usage(Record):
    """Tokens that were billed."""

    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0


class ChatReply(Record):
    """What came back; `cost_usd` is None when the model's price is unknown. `cached` replies cost 0 and no time."""

    text: str
    finish_reason: FinishReason = "stop"
    logprobs: tuple[TokenLogprob, ...] = ()
    usage: Usage = Usage()
    cost_usd: Decimal | None = None
    latency_seconds: float = 0.0
    attempts: int = 1
    cached: bool = False
    recorded: bool = False


@runtime_checkable
class ChatModel(Protocol):
    """A model that answers one request.

    `provider` is what limits are shared by, `endpoint` where it is reached, `model` its name there. `complete` raises
    a `ModelCallError` and nothing else when no reply can be had.
    """

    provider: str
    endpoint: str
    model: str
    capabilities: Capabilities

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer one request.

        Raises:
            ModelCallError: no reply; `retryable` says whether asking again may help.
        """
        ...


def require_capable(request: ChatRequest, capabilities: Capabilities) -> None:
    """Check before a call that the model can do what is asked, because providers drop or misread what they cannot.

    Raises:
        RequestRefusedError: log probabilities, a schema, a seed or a length beyond the configured capabilities.
    """
    asked = {
        "log probabilities": (bool(request.top_logprobs), capabilities.logprobs),
        "a reply by JSON schema": (request.json_schema is not None, capabilities.json_schema),
        "a seed": (request.seed is not None, capabilities.seed),
    }
    for what, (wanted, able) in asked.items():
        if wanted and not able:
            raise RequestRefusedError(f"the model is not configured for {what}; ask without, or configure it")
    if not 0 <= request.top_logprobs <= MAX_TOP_LOGPROBS:
        raise RequestRefusedError(f"top_logprobs is from 0 to {MAX_TOP_LOGPROBS}, got {request.top_logprobs}")
    least = _size(request) // MOST_BYTES_PER_TOKEN + request.max_tokens
    if least > capabilities.max_context_tokens:
        raise RequestRefusedError(
            f"prompt and reply need at least {least} tokens, the model's context is {capabilities.max_context_tokens}"
        )


def estimate_input_tokens(request: ChatRequest) -> int:
    """Return about how many tokens the prompt has, rather too many than too few, without a tokenizer."""
    return -(-_size(request) // BYTES_PER_TOKEN) + TOKENS_PER_MESSAGE * len(request.messages)


def _size(request: ChatRequest) -> int:
    schema = canonical_json(request.json_schema) if request.json_schema is not None else ""
    return sum(len(message.content.encode()) for message in request.messages) + len(schema.encode())
