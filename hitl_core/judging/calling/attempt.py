"""Which attempt at a call this is: set by the retries, read by the layers below them."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Attempt:
    """One attempt, counted from 1; `admitted_at` is when it left the queue, by the monotonic clock."""

    number: int = 1
    admitted_at: float | None = None


current_attempt: ContextVar[Attempt | None] = ContextVar("hitl_model_attempt", default=None)
