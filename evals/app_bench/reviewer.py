"""One reviewer as the server sees them: a websocket that speaks Streamlit's protocol and approves task after task.

What the browser's own part costs (drawing, input) is not in it: times run from sending a press to the message that
says the page was made anew. As a browser does, it asks again for the parts that the page wants refreshed by the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

BUTTON = "Approve"
PATIENCE_SECONDS = 60.0


@dataclass
class Tally:
    """What one reviewer saw: seconds of each decision's rerun, reruns by the clock, reruns that failed."""

    seconds: list[float] = field(default_factory=list)
    refreshed: int = 0
    failed: int = 0


async def review(url: str, name: str, start: asyncio.Barrier, seconds: float, think: float, tally: Tally) -> None:
    """Open the page, wait until the others have theirs, and approve for some seconds.

    Args:
        url: `ws://host:port`.
        name: of the reviewer; each needs another.
        start: passed once everybody's first page is there.
        seconds: how long; a press that was sent is waited for.
        think: seconds between the page being there and the press.
        tally: filled in on the way.
    """
    async with connect(f"{url}/_stcore/stream", max_size=None, subprotocols=["streamlit"]) as socket:  # type: ignore[list-item]
        page = _Page(socket, {"reviewer": name}, tally)
        reader = asyncio.create_task(page.read())
        try:
            await page.rerun()
            await start.wait()
            until = time.perf_counter() + seconds
            while time.perf_counter() < until:
                await asyncio.sleep(think)
                if page.button is None:
                    return
                began = time.perf_counter()
                await page.rerun(page.button)
                tally.seconds.append(time.perf_counter() - began)
        finally:
            reader.cancel()
            page.stop()
            with contextlib.suppress(asyncio.CancelledError):
                await reader


class _Page:
    """What the browser knows of the page: which button approves, and which parts want a refresh."""

    def __init__(self, socket: ClientConnection, query: Mapping[str, str], tally: Tally) -> None:
        self.button: str | None = None
        self._socket = socket
        self._query = urlencode(query)
        self._tally = tally
        self._finished = asyncio.Event()
        self._clocks: dict[str, asyncio.Task[None]] = {}

    async def rerun(self, pressed: str | None = None) -> None:
        """Have the page made anew, with a button pressed or not, and wait until it is there."""
        self._finished.clear()
        self.button = None
        self.stop()
        await self._send(pressed=pressed)
        await asyncio.wait_for(self._finished.wait(), PATIENCE_SECONDS)

    def stop(self) -> None:
        """Forget the parts that wanted a refresh."""
        for clock in self._clocks.values():
            clock.cancel()
        self._clocks.clear()

    async def read(self) -> None:
        """Take in what the server says."""
        async for raw in self._socket:
            message = ForwardMsg.FromString(raw)
            kind = message.WhichOneof("type")
            if kind == "delta":
                self._note(message)
            elif kind == "auto_rerun":
                asked = message.auto_rerun
                self._clocks[asked.fragment_id] = asyncio.create_task(self._refresh(asked.fragment_id, asked.interval))
            elif kind == "session_event" and message.session_event.HasField("script_compilation_exception"):
                self._tally.failed += 1
            elif kind == "script_finished":
                self._end(message.script_finished)

    def _note(self, message: ForwardMsg) -> None:
        element = message.delta.new_element
        if element.HasField("button") and element.button.label == BUTTON:
            self.button = element.button.id
        elif element.HasField("exception"):
            self._tally.failed += 1

    def _end(self, status: int) -> None:
        if status == ForwardMsg.FINISHED_SUCCESSFULLY:
            self._finished.set()
        elif status == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY:
            self._tally.refreshed += 1

    async def _refresh(self, fragment: str, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await self._send(fragment=fragment)

    async def _send(self, *, pressed: str | None = None, fragment: str | None = None) -> None:
        message = BackMsg()
        state = message.rerun_script
        state.query_string = self._query
        if pressed is not None:
            state.widget_states.widgets.add(id=pressed, trigger_value=True)
        if fragment is not None:
            state.fragment_id, state.is_auto_rerun = fragment, True
        await self._socket.send(message.SerializeToString())
