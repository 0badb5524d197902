"""Chat messages from examples, inside a token budget: the closest example stands last, next to the question."""

from __future__ import annotations

from collections.abc import Sequence

from hitl_core.domain.errors import InputError
from hitl_core.domain.records import FewShot, Passage
from hitl_core.domain.text import require_clean_names

BYTES_PER_TOKEN = 3
MESSAGE_TOKENS = 4
Message = dict[str, str]


def estimate_tokens(text: str) -> int:
    """Return a careful guess of a text's tokens: one for every three bytes of UTF-8, rounded up.

    English has about four bytes a token with today's tokenizers and Chinese about three, so the guess is
    rather high than low and needs no tokenizer of the model that will read the messages.
    """
    return -(-len(text.encode("utf-8")) // BYTES_PER_TOKEN)


def build_messages(
    query: str,
    shots: Sequence[FewShot],
    *,
    instructions: str | None = None,
    context: Sequence[Passage] | None = None,
    max_tokens: int = 2000,
) -> list[Message]:
    """Return OpenAI chat messages: instructions, examples (least similar first), the question.

    An example that does not fit is left out whole, the least similar first; no text is ever shortened. With a
    context the examples show theirs too, so that they have the form of the question.

    Args:
        query: the question.
        shots: examples, most similar first.
        instructions: the system message; None for no such message.
        context: passages for the question; None for none.
        max_tokens: budget of all messages, counted by `estimate_tokens` plus 4 a message.

    Raises:
        InputError: the question with its instructions and context alone is over the budget.
    """
    require_clean_names(query=query, instructions=instructions)
    head = [_message("system", instructions)] if instructions else []
    question = _message("user", _render(query, context))
    left = max_tokens - sum(map(_cost, [*head, question]))
    if left < 0:
        raise InputError(
            f"the question with its instructions and context needs about {max_tokens - left} tokens, "
            f"max_tokens is {max_tokens}; raise it or send less context"
        )
    pairs: list[list[Message]] = []
    for shot in shots:
        asked = _render(shot.example.query, shot.example.context if context is not None else None)
        pair = [_message("user", asked), _message("assistant", shot.example.output)]
        left -= sum(map(_cost, pair))
        if left < 0:
            break
        pairs.append(pair)
    return [*head, *(message for pair in reversed(pairs) for message in pair), question]


def _render(query: str, context: Sequence[Passage] | None) -> str:
    if not context:
        return query
    passages = "\n".join(f"[{number}] {_passage(passage)}" for number, passage in enumerate(context, start=1))
    return f"Context:\n{passages}\n\nQuestion: {query}"


def _passage(passage: Passage) -> str:
    name = passage.title or passage.source
    return f"{name}: {passage.text}" if name else passage.text


def _message(role: str, content: str) -> Message:
    return {"role": role, "content": content}


def _cost(message: Message) -> int:
    return MESSAGE_TOKENS + estimate_tokens(message["content"])
