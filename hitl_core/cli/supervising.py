"""Run programs together: when one ends, or a signal comes, all end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from hitl_core.cli.context import note

GRACE_SECONDS = 15.0
_POLL_SECONDS = 0.1
_SUPERVISOR = "HITL_SUPERVISOR"


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Give an event that SIGINT (Ctrl-C) and SIGTERM set; a second signal ends the process at once."""
    stop = threading.Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_together(
    programs: Mapping[str, Sequence[str]], stop: threading.Event, *, on_start: Callable[[], None] | None = None
) -> int:
    """Start programs and wait; return 0 when asked to stop, 1 when one ended by itself.

    Args:
        programs: a name for each program's arguments.
        stop: set it to end all.
        on_start: called once when all are started.
    """
    # A session of its own: Ctrl-C reaches only this process, which then ends its children in order.
    environment = os.environ | {_SUPERVISOR: str(os.getpid())}
    children = {
        name: subprocess.Popen(list(arguments), start_new_session=True, env=environment)  # noqa: S603
        for name, arguments in programs.items()
    }
    try:
        if on_start is not None:
            on_start()
        while not stop.wait(_POLL_SECONDS):
            ended = next(((name, child) for name, child in children.items() if child.poll() is not None), None)
            if ended is not None:
                name, child = ended
                note(f"hitl: the {name} ended by itself ({_how(child.returncode)}); stopping the rest")
                return 1
        return 0
    finally:
        _end_all(children)


def follow_supervisor() -> None:
    """End this process when the one that started it by `run_together` is gone, even if that was killed.

    Otherwise a killed `hitl up` would leave an app that keeps the port and a worker that nobody sees.
    """
    supervisor = os.environ.get(_SUPERVISOR)
    if supervisor is not None and os.getppid() == int(supervisor):
        threading.Thread(target=_end_with, args=(int(supervisor),), name="hitl-supervisor", daemon=True).start()


def _end_with(supervisor: int) -> None:
    while os.getppid() == supervisor:
        time.sleep(1.0)
    os.kill(os.getpid(), signal.SIGTERM)


def python_module(*arguments: str) -> list[str]:
    """Return the command that runs a module with this Python."""
    return [sys.executable, "-m", *arguments]


def _end_all(children: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for child in children.values():
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for name, child in children.items():
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            note(f"hitl: the {name} did not stop in {GRACE_SECONDS:.0f} s and was killed")
            child.kill()
            child.wait()


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
