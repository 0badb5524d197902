"""How a judge is asked under a policy: which method, how many annotators, which orders; and what names all of that.

Public: `Asked`, `method_of`, `opine`, `fingerprint_of`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hitl_core.domain.opinions import ConfidenceMethod
from hitl_core.domain.policy_judging import Judge
from hitl_core.domain.records import Record, canonical_json
from hitl_core.judging.chat import ChatModel
from hitl_core.judging.judge.asking import Answer, Question, ask
from hitl_core.judging.judge.combining import Opinion, combine
from hitl_core.judging.judge.prompt import Prompt
from hitl_core.judging.judge.rendering import Subject, render

ANNOTATOR_TEMPERATURE = 0.7
"""Where annotators see no examples and the policy says temperature 0, they would all be the same one."""
Examples = Sequence[Mapping[str, Any]]


class Asked(Record):
    """What a request is for, besides what is judged."""

    item_id: str | None = None
    project: str | None = None
    purpose: str = "judge"


def method_of(model: ChatModel, config: Judge) -> ConfidenceMethod:
    """Return the best way to a probability that the model allows."""
    if config.logprobs and model.capabilities.logprobs:
        return "logprobs"
    return "annotators" if config.samples > 1 else "verbalised"


async def opine(
    model: ChatModel,
    config: Judge,
    prompt: Prompt,
    subject: Subject,
    *,
    asked: Asked,
    examples: Callable[[int], Examples] | None = None,
    both_orders: bool | None = None,
) -> Opinion:
    """Ask one model about one subject, as often and in as many orders as the policy says, and combine the answers.

    Args:
        model: who is asked.
        config: how.
        prompt: what is asked.
        subject: what is judged.
        asked: for the ledger.
        examples: the few-shot set of the annotator of that number; None shows none.
        both_orders: instead of what the policy says.
    """
    shown = [tuple(examples(number)) if examples else () for number in range(config.samples)]
    shown = shown[: _annotators(method_of(model, config), shown)]
    turned = _turned(prompt, subject, shown) if (config.both_orders if both_orders is None else both_orders) else None
    subjects = [subject] if turned is None else [subject, turned]
    answers = await asyncio.gather(
        *(
            ask(model, _question(model, config, prompt, each, sets[:: 1 - 2 * at], number, asked))
            for at, each in enumerate(subjects)
            for number, sets in enumerate(shown)
        )
    )
    return combine(_by_order(answers, len(shown)))


def fingerprint_of(model: ChatModel, config: Judge, prompt: Prompt, snapshot: str) -> str:
    """Return the SHA-256 (hex) of everything that shapes a verdict: a certificate is valid for one of these.

    Args:
        model: its provider, endpoint and name count.
        config: the sampling counts; time-outs, keys and the size of the context do not.
        prompt: its id, its rubric and all its words count.
        snapshot: digest of the golden examples that may be shown; see `snapshot_digest`.
    """
    body = {
        "provider": model.provider,
        "endpoint": model.endpoint,
        "model": model.model,
        "prompt": [prompt.id, prompt.digest, prompt.rubric_digest],
        "snapshot": snapshot if config.few_shot else "",
        "method": method_of(model, config),
        "sampling": config.model_dump(
            mode="json", include={"samples", "both_orders", "few_shot", "temperature", "max_tokens", "json_schema"}
        ),
    }
    return hashlib.sha256(canonical_json(body).encode()).hexdigest()


def _annotators(method: ConfidenceMethod, shown: Sequence[Examples]) -> int:
    """With token probabilities and no examples to vary, one request says all that several would."""
    return 1 if method == "logprobs" and not any(shown) else len(shown)


def _turned(prompt: Prompt, subject: Subject, shown: Sequence[Examples]) -> Subject | None:
    turned = subject.reordered(prompt.ordered)
    return turned if turned != subject or any(len(each) > 1 for each in shown) else None


def _question(
    model: ChatModel, config: Judge, prompt: Prompt, subject: Subject, examples: Examples, number: int, asked: Asked
) -> Question:
    method = method_of(model, config)
    alike = method == "annotators" and config.temperature == 0 and not examples
    return Question(
        messages=render(prompt, subject, examples=examples, confidence=method == "verbalised"),
        prompt=prompt,
        confidence=method == "verbalised",
        logprobs=method == "logprobs",
        json_schema=config.json_schema and model.capabilities.json_schema,
        temperature=ANNOTATOR_TEMPERATURE if alike else config.temperature,
        max_tokens=config.max_tokens,
        timeout_seconds=config.timeout_seconds,
        seed=number if model.capabilities.seed else None,
        sample_index=number,
        purpose=asked.purpose,
        item_id=asked.item_id,
        project=asked.project,
    )


def _by_order(answers: Sequence[Answer], annotators: int) -> list[Sequence[Answer]]:
    return [answers[start : start + annotators] for start in range(0, len(answers), annotators)]
