"""A Chromium for the browser tests: the machine's own, Debian's when root, Playwright's download elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ASK_PLAYWRIGHT = (
    "from playwright.sync_api import sync_playwright\nwith sync_playwright() as p: print(p.chromium.executable_path)"
)


class BrowserUnavailableError(Exception):
    """No Chromium could be had; the message is what the last installer said."""


def find_chromium() -> Path | None:
    """Return the Chromium to test with, or None. HITL_CHROMIUM names one explicitly."""
    named = os.environ.get("HITL_CHROMIUM")
    if named:
        return Path(named) if os.access(named, os.X_OK) else None
    on_path = next(filter(None, map(shutil.which, NAMES)), None)
    return Path(on_path) if on_path else _downloaded()


def install_chromium() -> Path:
    """Install Chromium, by apt where that is allowed and else by Playwright, and return its path.

    Raises:
        BrowserUnavailableError: Neither way worked.
    """
    problems = []
    for commands in _ways():
        problem = next(filter(None, map(_problem_of, commands)), None)
        found = find_chromium()
        if found is not None:
            return found
        problems.append(problem or "it installed no browser")
    raise BrowserUnavailableError("; ".join(problems))


def _ways() -> list[list[list[str]]]:
    playwright = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    apt = [["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]]
    return [apt, playwright] if os.geteuid() == 0 and shutil.which("apt-get") else [playwright]


def _problem_of(command: list[str]) -> str | None:
    """Run a command; None, or its last words when it failed."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if answer.returncode == 0:
        return None
    words = (answer.stderr or answer.stdout).strip().splitlines() or ["no message"]
    return f"{' '.join(command[:4])}: {words[-1]}"


def _downloaded() -> Path | None:
    """Ask Playwright where its own Chromium would be, in a process of its own: its API is one to a thread."""
    answer = subprocess.run([sys.executable, "-c", ASK_PLAYWRIGHT], capture_output=True, text=True, check=False)
    path = Path(answer.stdout.strip())
    return path if answer.returncode == 0 and path.is_file() else None
