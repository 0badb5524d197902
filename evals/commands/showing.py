"""What the commands print: progress on stderr, tables on stdout, errors in one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable
from rich.text import Text

from evals.reporting.markup import interval, number
from evals.suite import Measure, SuiteResult, Table, plain

TABLE_ROWS = 40


def console() -> Console:
    """Where tables go; wide where nobody looks, so that lines are not cut in a file."""
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False)


def say_json(body: Any) -> None:
    """Print a value as JSON."""
    print(json.dumps(plain(body), ensure_ascii=False))


def show_result(result: SuiteResult, seconds: float, *, before: bool = False) -> None:
    """Print a result: notes, measures, tables."""
    out = console()
    told = "as before, nothing has changed since" if before else f"{seconds:.1f} s"
    out.print(Text(f"\n{result.suite} ({told})", style="bold"))
    for note in result.notes:
        out.print(Text(f"  {note}"))
    if result.measures:
        out.print(measures_table(result.measures))
    for each in result.tables:
        if "case_id" not in each.columns:
            out.print(plain_table(each))
            if each.note:
                out.print(Text(f"  {each.note}"))


def measures_table(measures: Sequence[Measure]) -> RichTable:
    """Measures with interval, n and what they are to be held against."""
    table = RichTable(box=None, pad_edge=False, header_style="bold")
    table.add_column("measure")
    table.add_column("slice")
    for name in ("value", "95 % interval", "n"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("to be held against")
    for each in measures:
        name = f"{each.name} ({each.unit})" if each.unit else each.name
        cells = (name, each.slice, number(each.value), interval(each.low, each.high), f"{each.n:,}", each.baseline)
        table.add_row(*(Text(cell) for cell in cells))
    return table


def plain_table(content: Table) -> RichTable:
    """A table of a suite; long ones are cut."""
    table = RichTable(
        title=Text("\n" + content.title, style="bold"),
        box=None,
        pad_edge=False,
        header_style="bold",
        title_justify="left",
    )
    for place, name in enumerate(content.columns):
        is_number = bool(content.rows) and all(isinstance(row[place], int | float) for row in content.rows)
        table.add_column(Text(name), justify="right" if is_number else "left")
    for row in content.rows[:TABLE_ROWS]:
        table.add_row(*(Text(number(cell) if isinstance(cell, float) else _cell(cell)) for cell in row))
    if len(content.rows) > TABLE_ROWS:
        table.caption = Text(f"the first {TABLE_ROWS} of {len(content.rows):,} rows; the report has all")
    return table


@contextmanager
def progress_of(title: str, *, quiet: bool = False) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar on stderr, gone when the work is done; nothing where stderr is no terminal."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=quiet or not sys.stderr.isatty(),
    )
    with bar:
        task = bar.add_task(title, total=None)

        def tell(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total or None, description=f"{title}: {what}" if what else title)

        yield tell


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else str(value)
