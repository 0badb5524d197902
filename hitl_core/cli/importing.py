"""`hitl import`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hitl_core.cli.context import note, opened_loop, opened_store, print_json
from hitl_core.domain.errors import InputError

if TYPE_CHECKING:
    from hitl_core.domain.records import Item
    from hitl_core.integrations.mapping import ColumnMap
    from hitl_core.integrations.rows import SourceFile
    from hitl_core.integrations.tabular import ImportReport, Submit, Submitted
    from hitl_core.loop.policy_book import LivePolicy
    from hitl_core.store.engine import Store

SOME_REJECTED = 1
_QUIET_SECONDS = 2.0


File = Annotated[Path, typer.Argument(help="JSONL, CSV, TSV, Parquet, or a JSON array.", show_default=False)]
Mapped = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="FIELD=COLUMN,…", help="Which column is which field; a.b reaches into objects."),
]
Constants = Annotated[
    list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="The same value for every row.")
]
Rest = Annotated[str | None, typer.Option("--rest", metavar="metadata", help="Keep the other columns in metadata.")]
BatchRows = Annotated[int, typer.Option(min=1, max=10_000, help="Rows per transaction.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check every row and write nothing.")]
Rejected = Annotated[
    Path | None, typer.Option(help="Where refused rows go; default FILE.rejected.jsonl.", show_default=False)
]
Format = Annotated[
    str | None, typer.Option("--format", metavar="FORMAT", help="jsonl, csv, parquet or json; default by ending.")
]
SplitSource = Annotated[
    bool, typer.Option("--split-source", help="A passage that opens with its address on a line gives its source.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_file)


def import_file(
    file: File,
    mapped: Mapped = None,
    constants: Constants = None,
    rest: Rest = None,
    batch: BatchRows = 1000,
    dry_run: DryRun = False,
    rejected: Rejected = None,
    format_name: Format = None,
    split_source: SplitSource = False,
    as_json: AsJson = False,
) -> None:
    """Submit every row of a file; refused rows go to a side file with line and reason, the others land.

    Example: hitl import answers.jsonl --map query=question,output=answer,context=evidence,confidence=score
    --set project=support

    A column named like a field of an item (id, query, context, output, confidence, label, domain, model, …)
    maps itself; FIELD= leaves it out. context takes text, a list of passages, or JSON text of one.
    Without an id the id is a hash of the content, so importing a file again adds nothing.

    Exit code: 0 all rows landed, 1 some were refused, 2 nothing could be done (one line says why).
    """
    from hitl_core.integrations.readers import open_source
    from hitl_core.integrations.tabular import RejectedRows, import_rows

    source = open_source(file, format_name)
    columns = replace(_columns(source, mapped, constants, rest), split_source=split_source)
    note(f"{file.name}: {columns.describe()}")
    side_file = None if dry_run else rejected or file.with_name(f"{file.name}.rejected.jsonl")
    if side_file is not None and side_file.resolve() == file.resolve():
        raise InputError("--rejected names the file that is imported; choose another")
    with (
        RejectedRows(side_file, replace=rejected is None) as refused,
        _Progress(source) as progress,
        _submitting(dry_run) as submit,
    ):
        report = import_rows(source, columns, submit, refused, batch=batch, on_progress=progress.at)
    _say(report, side_file, dry_run=dry_run, as_json=as_json)
    if report.rejected:
        raise typer.Exit(SOME_REJECTED)


def _columns(source: SourceFile, mapped: list[str] | None, constants: list[str] | None, rest: str | None) -> ColumnMap:
    from hitl_core.integrations.mapping import parse_assignments
    from hitl_core.integrations.tabular import plan_columns

    if rest not in (None, "metadata"):
        raise InputError(f"--rest {rest!r}: the rest can only go to metadata")
    asked = parse_assignments(mapped or (), "--map", split=True)
    fixed = parse_assignments(constants or (), "--set", split=False)
    return plan_columns(source, asked, fixed, rest=rest is not None)


@contextmanager
def _submitting(dry_run: bool) -> Iterator[Submit]:
    from hitl_core.integrations.tabular import Submitted

    if dry_run:
        yield _checking()
        return
    with opened_loop() as loop:
        started = loop.clock.now()

        def submit(items: Sequence[Item]) -> Submitted:
            result = loop.submit_many(items)
            return Submitted(
                routes=[decision.route.value for decision in result.decisions],
                errors=[(error.index, error.reason) for error in result.errors],
                repeated=sum(decision.created_at < started for decision in result.decisions),
            )

        yield submit


def _checking() -> Submit:
    """Return what takes items as the loop would, limits and routes included, and writes nothing."""
    from hitl_core.domain.clock import SystemClock
    from hitl_core.integrations.tabular import Submitted
    from hitl_core.loop.measuring import decide
    from hitl_core.loop.submit import check_limits
    from hitl_core.settings import load_settings

    settings, clock, live = load_settings(), SystemClock(), _live_policy()

    def check(items: Sequence[Item]) -> Submitted:
        routes: list[str] = []
        errors: list[tuple[int, str]] = []
        for index, item in enumerate(items):
            try:
                check_limits(item, settings)
            except InputError as error:
                errors.append((index, str(error)))
                continue
            routes.append(decide(item, live, clock.now()).route.value)
        return Submitted(routes, errors)

    return check


def _live_policy() -> LivePolicy:
    """Return the database's policy, or the built-in one where there is no database yet; creates none."""
    from hitl_core.domain.clock import SystemClock
    from hitl_core.domain.policy import Policy
    from hitl_core.loop.policy_book import LivePolicy, PolicyBook
    from hitl_core.settings import load_settings

    with opened_store() as store:
        if not _has_policy(store):
            note("nothing was published yet: the routes are those of the built-in policy")
            return LivePolicy(0, Policy(), b"dry run")
        return PolicyBook(store, SystemClock(), audit_secret=load_settings().audit_secret).live()


def _has_policy(store: Store) -> bool:
    from hitl_core.store import policies, schema

    database = store.engine.url.database
    if store.is_sqlite and not (database and Path(database).exists()):
        return False
    if schema.current(store) is None:
        return False
    schema.prepare(store)
    with store.read() as tx:
        return policies.live_version(tx) is not None


def _say(report: ImportReport, side_file: Path | None, *, dry_run: bool, as_json: bool) -> None:
    where = str(side_file) if side_file is not None and report.rejected else None
    if as_json:
        print_json(
            {
                "rows": report.read,
                "accepted": report.accepted,
                "repeated": report.repeated,
                "rejected": report.rejected,
                "routes": dict(report.routes),
                "rejected_file": where,
                "first_reasons": [{"line": line, "reason": reason} for line, reason in report.first_reasons],
                "dry_run": dry_run,
            }
        )
    else:
        verb = "would be accepted" if dry_run else "accepted"
        before = f" ({report.repeated:,} of them were there before)" if report.repeated else ""
        print(f"{report.read:,} rows: {report.accepted:,} {verb}{before}, {report.rejected:,} rejected")
        if report.routes:
            print("routes: " + ", ".join(f"{name} {count:,}" for name, count in report.routes.most_common()))
    for line, reason in report.first_reasons:
        note(f"line {line}: {reason}")
    if report.rejected > len(report.first_reasons):
        note(f"… and {report.rejected - len(report.first_reasons):,} more")
    if where:
        note(f"refused rows are in {where}")
    if report.dropped_passage_keys:
        note("passages have no place for: " + ", ".join(sorted(map(str, report.dropped_passage_keys))))


class _Progress:
    """A bar on a terminal's stderr, once the work has taken two seconds."""

    def __init__(self, source: SourceFile) -> None:
        self._source = source
        self._started = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def at(self, position: int) -> None:
        """Show how far the file has been read."""
        if self._bar is None and sys.stderr.isatty() and time.monotonic() - self._started > _QUIET_SECONDS:
            self._start()
        if self._bar is not None:
            self._bar.update(self._task, completed=position)

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task("importing", total=self._source.total)
        self._bar.start()
