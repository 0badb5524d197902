"""`hitl up` and `hitl work`."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
import webbrowser
from typing import Annotated

import typer

from hitl_core.cli.context import note, opened_loop
from hitl_core.cli.supervising import follow_supervisor, python_module, run_together, stop_on_signals
from hitl_core.domain.errors import ConfigurationError

DEFAULT_PORT = 8501
_READY_SECONDS = 120.0
_FORWARDED = {"allow_extra_args": True, "ignore_unknown_options": True}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("up", context_settings=_FORWARDED)(up)
    app.command("work")(work)


def up(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of the app.")] = DEFAULT_PORT,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = False,
) -> None:
    """Run the app and a worker until Ctrl-C; when one of them ends, the other is stopped too.

    Example: hitl up --port 8600

    Options that are not named here go to the app; see: python -m app --help.
    """
    serve(host, port, browser=browser, extra=context.args)


def work() -> None:
    """Do what needs time: embed golden examples, expire leases, age the queue; until Ctrl-C.

    Example: hitl --database postgresql+psycopg://hitl@db/hitl work
    """
    from hitl_core.loop.work import run_worker

    with stop_on_signals() as stop, opened_loop() as loop:
        follow_supervisor()
        note("hitl: worker started; Ctrl-C stops it")
        run_worker(loop, stop)
    note("hitl: worker stopped")


def serve(host: str, port: int, *, browser: bool, extra: list[str] | None = None) -> None:
    """Run the app and a worker together until a signal comes.

    Raises:
        ConfigurationError: the port is taken.
        typer.Exit: with 1 when a program ended by itself.
    """
    require_free(host, port)
    address = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"  # noqa: S104
    programs = {
        "app": python_module("app", "--host", host, "--port", str(port), *(extra or [])),
        "worker": python_module("hitl_core.cli.main", "work"),
    }
    with stop_on_signals() as stop:
        announcer = threading.Thread(target=_announce, args=(address, stop, browser), daemon=True)
        code = run_together(programs, stop, on_start=announcer.start)
        stop.set()
    if code:
        raise typer.Exit(code)


def require_free(host: str, port: int) -> None:
    """Refuse a port that is taken.

    Raises:
        ConfigurationError: says so.
    """
    if not is_free(host, port):
        raise ConfigurationError(f"port {port} of {host} is in use; choose another with --port")


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _announce(address: str, stop: threading.Event, browser: bool) -> None:
    """Wait until the app answers, say where it is, and open a browser if asked and there is one."""
    deadline = time.monotonic() + _READY_SECONDS
    while not stop.wait(0.2) and time.monotonic() < deadline:
        if _answers(f"{address}/_stcore/health"):
            note(f"hitl: the app is at {address} (Ctrl-C stops it)")
            if browser and _has_screen():
                webbrowser.open(address)
            return


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as reply:  # noqa: S310
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _has_screen() -> bool:
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
