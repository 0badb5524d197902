"""What the wire says about one call, and what a failure of it means, for `client.py`.

litellm turns garbage, a cut connection and a refused one alike into "InternalServerError 500". So the response itself
is looked at as it comes in: its status, its headers, and how long it grows.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from hitl_core.domain.errors import (
    ModelCallError,
    ModelTimeoutError,
    RateLimitedError,
    RequestRefusedError,
    UnreadableReplyError,
)

SHOWN = 300
"""Characters of a provider's message that an error carries."""


@dataclass
class Exchange:
    """What came back over the wire for one call; `too_long` when it was cut off."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    too_long: bool = False


current_exchange: ContextVar[Exchange | None] = ContextVar("hitl_model_exchange", default=None)


def bounded(stream_type: Any, max_bytes: int) -> Any:
    """Return a response hook for httpx that notes how a response began and ends it after `max_bytes`.

    Args:
        stream_type: `httpx.AsyncByteStream`, which is known when litellm was imported.
        max_bytes: where a response is cut off.
    """

    class Bounded(stream_type):  # type: ignore[misc]  # known at run time only
        def __init__(self, inner: Any, exchange: Exchange) -> None:
            self._inner, self._exchange = inner, exchange

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for piece in self._inner:
                size += len(piece)
                if size > max_bytes:
                    self._exchange.too_long = True
                    raise UnreadableReplyError(too_long(max_bytes))
                yield piece

        async def aclose(self) -> None:
            await self._inner.aclose()

    async def hook(response: Any) -> None:
        exchange = current_exchange.get() or Exchange()
        exchange.status, exchange.headers = response.status_code, response.headers
        response.stream = Bounded(response.stream, exchange)

    return hook


def explain_failure(error: Exception, exchange: Exchange, *, model: str, key: str, seconds: float) -> ModelCallError:
    """Return what an error of litellm's means, from what the wire said before from what litellm says."""
    if isinstance(error, ModelCallError):
        return error
    kind, text = type(error).__name__, f"{model}: {without_secrets(str(error), key)}"
    if exchange.too_long:
        return UnreadableReplyError(f"{model}: the reply was too long and was cut off")
    if kind == "Timeout":
        return ModelTimeoutError(f"{model} took longer than {seconds:g} s")
    if exchange.status is not None and exchange.status < 300:
        return UnreadableReplyError(text)
    return _by_status(exchange.status or getattr(error, "status_code", None), text, retry_after(exchange.headers))


def _by_status(status: int | None, text: str, wait: float | None) -> ModelCallError:
    if status in (408, 504):
        return ModelTimeoutError(text)
    if status in (429, 529) or (status == 503 and wait is not None):
        return RateLimitedError(text, wait)
    if status is not None and 400 <= status < 500:
        return RequestRefusedError(text)
    return ModelCallError(text)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a Retry-After header; a date in it is left to the retries' own pace."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def without_secrets(text: str, key: str = "") -> str:
    """Return a message's first words on one line, without secrets; see `redact`."""
    text = " ".join(redact(text, key).split())
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def redact(text: str, key: str = "") -> str:
    """Return a text without a key, anything that looks like one, or a password in an address."""
    if key:
        text = text.replace(key, "[key]")
    text = re.sub(r"\b(sk|pk|AIza|Bearer)[-_ ]?[A-Za-z0-9_\-]{16,}", "[key]", text)
    return re.sub(r"//[^/\s:@]+:[^/\s@]+@", "//[key]@", text)


def too_long(max_bytes: int) -> str:
    """Return what is said of a reply that was cut off."""
    return f"the reply is longer than {max_bytes:,} bytes and was cut off"
