"""`report` and `export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evals.comparing.baselines import export as export_part
from evals.reporting.page import page, report_json
from evals.running.folder import RunFolder, write_json, write_text

BASELINES = Path(__file__).parents[1] / "baselines"
Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]


def report(
    run: Run,
    title: Annotated[str, typer.Option(help="Title of the page.")] = "",
    link: Annotated[str, typer.Option(help="Address of a case, with {case_id} in it, such as your tracker's.")] = "",
) -> None:
    """Write report.html and report.json of a run again, such as with links to your own pages.

    Example: python -m evals report out/ --link "https://tracker.example/{case_id}"
    """
    print(write_report(RunFolder(run), title=title, link=link))


def export(
    run: Run,
    to: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the baselines.")] = BASELINES,
    suite: Annotated[list[str] | None, typer.Option(help="Only these parts of the run.")] = None,
) -> None:
    """Write the results of a run as baselines: figures and case ids, none of the data's texts.

    Example: python -m evals export out/ --to baselines/
    """
    folder = RunFolder(run)
    for part in folder.parts():
        if not suite or part.result.suite in suite:
            print(export_part(part, folder.manifest(), to))


def write_report(folder: RunFolder, *, title: str = "", link: str = "") -> Path:
    """Write the report of a run as HTML and as JSON beside it; the path of the HTML.

    Raises:
        InputError: the folder holds no run, or cannot be written.
    """
    results = [part.result for part in folder.parts()]
    facts = folder.manifest()
    write_json(folder.path / "report.json", report_json(results, facts))
    return write_text(folder.path / "report.html", page(results, facts, title=title, link=link))
