"""From an item to the messages a judge gets: what is judged is one line of JSON, the question comes last.

Line breaks, control and invisible characters of the judged text are escaped inside the JSON, so that it can neither
begin a new line nor imitate a turn of a conversation. The tag that names the line is a keyed hash of its content: a
text cannot contain its own tag, and the same request has the same key in the cache.

Public: `Subject`, `subject_of`, `render`, `one_line`, `record_tag`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from hitl_core.domain.records import Item, Record
from hitl_core.judging.chat import ChatMessage
from hitl_core.judging.judge.prompt import Prompt

_ESCAPED = frozenset({"Cc", "Cf", "Co", "Cn", "Zl", "Zp"})
EXAMPLES_HEAD = "Records that people judged, one JSON object a line:"


class Subject(Record):
    """What one request is about: the fields a prompt asks for, JSON-ready."""

    fields: dict[str, Any]

    def reordered(self, ordered: Sequence[str]) -> Subject:
        """Return the subject with its lists turned round and its pairs ("first/second") swapped."""
        turned = dict(self.fields)
        for name in ordered:
            one, _, other = name.partition("/")
            if other:
                turned[one], turned[other] = self.fields[other], self.fields[one]
            elif isinstance(turned.get(name), list):
                turned[name] = turned[name][::-1]
        return Subject(fields=turned)


def subject_of(item: Item, prompt: Prompt) -> Subject:
    """Return the fields of an item that a prompt asks for.

    References are `item.metadata["references"]`, a text or a list of texts.
    """
    given = item.metadata.get("references") or ()
    references = [given] if isinstance(given, str) else [str(each) for each in given]
    known: dict[str, Any] = {
        "query": item.query,
        "passages": [_passage(each.title, each.text) for each in item.context],
        "output": item.output,
        "references": references,
    }
    return Subject(fields={name: known[name] for name in prompt.fields if name in known})


def render(
    prompt: Prompt, subject: Subject, *, examples: Sequence[Mapping[str, Any]] = (), confidence: bool = False
) -> tuple[ChatMessage, ...]:
    """Return a system and a user message.

    Args:
        prompt: its instructions, rubric and form of reply open the system message, its question ends the user message.
        subject: what is judged.
        examples: records with their verdicts, JSON-ready; one line each, before the record.
        confidence: ask for a confidence in words of the model, where it has no better.
    """
    body = one_line({name: subject.fields[name] for name in prompt.fields})
    tag = record_tag(prompt, body)
    reply = prompt.reply_with_confidence if confidence else prompt.reply
    shown = "\n".join([EXAMPLES_HEAD, *map(one_line, examples), "", ""]) if examples else ""
    question = prompt.question.replace("{tag}", tag)
    return (
        ChatMessage(role="system", content=f"{prompt.instructions}\n\n{prompt.rubric}\n\n{reply}"),
        ChatMessage(role="user", content=f"{shown}data-{tag}: {body}\n\n{question}"),
    )


def record_tag(prompt: Prompt, body: str) -> str:
    """Return 12 hex digits that name a record's line: the same for the same record, not to be known by its author."""
    return hmac.new(prompt.digest.encode(), body.encode(), hashlib.sha256).hexdigest()[:12]


def one_line(value: Any) -> str:
    """Return JSON on one line; letters of all scripts stay readable, what breaks lines or cannot be seen is escaped."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if text.isascii():
        return text
    return "".join(_escape(each) if unicodedata.category(each) in _ESCAPED else each for each in text)


def _escape(character: str) -> str:
    return json.dumps(character)[1:-1]


def _passage(title: str, text: str) -> str:
    return f"{title}\n{text}" if title and title not in text else text
