"""A provider that misbehaves on demand, and a way to make requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from evals.stub_provider import StubProvider, running_stub
from hitl_core.judging.chat import ChatMessage, ChatRequest


@pytest.fixture
def stub() -> Iterator[StubProvider]:
    """An OpenAI-compatible provider of this test's own."""
    with running_stub() as running:
        yield running


@pytest.fixture
def ask() -> Callable[..., ChatRequest]:
    """Make a request from a prompt and fields."""

    def _ask(prompt: str = "Is it right?", **fields: Any) -> ChatRequest:
        return ChatRequest(messages=(ChatMessage(role="user", content=prompt),), **fields)

    return _ask
