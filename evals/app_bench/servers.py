"""The servers that are compared: the app's own launcher, and Streamlit's command with nothing around it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_SECONDS = 90.0
LAUNCHERS = {
    "python -m app": ("-m", "app", "--port", "{port}", "--database", "{url}"),
    "streamlit run": (
        *("-m", "streamlit", "run", str(ROOT / "app" / "main.py"), "--server.port", "{port}"),
        *("--server.headless", "true", "--server.address", "127.0.0.1", "--browser.gatherUsageStats", "false"),
    ),
}


class NoServerError(Exception):
    """A server did not start; the message holds what it said."""


class Server:
    """A running server on this machine."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self._facts = Path(f"/proc/{process.pid}/stat")

    @property
    def address(self) -> str:
        """Where its websockets are."""
        return f"ws://127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        """Return the processor time it took so far; 0 where the system does not tell (no /proc)."""
        user, system = self._read(11, 12)
        return (user + system) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Return its resident size; 0 where the system does not tell."""
        return self._read(21)[0] * os.sysconf("SC_PAGE_SIZE") / 2**20

    def _read(self, *places: int) -> list[int]:
        """Return fields of proc(5) stat, counted from the one behind the program's name."""
        if not self._facts.exists():
            return [0] * len(places)
        fields = self._facts.read_text(encoding="utf-8").rpartition(")")[2].split()
        return [int(fields[place]) for place in places]


@contextmanager
def running(launcher: str, url: str, folder: Path) -> Iterator[Server]:
    """Yield a server of a kind of `LAUNCHERS` on a database; it is stopped afterwards.

    Raises:
        NoServerError: it did not answer in time.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, *(part.format(port=port, url=url) for part in LAUNCHERS[launcher])]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HITL_", "STREAMLIT_"))}
    environment = kept | {"HITL_DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    log = folder / f"{port}.log"
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, cwd=folder, env=environment)  # noqa: S603
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health", process, log)
        yield Server(port, process)
    finally:
        process.terminate()
        process.wait(30)


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - an address of ours
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise NoServerError(log.read_text(encoding="utf-8", errors="replace")[-2_000:] or "the server said nothing")
