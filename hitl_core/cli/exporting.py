"""`hitl export`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hitl_core.cli.context import note, opened_loop, since_moment


class Kind(StrEnum):
    """What can be exported."""

    REVIEWS = "reviews"
    DECISIONS = "decisions"
    GOLDEN = "golden"
    ITEMS = "items"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export_rows)


def export_rows(
    kind: Annotated[Kind, typer.Argument(help="What to write.", show_default=False)],
    file: Annotated[Path, typer.Argument(help="FILE.jsonl, .csv, .tsv or .parquet; - is JSONL to standard output.")],
    project: Annotated[str | None, typer.Option(help="Only this project.")] = None,
    since: Annotated[str | None, typer.Option(help="Only rows since then: 30d, 12h or 2026-01-31.")] = None,
) -> None:
    """Write reviews, decisions, golden examples or items to a file.

    Example: hitl export reviews reviews.csv --project support --since 30d

    The file appears whole or not at all. Nested values are JSON text in CSV and Parquet. A CSV cell that
    starts with = + - @ tab or carriage return gets a leading apostrophe, so that no spreadsheet runs it.
    Reviews that were taken back stay in the file beside their row of kind undo, which names them in supersedes.
    """
    from hitl_core.integrations.writers import write_rows
    from hitl_core.store.reading.listings import LISTINGS, listing_rows

    listing, moment = LISTINGS[kind.value], since_moment(since)
    target = None if str(file) == "-" else file
    with opened_loop() as loop, loop.store.read() as tx:
        count = write_rows(target, listing_rows(tx, listing, project=project, since=moment), listing.columns)
    if target is not None:
        note(f"{count:,} {kind.value} written to {target}")
