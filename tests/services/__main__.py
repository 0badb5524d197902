"""Prepare what the tests need and say so in a line each, or run a command with a PostgreSQL server beside it.

python -m tests.services                    what `make test` calls before pytest
python -m tests.services exec COMMAND …     HITL_BENCH_POSTGRES_URL names a durable, empty database for COMMAND
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.services.browser import BrowserUnavailableError, find_chromium, install_chromium
from tests.services.ci import in_ci
from tests.services.local_llm import LocalLlmUnavailableError, find_local_llm, install_local_llm
from tests.services.postgres import PostgresUnavailableError, find_binaries, install_binaries, running_server

POSTGRES_URL = "HITL_BENCH_POSTGRES_URL"


def main(arguments: list[str]) -> int:
    """Return the exit code: 1 when something is missing in CI, else that of the command."""
    if arguments[:1] == ["exec"]:
        return run_with_postgres(arguments[1:])
    found = [
        prepare("browser", find_chromium, install_chromium),
        prepare("postgresql", find_binaries, install_binaries),
        prepare("local model", find_local_llm, install_local_llm),
    ]
    return 1 if in_ci() and not all(found) else 0


def prepare(name: str, find: Callable[[], Path | None], install: Callable[[], Path]) -> bool:
    """Find a service or install it, print one line, and return whether it is there."""
    path = find()
    if path is not None:
        print(f"{name}: {path}", flush=True)
        return True
    print(f"{name}: not on this machine, installing one …", flush=True)
    try:
        print(f"{name}: installed {install()}", flush=True)
    except (BrowserUnavailableError, LocalLlmUnavailableError, PostgresUnavailableError) as error:
        fate = "fail in CI" if in_ci() else "are skipped"
        print(f"{name}: none to be had, tests that need it {fate} ({error})", flush=True)
        return False
    return True


def run_with_postgres(command: list[str]) -> int:
    """Run a command with a PostgreSQL database beside it; without one where no server is to be had."""
    binaries = find_binaries()
    if binaries is None:
        print("postgresql: none on this machine, running without it", flush=True)
        return subprocess.run(command, check=False).returncode
    with running_server(binaries, durable=True) as server, server.database() as url:
        print(f"postgresql: {binaries}, started for this run", flush=True)
        return subprocess.run(command, check=False, env={**os.environ, POSTGRES_URL: url}).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
