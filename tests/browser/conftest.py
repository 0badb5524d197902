from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from hitl_core import Loop
from hitl_core.loop.demo import load_demo_project
from tests.browser.desk_page import DeskPage

ROOT = Path(__file__).parents[2]
NARROW = {"width": 1366, "height": 768}


@dataclass(frozen=True)
class Server:
    """A running app and its database."""

    url: str
    database: str
    loop: Loop


@pytest.fixture(scope="session")
def demo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the demo as `hitl demo` loads it, made once; to be copied."""
    path = tmp_path_factory.mktemp("demo") / "hitl.db"
    load_demo_project(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    """The app as people start it, in a process of its own; on an empty database, or the demo's (`ON_THE_DEMO`)."""
    folder = tmp_path_factory.mktemp("app")
    if getattr(request.module, "ON_THE_DEMO", False):
        shutil.copyfile(request.getfixturevalue("demo_file"), folder / "hitl.db")
    database = f"sqlite:///{folder / 'hitl.db'}"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "app", "--port", str(port), "--database", database]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HITL_")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, env=environment)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, process, folder / "log")
            with Loop.open(database) as loop:
                yield Server(url, database, loop)
        finally:
            process.terminate()
            process.wait(15)


@pytest.fixture
def new_page(browser: Browser, server: Server) -> Iterator[Callable[..., DeskPage]]:
    """Open tabs; at the end none of them asked anybody but the server for anything."""
    contexts: list[BrowserContext] = []
    foreign: list[str] = []

    def watch(page: Page) -> None:
        page.on("request", lambda request: _note(request.url, server.url, foreign))

    def opened(path: str = "/", context: BrowserContext | None = None) -> DeskPage:
        if context is None:
            context = browser.new_context(viewport=NARROW)  # type: ignore[arg-type]
            contexts.append(context)
        page = context.new_page()
        watch(page)
        answer = page.goto(server.url + path)
        assert answer is not None
        return DeskPage(page, answer.headers)

    yield opened
    for context in contexts:
        context.close()
    assert foreign == []


def _note(url: str, own: str, foreign: list[str]) -> None:
    if not url.startswith((own, own.replace("http", "ws", 1), "data:", "blob:")):
        foreign.append(url)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        try:
            with urllib.request.urlopen(f"{url}/api/health", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(log.read_text(encoding="utf-8"))
