"""A model that answers a query itself, as a member of a committee that answers.

Public: `ModelAnswerer`.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hitl_core.domain.policy_judging import Judge
from hitl_core.domain.records import Item, canonical_json
from hitl_core.judging.chat import ChatMessage, ChatModel, ChatRequest
from hitl_core.judging.committee.answering import Answer
from hitl_core.judging.judge.reading import storable
from hitl_core.judging.judge.rendering import one_line

PROMPT = "answer.v1"
LONGEST_ANSWER = 2_000


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    answer: Annotated[str, Field(max_length=LONGEST_ANSWER)]


class ModelAnswerer:
    """Answers from the item's query and passages; it is never shown the output, so that it cannot lean on it.

    A reply that is cut, no JSON or of another shape is an empty answer, which counts as an abstention.
    """

    def __init__(self, name: str, model: ChatModel, config: Judge) -> None:
        """Take the model with its limits, retries, budget and cache around it, and how it is asked."""
        self.name = name
        self._model, self._config = model, config
        folder = resources.files("hitl_core.judging") / "prompts" / "answering"
        self._prompt = (folder / f"{PROMPT}.md").read_text(encoding="utf-8").strip()
        parts = [model.endpoint, model.model, self._prompt, config.temperature, config.max_tokens, config.json_schema]
        self.fingerprint = "answerer:" + hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:32]

    async def answer(self, item: Item) -> Answer:
        """Ask once.

        Raises:
            ModelCallError: the model gave no reply.
        """
        reply = await self._model.complete(self._request(item))
        return Answer(
            text=_read(reply.text) if reply.finish_reason == "stop" else "",
            model=self._model.model[:200],
            recorded=reply.recorded,
            calls=1,
            input_tokens=reply.usage.input_tokens,
            output_tokens=reply.usage.output_tokens,
            cost_usd=reply.cost_usd,
            latency_seconds=reply.latency_seconds,
        )

    def _request(self, item: Item) -> ChatRequest:
        record = one_line({"passages": [each.text for each in item.context], "query": item.query})
        return ChatRequest(
            messages=(ChatMessage(role="system", content=self._prompt), ChatMessage(role="user", content=record)),
            max_tokens=self._config.max_tokens,
            temperature=self._config.temperature,
            json_schema=_Reply.model_json_schema() if self._config.json_schema else None,
            timeout_seconds=self._config.timeout_seconds,
            prompt_version=PROMPT,
            purpose="answer",
            item_id=item.id,
            project=item.project,
        )


def _read(text: str) -> str:
    try:
        return storable(_Reply.model_validate_json(text).answer)
    except ValidationError:
        return ""
