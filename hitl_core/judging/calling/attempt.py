"""Which call this is, and which attempt at it: set by the outer layers, read by the inner ones."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Attempt:
    """One attempt, counted from 1; `admitted_at` is when it left the queue, by the monotonic clock."""

    number: int = 1
    admitted_at: float | None = None


current_attempt: ContextVar[Attempt | None] = ContextVar("hitl_model_attempt", default=None)
current_key: ContextVar[str | None] = ContextVar("hitl_model_request_key", default=None)
"""The key of the request under way: hashing a long prompt again in every layer would cost more than the layers."""
