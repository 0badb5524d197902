"""Recorded replies: a model asked once, and answered from a file ever after.

    with recording(model, "tests/cassettes/smoke.jsonl") as recorder:     asks, and writes the file at the end
        await recorder.complete(request)
    model = ReplayModel.load("tests/cassettes/smoke.jsonl")               asks nobody

A cassette is JSONL, a line per request, sorted by key: {"key", "model", "endpoint", "request", "reply"}. The endpoint
is a name that is given when recording, because a server's port would make every recording another one.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from hitl_core.domain.errors import InputError, ReplayMissError
from hitl_core.domain.records import canonical_json
from hitl_core.judging.chat import Capabilities, ChatModel, ChatReply, ChatRequest, require_capable
from hitl_core.judging.wire import redact

NOT_ASKED_FOR = {"timeout_seconds", "purpose", "item_id", "project"}
COMPARED, SHOWN_LINES = 200, 12
ABLE = Capabilities(logprobs=True, json_schema=True, seed=True, max_context_tokens=1_000_000)


class Recorded(NamedTuple):
    """One line of a cassette."""

    model: str
    endpoint: str
    request: dict[str, Any]
    reply: ChatReply


class ReplayModel:
    """A chat model that repeats what was recorded; a request that was not is a `ReplayMissError`."""

    provider = "replay"

    def __init__(self, recorded: dict[str, Recorded], *, capabilities: Capabilities = ABLE, name: str = "") -> None:
        first = next(iter(recorded.values()), None)
        self.model = first.model if first else ""
        self.endpoint = first.endpoint if first else ""
        self.capabilities = capabilities
        self._recorded, self._name = recorded, name

    @classmethod
    def load(cls, path: str | Path, *, capabilities: Capabilities = ABLE) -> ReplayModel:
        """Read a cassette.

        Raises:
            InputError: the file cannot be read, holds two models, or a line is no recording.
        """
        recorded = read_cassette(Path(path))
        if len({(each.model, each.endpoint) for each in recorded.values()}) > 1:
            raise InputError(f"{path} holds recordings of more than one model; keep a cassette for each")
        return cls(recorded, capabilities=capabilities, name=str(path))

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer one request; see `ChatModel`."""
        require_capable(request, self.capabilities)
        found = self._recorded.get(request.key(endpoint=self.endpoint, model=self.model))
        if found is None:
            raise ReplayMissError(self._explain(request))
        return found.reply.model_copy(update={"recorded": True, "latency_seconds": 0.0})

    def _explain(self, request: ChatRequest) -> str:
        where = f"{self._name or 'the cassette'} has no recorded reply for this request"
        if not self._recorded:
            return f"{where}: it is empty"
        asked = as_lines(_shaping(request))
        candidates = [as_lines(each.request) for each in list(self._recorded.values())[:COMPARED]]
        nearest = max(candidates, key=lambda lines: difflib.SequenceMatcher(None, lines, asked).ratio())
        difference = list(difflib.unified_diff(nearest, asked, "recorded", "asked", lineterm="", n=0))[:SHOWN_LINES]
        return redact("\n".join([f"{where}; the nearest one differs in", *(line[:200] for line in difference)]))


class RecordingModel:
    """A chat model that asks another one and remembers; what is on the cassette already is not asked again."""

    def __init__(self, inner: ChatModel, recorded: dict[str, Recorded], *, endpoint: str) -> None:
        self.provider, self.endpoint, self.model = inner.provider, endpoint, inner.model
        self.capabilities = inner.capabilities
        self.recorded = recorded
        self._inner = inner

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer one request; see `ChatModel`."""
        key = request.key(endpoint=self.endpoint, model=self.model)
        if key not in self.recorded:
            reply = await self._inner.complete(request)
            self.recorded[key] = Recorded(self.model, self.endpoint, _shaping(request), reply)
        return self.recorded[key].reply


@contextmanager
def recording(inner: ChatModel, path: str | Path, *, endpoint: str = "recorded") -> Iterator[RecordingModel]:
    """Yield a model that adds to a cassette; the file is replaced at the end of the block, also after an error.

    Anything that looks like a key, in a prompt or in a reply, is blacked out in the file.
    """
    path = Path(path)
    model = RecordingModel(inner, read_cassette(path) if path.exists() else {}, endpoint=endpoint)
    try:
        yield model
    finally:
        write_cassette(path, model.recorded)


def read_cassette(path: Path) -> dict[str, Recorded]:
    """Return the recordings of a file by key; see `ReplayModel.load` for errors."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the cassette {path} cannot be read: {error}") from None
    recorded = {}
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            reply = ChatReply.model_validate(row["reply"])
            recorded[str(row["key"])] = Recorded(row["model"], row["endpoint"], row["request"], reply)
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            kind = type(error).__name__
            raise InputError(f"{path} line {number} is no recording ({kind}); record the cassette again") from None
    return recorded


def write_cassette(path: Path, recorded: dict[str, Recorded]) -> None:
    """Write recordings sorted by key, so that a new one is one new line; the old file stays until the new is whole."""
    lines = [
        canonical_json({"key": key, **each._asdict(), "reply": each.reply.model_dump(mode="json")})
        for key, each in sorted(recorded.items())
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.part")
    draft.write_text("".join(f"{redact(line)}\n" for line in lines), encoding="utf-8")
    os.replace(draft, path)


def as_lines(request: dict[str, Any]) -> list[str]:
    """Return a request as lines that can be compared: a line per field, and per line of each message."""
    lines = [f"{name}: {canonical_json(value)}" for name, value in sorted(request.items()) if name != "messages"]
    for message in request.get("messages", []):
        lines += [f"{message['role']}: {line}" for line in message["content"].splitlines()]
    return lines


def _shaping(request: ChatRequest) -> dict[str, Any]:
    return request.model_dump(mode="json", exclude=NOT_ASKED_FOR)
