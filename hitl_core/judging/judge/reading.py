"""From a reply to an answer: strict JSON, validated again; what is cut, invalid or contradictory is no answer.

Only the syntax of JSON is repaired (a fence around it, a comma too many). A verdict is never looked for in prose: prose
may quote what is judged.

Public: `Reading`, `read_reply`, `reply_schema`, `storable`.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from hitl_core.domain.errors import explain
from hitl_core.domain.records import Record
from hitl_core.judging.chat import ChatReply
from hitl_core.judging.judge.prompt import Prompt

LONGEST_REPLY = 20_000
LONGEST_REASON = 2_000
# The lowest confidence that goes with a verdict: below it the other one would be likelier.
LEAST_CONFIDENCE = 50
Fault = Literal["", "length", "invalid", "contradictory", "refused"]
_FENCE = re.compile(r"\A```(?:json|JSON)?[ \t]*\n?(.*?)\n?```\Z", re.DOTALL)
_SPARE_COMMA = re.compile(r",(\s*[}\]])")


class Reading(Record):
    """A reply as read. With a `fault` there is no verdict and `detail` says why; `again` says if asking may help."""

    verdict: Literal["yes", "no"] | None = None
    confidence: int | None = None
    problems: tuple[str, ...] = ()
    reason: str = ""
    fault: Fault = ""
    detail: str = ""

    @property
    def again(self) -> bool:
        """Whether the form was wrong, so that one more question that names the error may help."""
        return self.fault == "invalid"


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    verdict: Literal["yes", "no"]
    problems: list[str]
    reason: Annotated[str, Field(max_length=LONGEST_REASON)]


class _ReplyWithConfidence(_Reply):
    confidence: Annotated[int, Field(ge=0, le=100)]


def reply_schema(prompt: Prompt, *, confidence: bool) -> dict[str, Any]:
    """Return the JSON schema of a reply: verdict first, reason last, enums and integers only."""
    keys: dict[str, Any] = {"verdict": {"type": "string", "enum": ["yes", "no"]}}
    if confidence:
        keys["confidence"] = {"type": "integer", "enum": list(range(LEAST_CONFIDENCE, 101, 5))}
    keys["problems"] = {"type": "array", "items": {"type": "string", "enum": list(prompt.problems)}}
    keys["reason"] = {"type": "string"}
    return {"type": "object", "properties": keys, "required": list(keys), "additionalProperties": False}


def read_reply(reply: ChatReply, prompt: Prompt, *, confidence: bool) -> Reading:
    """Return what a reply says, or why it says nothing.

    Args:
        reply: of the model.
        prompt: knows which problems there are and which of them exclude a yes.
        confidence: whether the reply must have one.
    """
    if reply.finish_reason == "length":
        return Reading(fault="length", detail="the reply was cut off at its longest")
    if reply.finish_reason == "content_filter":
        return Reading(fault="refused", detail="the provider filtered the reply")
    if len(reply.text) > LONGEST_REPLY:
        return Reading(fault="length", detail=f"the reply has {len(reply.text):,} characters")
    model = _with_problems(_ReplyWithConfidence if confidence else _Reply, prompt.problems)
    try:
        read = model.model_validate(_loads(reply.text))
    except ValidationError as error:
        return Reading(fault="invalid", detail=explain(error)[:500])
    except (ValueError, RecursionError) as error:
        return Reading(fault="invalid", detail=f"not JSON: {error}"[:500])
    return _consistent(read, prompt)


def _consistent(read: Any, prompt: Prompt) -> Reading:
    said = getattr(read, "confidence", None)
    severe = [name for name in read.problems if name in prompt.severe]
    if read.verdict == "yes" and severe:
        why = f"it says yes and names {', '.join(severe)}"
        return Reading(fault="contradictory", detail=why, reason=storable(read.reason))
    if said is not None and said < LEAST_CONFIDENCE:
        why = f"it says {read.verdict} and is {said} % sure of it"
        return Reading(fault="contradictory", detail=why, reason=storable(read.reason))
    return Reading(verdict=read.verdict, confidence=said, problems=tuple(read.problems), reason=storable(read.reason))


@lru_cache(maxsize=64)
def _with_problems(model: type[_Reply], problems: tuple[str, ...]) -> type[_Reply]:
    kind: Any = Literal[problems]
    return create_model(model.__name__.strip("_"), __base__=model, problems=(list[kind], ...))


def _loads(text: str) -> Any:
    body = text.strip()
    if fenced := _FENCE.match(body):
        body = fenced[1].strip()
    try:
        return json.loads(body, object_pairs_hook=_distinct, parse_constant=_no_constant)
    except json.JSONDecodeError:
        return json.loads(_SPARE_COMMA.sub(r"\1", body), object_pairs_hook=_distinct, parse_constant=_no_constant)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that is there twice: which of two verdicts is meant cannot be known."""
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        raise ValueError(f"a key is there twice: {max(keys, key=keys.count)[:80]}")
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def storable(text: str) -> str:
    """Return a model's words without what a database cannot hold: NUL characters and lone surrogates."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
