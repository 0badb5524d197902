"""An OpenAI-compatible provider on 127.0.0.1 that answers by script and misbehaves on demand.

    with running_stub() as stub:            in this process, on a thread; stub.url is an api_base
        stub.answer = '{"verdict": "approve"}'
        stub.plan("rate_limited", "answer")   the next two requests, in order

    python -m evals.stub_provider [--port 0] [--delay 0.2] [--answer TEXT]     prints its api_base

What a request gets, first match wins: the next of `plan`; `stub:NAME` anywhere in its messages (so that one item can
be picked out); a model name that ends in `-NAME`; else `answer`. NAME is a key of `BEHAVIOURS`. GET /seen returns how
often each prompt came, as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import math
import re
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import orjson

HUGE_BYTES = 10 * 1024 * 1024
RETRY_AFTER = "1"
Body = dict[str, Any]
Headers = dict[str, str]
JSON: Headers = {"Content-Type": "application/json"}


class StubProvider:
    """The server's state; every field may be changed while it runs.

    Attributes:
        answer: the reply's text, or a function of the request's body.
        delay_seconds: how long a reply takes.
        probability: of the reply's first word, for log probabilities; the rest is the other word's.
        other: the alternative to the reply's first word.
        retry_after: the header of a 429.
        requests: every request's body, in order of arrival.
        most_at_once: how many requests were under way at the same time, at most.
    """

    def __init__(self, answer: str | Callable[[Body], str] = "ok", delay_seconds: float = 0.0) -> None:
        self.answer = answer
        self.delay_seconds = delay_seconds
        self.probability, self.other = 0.9, "no"
        self.retry_after = RETRY_AFTER
        self.requests: list[Body] = []
        self.headers: list[Headers] = []
        self.most_at_once = 0
        self.url = ""
        self._planned: list[str] = []
        self._under_way = 0

    def plan(self, *names: str) -> None:
        """Say what the next requests get, one name each."""
        for name in names:
            BEHAVIOURS[name]
        self._planned += names

    @property
    def seen(self) -> Counter[str]:
        """How often each last message came."""
        return Counter(prompt_of(body) for body in self.requests)

    def behaviour(self, body: Body) -> str:
        """Return the name of what this request gets."""
        if self._planned:
            return self._planned.pop(0)
        text = "\n".join(str(message.get("content")) for message in body.get("messages", []))
        for found in (re.search(r"stub:(\w+)", text), re.search(r"-(\w+)$", str(body.get("model")))):
            if found is not None and found[1] in BEHAVIOURS:
                return found[1]
        return "answer"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until it closes."""
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while (request := await _read(reader)) is not None:
                method, headers, raw = request
                if method == "GET":
                    await _send(writer, 200, JSON, orjson.dumps(self.seen))
                    continue
                body = orjson.loads(raw)
                self.requests.append(body)
                self.headers.append(headers)
                await self._answer(body, writer)
        writer.close()

    async def _answer(self, body: Body, writer: asyncio.StreamWriter) -> None:
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            await BEHAVIOURS[self.behaviour(body)](self, body, writer)
        finally:
            self._under_way -= 1

    def completion(self, body: Body, text: str | None = None) -> Body:
        """Return a chat completion as OpenAI's API gives it."""
        said = text if text is not None else self.answer(body) if callable(self.answer) else self.answer
        words = max(1, len(said.split()))
        choice: Body = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}
        if body.get("logprobs"):
            choice["logprobs"] = {"content": self._logprobs(said, int(body.get("top_logprobs") or 0))}
        if words > int(body.get("max_tokens") or words):
            choice["finish_reason"] = "length"
        asked = sum(len(str(message.get("content")).split()) for message in body.get("messages", []))
        return {
            "id": f"chatcmpl-{hashlib.sha256(prompt_of(body).encode()).hexdigest()[:12]}",
            "object": "chat.completion",
            "created": 0,
            "model": "/a/path/and/not/the/name",
            "choices": [choice],
            "usage": {"prompt_tokens": asked, "completion_tokens": words, "total_tokens": asked + words},
        }

    def _logprobs(self, said: str, wanted: int) -> list[Body]:
        first, *rest = said.split(" ")
        shares = {first: self.probability, self.other: 1 - self.probability}
        top = [{"token": word, "logprob": math.log(max(p, 1e-9)), "bytes": None} for word, p in shares.items()]
        tokens = [{**top[0], "top_logprobs": top[:wanted]}]
        return tokens + [{"token": f" {word}", "logprob": 0.0, "bytes": None, "top_logprobs": []} for word in rest]


def prompt_of(body: Body) -> str:
    """Return the text of a request's last message."""
    messages = body.get("messages") or [{}]
    return str(messages[-1].get("content"))


# --- what a request can get -------------------------------------------------------------------------------------------

Behaviour = Callable[[StubProvider, Body, asyncio.StreamWriter], Awaitable[None]]


async def _reply(stub: StubProvider, body: Body, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(stub.delay_seconds)
    completion = stub.completion(body)
    if body.get("stream"):
        await _send(writer, 200, {"Content-Type": "text/event-stream"}, _events(completion))
    else:
        await _send(writer, 200, JSON, orjson.dumps(completion))


def _events(completion: Body) -> bytes:
    """Return a completion as the chunks of a stream: a word each, then the end, then what it used."""
    chunk = completion | {"object": "chat.completion.chunk"}
    usage, choice = chunk.pop("usage"), completion["choices"][0]
    words = re.findall(r"\S+\s*|\s+", choice["message"]["content"])
    deltas = [{"index": 0, "delta": {"role": "assistant", "content": word}, "finish_reason": None} for word in words]
    if deltas and "logprobs" in choice:
        deltas[0]["logprobs"] = choice["logprobs"]
    deltas.append({"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]})
    chunks = [chunk | {"choices": [delta]} for delta in deltas] + [chunk | {"choices": [], "usage": usage}]
    return b"".join(b"data: " + orjson.dumps(each) + b"\n\n" for each in chunks) + b"data: [DONE]\n\n"


def _error(status: int, message: str, code: str = "error", *, waits: bool = False) -> Behaviour:
    async def answer(stub: StubProvider, _body: Body, writer: asyncio.StreamWriter) -> None:
        headers = JSON | ({"Retry-After": stub.retry_after} if waits else {})
        error = {"error": {"message": message, "type": code, "code": code, "param": None}}
        await _send(writer, status, headers, orjson.dumps(error))

    return answer


def _fixed(content: bytes, headers: Headers = JSON) -> Behaviour:
    async def answer(_stub: StubProvider, _body: Body, writer: asyncio.StreamWriter) -> None:
        await _send(writer, 200, headers, content)

    return answer


async def _half(stub: StubProvider, body: Body, writer: asyncio.StreamWriter) -> None:
    whole = orjson.dumps(stub.completion(body))
    await _send(writer, 200, JSON, whole[: len(whole) // 2])


async def _cut(stub: StubProvider, body: Body, writer: asyncio.StreamWriter) -> None:
    """Promise more bytes than come, then hang up."""
    whole = orjson.dumps(stub.completion(body))
    await _send(writer, 200, JSON, whole[: len(whole) // 2], length=len(whole))
    writer.close()


async def _huge(stub: StubProvider, body: Body, writer: asyncio.StreamWriter) -> None:
    await _send(writer, 200, JSON, orjson.dumps(stub.completion(body, "x" * HUGE_BYTES)))


async def _huge_by_chunks(_stub: StubProvider, _body: Body, writer: asyncio.StreamWriter) -> None:
    """The same without saying how long it will be."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(HUGE_BYTES // 65536):
        writer.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def _hang(_stub: StubProvider, _body: Body, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def _trickle(_stub: StubProvider, _body: Body, writer: asyncio.StreamWriter) -> None:
    """Keep the connection busy with a byte now and then, and never come to an end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def _drop(_stub: StubProvider, _body: Body, writer: asyncio.StreamWriter) -> None:
    writer.close()


BEHAVIOURS: dict[str, Behaviour] = {
    "answer": _reply,
    "rate_limited": _error(429, "Rate limit reached", "rate_limit_exceeded", waits=True),
    "error": _error(500, "The server had an error", "server_error"),
    "overloaded": _error(503, "Overloaded", "overloaded"),
    "bad_request": _error(400, "Invalid value", "invalid_request_error"),
    "too_long": _error(
        400, "This model's maximum context length is 10 tokens, yours has 99", "context_length_exceeded"
    ),
    "bad_key": _error(401, "Incorrect API key provided: sk-stub-secret-0123456789", "invalid_api_key"),
    "no_model": _error(404, "The model does not exist", "model_not_found"),
    "garbage": _fixed(b"<html><body>It works!</body></html>", {"Content-Type": "text/html"}),
    "not_json": _fixed(b"\xff\xfe\x00 nothing to parse"),
    "other_schema": _fixed(b'{"result": {"outcome": "fine", "score": 1.0}}'),
    "no_choices": _fixed(b'{"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": []}'),
    "null": _fixed(b"null"),
    "empty": _fixed(b""),
    "half_json": _half,
    "cut": _cut,
    "huge": _huge,
    "huge_by_chunks": _huge_by_chunks,
    "hang": _hang,
    "trickle": _trickle,
    "drop": _drop,
}
"""What a request can get, by name."""


# --- plain HTTP -------------------------------------------------------------------------------------------------------


async def _read(reader: asyncio.StreamReader) -> tuple[str, Headers, bytes] | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return first.split(" ")[0], headers, await reader.readexactly(int(headers.get("content-length", 0)))


async def _send(
    writer: asyncio.StreamWriter, status: int, headers: Headers, content: bytes, *, length: int | None = None
) -> None:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content) if length is None else length}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + content)
    await writer.drain()


@contextmanager
def running_stub(answer: str | Callable[[Body], str] = "ok", delay_seconds: float = 0.0) -> Iterator[StubProvider]:
    """Run a stub on a thread of this process, on a free port; `url` is its api_base."""
    stub = StubProvider(answer, delay_seconds)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="stub-provider", daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(_listen(stub, 0), loop).result()
    try:
        yield stub
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _listen(stub: StubProvider, port: int) -> asyncio.Server:
    server = await asyncio.start_server(stub.serve, "127.0.0.1", port, backlog=512)
    stub.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    return server


async def _stop(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _run(port: int, stub: StubProvider) -> None:
    server = await _listen(stub, port)
    print(stub.url, flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m evals.stub_provider", description="A provider for tests.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="how long a reply takes")
    parser.add_argument("--answer", default="ok", help="what it says")
    given = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(given.port, StubProvider(given.answer, given.delay)))


if __name__ == "__main__":
    main()
