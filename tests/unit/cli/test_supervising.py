from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from hitl_core.cli.context import since_moment
from hitl_core.cli.supervising import run_together, stop_on_signals
from hitl_core.domain.errors import InputError

WAIT = "import signal; signal.pause()"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_when_one_program_ends_the_other_is_stopped_and_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    mark = tmp_path / "pid"
    other = python(f"import os, pathlib; pathlib.Path({str(mark)!r}).write_text(str(os.getpid())); {WAIT}")
    until_there = f"import pathlib\nwhile not pathlib.Path({str(mark)!r}).exists(): pass\nraise SystemExit(3)"
    assert run_together({"app": python(until_there), "worker": other}, threading.Event()) == 1
    assert "the app ended by itself (exit code 3)" in capsys.readouterr().err
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text() or "0"), 0)


def test_a_program_killed_by_a_signal_is_named_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    killed = python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert run_together({"worker": killed, "app": python(WAIT)}, threading.Event()) == 1
    assert "the worker ended by itself (signal SIGKILL)" in capsys.readouterr().err


def test_asked_to_stop_all_end_and_nothing_failed() -> None:
    stop = threading.Event()
    assert run_together({"app": python(WAIT), "worker": python(WAIT)}, stop, on_start=stop.set) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_ask_to_stop_and_handlers_come_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_on_signals() as stop:
        assert not stop.is_set()
        signal.raise_signal(number)
        assert stop.is_set()
    assert signal.getsignal(number) is before


def test_the_worker_ends_at_sigterm_with_a_word(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    environment = os.environ | {"HITL_DATABASE_URL": f"sqlite:///{tmp_path / 'hitl.db'}", "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "hitl_core.cli.main", "work"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path) as worker:
        assert worker.stderr is not None
        assert "worker started" in worker.stderr.readline()
        worker.terminate()
        assert "worker stopped" in worker.stderr.read()
    assert worker.returncode == 0


def test_since_reads_spans_dates_and_times() -> None:
    assert abs(datetime.now(UTC) - timedelta(days=30) - (since_moment("30d") or datetime.now(UTC))).seconds < 5
    assert since_moment("2026-01-31") == datetime(2026, 1, 31, tzinfo=UTC)
    assert since_moment("2026-01-31T10:00:00+02:00") == datetime(2026, 1, 31, 8, tzinfo=UTC)
    assert since_moment(None) is None
    with pytest.raises(InputError, match="expected 30d"):
        since_moment("-3d")


def test_children_end_with_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    """Regression: a killed `hitl up` left its app on the port."""
    child = "import os, sys, time; from hitl_core.cli.supervising import follow_supervisor; follow_supervisor(); "
    child += "open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"
    parent = "import sys, threading; from hitl_core.cli.supervising import run_together; "
    parent += f"run_together({{'child': [sys.executable, '-c', {child!r}, sys.argv[1]]}}, threading.Event())"
    pid_file = tmp_path / "pid"
    supervisor = subprocess.Popen([sys.executable, "-c", parent, str(pid_file)])
    try:
        pid = int(_eventually(lambda: pid_file.exists() and pid_file.read_text()))
    finally:
        supervisor.kill()
        supervisor.wait()
    assert _eventually(lambda: not _runs(pid))


def _eventually(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 20
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
