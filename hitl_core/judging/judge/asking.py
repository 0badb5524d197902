"""One question to one model, with one more try where only the form was wrong, and the costs of both.

Public: `Question`, `Answer`, `ask`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from hitl_core.domain.errors import ModelCallError
from hitl_core.domain.records import Record
from hitl_core.judging.chat import ChatMessage, ChatModel, ChatReply, ChatRequest, Usage
from hitl_core.judging.judge.probability import verdict_mass
from hitl_core.judging.judge.prompt import Prompt
from hitl_core.judging.judge.reading import Reading, read_reply, reply_schema, storable

ALTERNATIVES = 20
LONGEST_QUOTE = 2_000
# Providers without a schema of their own need the error named; more tries than one rarely help.
AGAIN = (
    "That reply cannot be used: {error}. Reply again with the one line of JSON that was asked for and nothing else; "
    "the record and the rubric are unchanged."
)


class Question(Record):
    """What is asked: the messages and how the model samples."""

    messages: tuple[ChatMessage, ...]
    prompt: Prompt
    confidence: bool = False
    logprobs: bool = False
    json_schema: bool = True
    temperature: float = 0.0
    max_tokens: int = 300
    timeout_seconds: float = 30.0
    seed: int | None = None
    sample_index: int = 0
    purpose: str = "judge"
    item_id: str | None = None
    project: str | None = None

    def request(self, messages: tuple[ChatMessage, ...]) -> ChatRequest:
        """Return the request with these messages."""
        return ChatRequest(
            messages=messages,
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            seed=self.seed,
            json_schema=reply_schema(self.prompt, confidence=self.confidence) if self.json_schema else None,
            top_logprobs=ALTERNATIVES if self.logprobs else 0,
            timeout_seconds=self.timeout_seconds,
            sample_index=self.sample_index,
            prompt_version=f"{self.prompt.id}:{self.prompt.digest[:16]}",
            purpose=self.purpose,
            item_id=self.item_id,
            project=self.project,
        )


class Answer(Record):
    """What came of a question. `p_yes` is None where there is no answer; then `fault` and `detail` say why."""

    p_yes: float | None = None
    problems: tuple[str, ...] = ()
    reason: str = ""
    fault: str = ""
    detail: str = ""
    mass: float | None = None
    calls: int = 0
    usage: Usage = Usage()
    cost_usd: Decimal | None = Decimal(0)
    latency_seconds: float = 0.0
    recorded: bool = False


async def ask(model: ChatModel, question: Question) -> Answer:
    """Ask; a failure of the model or an unusable reply is an answer with a fault, never an exception."""
    replies: list[ChatReply] = []
    try:
        replies.append(await model.complete(question.request(question.messages)))
        reading = read_reply(replies[0], question.prompt, confidence=question.confidence)
        if reading.again:
            second = question.request((*question.messages, *_again(replies[0], reading)))
            replies.append(await model.complete(second))
            reading = read_reply(replies[1], question.prompt, confidence=question.confidence)
    except ModelCallError as error:
        return _spent(Answer(fault=type(error).__name__, detail=str(error)[:LONGEST_QUOTE]), replies, failed=True)
    return _spent(_answer(reading, replies[-1], question), replies)


def _again(reply: ChatReply, reading: Reading) -> tuple[ChatMessage, ChatMessage]:
    said = storable(reply.text[:LONGEST_QUOTE]) or "(nothing)"
    return (
        ChatMessage(role="assistant", content=said),
        ChatMessage(role="user", content=AGAIN.format(error=storable(reading.detail))),
    )


def _answer(reading: Reading, reply: ChatReply, question: Question) -> Answer:
    if reading.verdict is None:
        return Answer(fault=reading.fault, detail=reading.detail, reason=reading.reason)
    answer = Answer(problems=reading.problems, reason=reading.reason)
    if question.logprobs:
        return _by_logprobs(answer, reading, reply)
    if reading.confidence is not None:
        share = reading.confidence / 100
        return answer.model_copy(update={"p_yes": share if reading.verdict == "yes" else 1 - share})
    return answer.model_copy(update={"p_yes": 1.0 if reading.verdict == "yes" else 0.0})


def _by_logprobs(answer: Answer, reading: Reading, reply: ChatReply) -> Answer:
    found = verdict_mass(reply.logprobs)
    if found is None:
        return answer.model_copy(
            update={"fault": "no_logprobs", "detail": "the reply has no log probabilities of its verdict"}
        )
    if not found.healthy:
        detail = f"yes and no have {found.mass:.2f} of the probability together"
        return answer.model_copy(update={"fault": "answer_mass", "detail": detail, "mass": found.mass})
    if (found.p_yes >= 0.5) != (reading.verdict == "yes") and found.p_yes != 0.5:
        detail = f"it says {reading.verdict} where yes has a probability of {found.p_yes:.2f}"
        return answer.model_copy(update={"fault": "contradictory", "detail": detail, "mass": found.mass})
    return answer.model_copy(update={"p_yes": found.p_yes, "mass": found.mass})


def _spent(answer: Answer, replies: Sequence[ChatReply], *, failed: bool = False) -> Answer:
    """Add up what the replies cost; one unknown price makes the sum unknown, and a failed call counts as a call."""
    prices = [each.cost_usd for each in replies]
    known = [price for price in prices if price is not None]
    return answer.model_copy(
        update={
            "calls": len(replies) + failed,
            "usage": Usage(
                input_tokens=sum(each.usage.input_tokens for each in replies),
                cached_input_tokens=sum(each.usage.cached_input_tokens for each in replies),
                output_tokens=sum(each.usage.output_tokens for each in replies),
            ),
            "cost_usd": sum(known, Decimal(0)) if len(known) == len(prices) else None,
            "latency_seconds": sum(each.latency_seconds for each in replies),
            "recorded": bool(replies) and all(each.recorded for each in replies),
        }
    )
