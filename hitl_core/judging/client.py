"""The only door to litellm: one chat request to one provider, with nothing hidden behind it.

litellm is imported by the first call, because that takes seconds. Its retries, cache, router, budgets and price
list are not used (docs/decisions/0006-llm-layer.md); what surrounds a call is in `hitl_core.judging.calling`.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from typing import Any, NamedTuple

from hitl_core.domain.errors import ModelTimeoutError, RequestRefusedError, UnreadableReplyError
from hitl_core.judging.chat import (
    Capabilities,
    ChatReply,
    ChatRequest,
    FinishReason,
    TokenLogprob,
    Usage,
    require_capable,
)
from hitl_core.judging.wire import Exchange, bounded, current_exchange, explain_failure, too_long

ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it fetches its price list at import
    "LITELLM_MODE": "PRODUCTION",  # else it loads any .env it finds into the environment
}
MAX_REPLY_BYTES = 4 * 1024 * 1024
NO_KEY = "none"
"""What servers that want no key are sent: the client library insists on one."""
BOUNDED_BY_HANDLER = ("anthropic", "gemini")
FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length", "content_filter": "content_filter"}
_loading = threading.Lock()


class _Reading(NamedTuple):
    """A reply taken apart, whole or from the pieces of a stream."""

    text: str | None
    finish: str
    logprobs: list[Any]
    usage: Any


class LiteLLMModel:
    """A model behind litellm: `openai/gpt-4o-mini`, `anthropic/…`, or `openai/NAME` with the `endpoint` of a server.

    Args:
        model: the name as litellm has it; its first part is the provider unless `provider` says otherwise.
        endpoint: base address of the API; empty takes the provider's own.
        api_key_env: name of the environment variable that holds the key, read at each call and never shown; empty
            takes the provider's usual one (`OPENAI_API_KEY`), and none for a server of your own.
        capabilities: what the model can do; more is refused before the call.
        stream: read the reply in pieces, which ends a reply that grows too long while it grows.
        max_reply_bytes: where a reply is cut off. For providers other than OpenAI-compatible ones, Anthropic and
            Gemini, the text is measured after it was read.
    """

    def __init__(
        self,
        model: str,
        *,
        endpoint: str = "",
        api_key_env: str = "",
        provider: str = "",
        capabilities: Capabilities | None = None,
        stream: bool = False,
        max_reply_bytes: int = MAX_REPLY_BYTES,
    ) -> None:
        self.model, self.endpoint = model, endpoint
        self.provider = provider or model.partition("/")[0]
        self.capabilities = capabilities or Capabilities()
        self._api_key_env = api_key_env
        self._stream = stream
        self._max_reply_bytes = max_reply_bytes
        self._clients: weakref.WeakKeyDictionary[Any, dict[str, tuple[Any, Any]]] = weakref.WeakKeyDictionary()

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer one request; see `ChatModel`. A key that is not set is a refusal."""
        require_capable(request, self.capabilities)
        key = self._key()
        litellm = await asyncio.to_thread(load_litellm)
        exchange = Exchange()
        token = current_exchange.set(exchange)
        began = time.perf_counter()
        try:
            async with asyncio.timeout(request.timeout_seconds):
                reading = await self._ask(litellm, request, key)
        except TimeoutError:
            raise ModelTimeoutError(f"{self.model} took longer than {request.timeout_seconds:g} s") from None
        except Exception as error:  # noqa: BLE001 - litellm raises more kinds than it lists
            seconds = request.timeout_seconds
            raise explain_failure(error, exchange, model=self.model, key=key, seconds=seconds) from None
        finally:
            current_exchange.reset(token)
        return _as_reply(reading, self.model, time.perf_counter() - began)

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        for handler, _client in self._clients.pop(asyncio.get_running_loop(), {}).values():
            await handler.close()

    def _key(self) -> str:
        """Return the key from the named variable, or from the provider's usual one; empty where there is none."""
        usual = "" if self.endpoint else f"{self.provider.upper()}_API_KEY"
        name = self._api_key_env or usual
        key = os.environ.get(name, "") if name else NO_KEY
        if not key and (self._api_key_env or self.provider == "openai"):
            raise RequestRefusedError(f"the environment variable {name} is not set; it holds the key for {self.model}")
        return key

    async def _ask(self, litellm: Any, request: ChatRequest, key: str) -> _Reading:
        response = await litellm.acompletion(
            model=self.model,
            api_base=self.endpoint or None,
            api_key=key or None,
            client=self._client(litellm, key),
            timeout=request.timeout_seconds,
            max_retries=0,
            drop_params=False,
            caching=False,
            **_parameters(request),
            **({"stream": True, "stream_options": {"include_usage": True}} if self._stream else {}),
        )
        if self._stream:
            return await self._collect(response)
        return _take_apart(response, self._max_reply_bytes)

    async def _collect(self, pieces: Any) -> _Reading:
        texts: list[str] = []
        size, finish, usage, logprobs = 0, "", None, []
        async for piece in pieces:
            usage = getattr(piece, "usage", None) or usage
            for choice in piece.choices[:1]:
                texts.append(choice.delta.content or "")
                size += len(texts[-1].encode())
                finish = choice.finish_reason or finish
                logprobs += _content(getattr(choice, "logprobs", None))
            if size > self._max_reply_bytes:
                raise UnreadableReplyError(too_long(self._max_reply_bytes))
        if not any(texts):  # litellm makes an empty reply of anything that is no stream
            raise UnreadableReplyError(f"{self.model}: the stream held no piece of a reply")
        return _Reading("".join(texts), finish, logprobs, usage)

    def _client(self, litellm: Any, key: str) -> Any:
        """Return the connections of this event loop, made so that a reply is cut off where it is too long."""
        if self.provider != "openai" and self.provider not in BOUNDED_BY_HANDLER:
            return None
        clients = self._clients.setdefault(asyncio.get_running_loop(), {})
        if key not in clients:
            hook = bounded(litellm.httpx.AsyncByteStream, self._max_reply_bytes)
            handler = client = litellm.AsyncHTTPHandler(event_hooks={"response": [hook]})
            if self.provider == "openai":
                client = litellm.AsyncOpenAI(
                    api_key=key, base_url=self.endpoint or None, http_client=handler.client, max_retries=0
                )
            clients[key] = (handler, client)
        return clients[key][1]


def load_litellm() -> Any:
    """Import litellm and return it, with what must be set before; the first time takes seconds."""
    with _loading:
        os.environ.update(ENVIRONMENT)
        import litellm

        litellm.suppress_debug_info = True  # it prints advertisements to stdout
        return litellm


def _parameters(request: ChatRequest) -> dict[str, Any]:
    optional = {
        "top_p": request.top_p,
        "seed": request.seed,
        "logprobs": True if request.top_logprobs else None,
        "top_logprobs": request.top_logprobs or None,
        "response_format": None
        if request.json_schema is None
        else {"type": "json_schema", "json_schema": {"name": "reply", "schema": request.json_schema, "strict": True}},
    }
    return {
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        **{name: value for name, value in optional.items() if value is not None},
    }


def _take_apart(response: Any, max_bytes: int) -> _Reading:
    choices = getattr(response, "choices", None)
    if not choices:
        raise UnreadableReplyError("the reply holds no choice")
    text = choices[0].message.content
    if text is not None and len(text.encode()) > max_bytes:
        raise UnreadableReplyError(too_long(max_bytes))
    logprobs = _content(getattr(choices[0], "logprobs", None))
    return _Reading(text, choices[0].finish_reason or "", logprobs, getattr(response, "usage", None))


def _content(logprobs: Any) -> list[Any]:
    found = logprobs.get("content") if isinstance(logprobs, dict) else getattr(logprobs, "content", None)
    return list(found or [])


def _as_reply(reading: _Reading, model: str, seconds: float) -> ChatReply:
    finish = FINISH.get(reading.finish, "other")
    if reading.text is None and finish in ("stop", "other"):
        raise UnreadableReplyError(f"{model}: the reply holds no text")
    details = getattr(reading.usage, "prompt_tokens_details", None)
    return ChatReply(
        text=reading.text or "",
        finish_reason=finish,
        logprobs=tuple(_token(each) for each in reading.logprobs),
        usage=Usage(
            input_tokens=getattr(reading.usage, "prompt_tokens", 0) or 0,
            cached_input_tokens=getattr(details, "cached_tokens", 0) or 0,
            output_tokens=getattr(reading.usage, "completion_tokens", 0) or 0,
        ),
        latency_seconds=seconds,
    )


def _token(each: Any) -> TokenLogprob:
    values = each if isinstance(each, dict) else each.model_dump()
    top = tuple((one["token"], one["logprob"]) for one in values.get("top_logprobs") or ())
    return TokenLogprob(token=values["token"], logprob=values["logprob"], top=top)
