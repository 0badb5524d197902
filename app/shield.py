"""What every answer of the server carries, and which hosts it answers to."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import streamlit
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' blob: {hashes}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' ws://{host} wss://{host}; "
    "frame-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'none'; "
    "frame-ancestors 'self'"
)


def inline_script_hashes(index: Path | None = None) -> str:
    """Return the CSP sources of the scripts inside Streamlit's own start page, as installed."""
    page = (index or Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    digests = (hashlib.sha256(script.encode()).digest() for script in _INLINE_SCRIPT.findall(page))
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


def host_of(address: str) -> str:
    """Return the host of a `Host` header, without port and brackets, in lower case."""
    address = address.strip().lower()
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0]


class Shield:
    """ASGI middleware: refuses foreign Host headers (DNS rebinding) and adds the security headers.

    Args:
        app: what is protected.
        hosts: names this server answers to; empty answers to all.
        hashes: CSP sources of allowed inline scripts.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str], hashes: str) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._hashes = hashes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or websocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        if self._hosts and host_of(given) not in self._hosts:
            await _refuse(scope, send)
            return
        headers = self._headers(given if re.fullmatch(r"[\w.:\[\]-]+", given) else "localhost")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *headers]
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _headers(self, host: str) -> list[tuple[bytes, bytes]]:
        return [
            (b"content-security-policy", _POLICY.format(hashes=self._hashes, host=host).encode("latin-1")),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"cross-origin-opener-policy", b"same-origin"),
        ]


async def _refuse(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    text = b"This server does not answer to that host name; start it with --allowed-host NAME.\n"
    start = {"type": "http.response.start", "status": 421, "headers": [(b"content-type", b"text/plain; charset=utf-8")]}
    await send(start)
    await send({"type": "http.response.body", "body": text})
