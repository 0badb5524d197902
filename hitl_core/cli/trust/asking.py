"""What commands on calibration and thresholds share: their options, and checking them before anything is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from hitl_core.cli.context import since_moment
from hitl_core.domain.errors import InputError

if TYPE_CHECKING:
    from hitl_core.loop import Loop
    from hitl_core.loop.trust.calibrating import FittedCalibrator
    from hitl_core.loop.trust.evidence import Scope

Project = Annotated[str, typer.Option(help="Whose labels; calibrators and certificates hold for one project.")]
Since = Annotated[str | None, typer.Option(help="Only decisions since then: 30d, 12h, or 2026-01-31.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def scope_of(loop: Loop, project: str, since: str | None = None, **where: str | None) -> Scope:
    """Return the scope that options name.

    Raises:
        InputError: the database knows other projects and not this one, or a value cannot be used.
    """
    from hitl_core.loop.trust.evidence import Scope

    known = loop.projects()
    if known and project not in known:
        raise InputError(f"there is no project {project!r:.60}; projects: {', '.join(known)}")
    return Scope(project, {key: value for key, value in where.items() if value is not None}, since_moment(since))


def calibrator_of(loop: Loop, project: str, named: str) -> FittedCalibrator | None:
    """Return the calibrator that is called live, newest or none, or has this key.

    Raises:
        InputError: there is no newest one yet. NotFoundError: no such key.
    """
    if named == "none":
        return None
    if named == "live":
        return loop.calibration.live_calibrator(project)
    if named != "newest":
        return loop.calibration.calibrator(named)
    if not (found := loop.calibration.calibrators(project)):
        raise InputError(f"the project {project!r:.60} has no calibrator yet; run: hitl calibrate fit --project NAME")
    return found[0]


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show on the terminal, and only there, that something is going on."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        bar.add_task(what, total=None)
        yield
