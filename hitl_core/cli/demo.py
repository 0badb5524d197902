"""`hitl demo`."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from hitl_core.cli.context import note
from hitl_core.cli.serving import DEFAULT_PORT, is_free, require_free, serve
from hitl_core.domain.errors import ConflictError, InputError

DEMO_DATABASE = Path("data/local/demo.db")
OWN_URL = f"sqlite:///{DEMO_DATABASE}"
_PORTS_TRIED = 20
_STILL_SECONDS = 1.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    context: typer.Context,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete the demo's database first.")] = False,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
    load_only: Annotated[bool, typer.Option("--load-only", help="Load the data and stop.")] = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Port; default the first free one from 8501.")
    ] = None,
) -> None:
    """Load the demo project, marked as synthetic, and open the app on it.

    Example: hitl demo --fresh --port 8600

    It lives in a database of its own, data/local/demo.db (or the one --database names), and stays as you
    leave it until --fresh.
    """
    if port is not None and not load_only:
        require_free(host, port)
    url = _database_url(context, fresh=fresh)
    os.environ["HITL_DATABASE_URL"] = url
    if url == OWN_URL:
        _load_own()
    else:
        _load(url)
    if not load_only:
        serve(host, port or _first_free(host), browser=browser)


def _database_url(context: typer.Context, *, fresh: bool) -> str:
    given = context.parent.params.get("database_url") if context.parent else None
    if given is None:
        if fresh:
            _delete(DEMO_DATABASE)
        return OWN_URL
    if fresh:
        raise InputError("--fresh deletes only the demo's own database; empty the one of --database yourself")
    return str(given)


def _delete(path: Path) -> None:
    for ending in ("", "-wal", "-shm", "-gate"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    shutil.rmtree(path.with_name(f"{path.name}-index"), ignore_errors=True)


def _load_own() -> None:
    """Load the demo's own database; one that an interrupted load left behind is started over."""
    from hitl_core.loop.demo import HalfLoadedError

    try:
        _load(OWN_URL)
    except HalfLoadedError:
        before = _last_write()
        time.sleep(_STILL_SECONDS)
        if _last_write() != before:
            raise ConflictError("another program is loading the demo project now; wait until it is done") from None
        note("hitl: an earlier load was interrupted; starting over")
        _delete(DEMO_DATABASE)
        _load(OWN_URL)


def _last_write() -> list[int]:
    paths = (DEMO_DATABASE, DEMO_DATABASE.with_name(f"{DEMO_DATABASE.name}-wal"))
    return [path.stat().st_mtime_ns for path in paths if path.exists()]


def _load(url: str) -> None:
    from hitl_core.loop.demo import load_demo_project

    note("hitl: loading the demo project (synthetic history of 60 days)")
    with _bar() as show:
        report = load_demo_project(url, on_progress=show)
    if report.submitted:
        note(
            f"hitl: {report.submitted:,} items, {report.reviewed:,} reviews by synthetic people; "
            f"{report.waiting} items wait for you, {report.disputed} for a senior"
        )
    else:
        note("hitl: the demo project is there already; --fresh starts it over")


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar on a terminal's stderr while history is replayed; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("replaying")
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _first_free(host: str) -> int:
    for port in range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TRIED):
        if is_free(host, port):
            return port
    return DEFAULT_PORT
