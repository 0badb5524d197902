from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Message

from app.shield import Shield, host_of, inline_script_hashes


async def ask(host: str, *, kind: str = "http", hosts: tuple[str, ...] = ("localhost", "127.0.0.1")) -> list[Message]:
    inner = Starlette(routes=[Route("/", lambda _: PlainTextResponse("page"))])
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": kind, "method": "GET", "path": "/", "query_string": b"", "headers": [(b"host", host.encode())]}
    await Shield(inner, hosts, "'sha256-x'")(scope, receive, send)
    return sent


async def test_every_answer_carries_the_headers() -> None:
    start = (await ask("localhost:8501"))[0]
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    assert start["status"] == 200
    assert "script-src 'self' 'wasm-unsafe-eval' blob: 'sha256-x'" in headers["content-security-policy"]
    assert "connect-src 'self' ws://localhost:8501 wss://localhost:8501" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8501", "localhost.evil.example", ""])
async def test_foreign_hosts_are_refused(host: str) -> None:
    assert (await ask(host))[0]["status"] == 421
    assert await ask(host, kind="websocket") == [{"type": "websocket.close", "code": 1008}]


async def test_a_host_header_cannot_write_into_the_policy() -> None:
    start = (await ask("x; script-src *", hosts=()))[0]
    policy = dict(start["headers"])[b"content-security-policy"].decode()
    assert policy.count("script-src") == 1


@pytest.mark.parametrize(("given", "host"), [("A.example:80", "a.example"), ("[::1]:8501", "::1"), ("::", "")])
def test_host_of(given: str, host: str) -> None:
    assert host_of(given) == host


def test_inline_scripts_are_hashed_as_installed(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text("<script>let a = 1</script><script src='x.js'></script>", encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(b"let a = 1").digest()).decode()
    assert inline_script_hashes(page) == f"'sha256-{digest}'"
    assert inline_script_hashes().count("sha256-") == 1
