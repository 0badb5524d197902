"""`hitl golden` and `hitl few-shot`: the examples people corrected, and the ones most like a question."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hitl_core.cli.context import note, opened_loop, print_json, print_rows

if TYPE_CHECKING:
    from hitl_core.domain.records import FewShot, GoldenExample

app = typer.Typer(
    help="Golden examples: what people corrected and stand behind.\n\nExample: hitl golden list",
    rich_markup_mode=None,
    no_args_is_help=True,
)

Project = Annotated[str | None, typer.Option(help="Only this project.")]
Domain = Annotated[str | None, typer.Option(help="Only this domain.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Method(StrEnum):
    """How examples are compared with the question."""

    AUTO = "auto"
    WORDS = "words"


def register(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(app, name="golden")
    parent.command("few-shot", no_args_is_help=True)(few_shot)


@app.command()
def add(
    query: Annotated[str, typer.Option(help="The question.", show_default=False)],
    output: Annotated[str, typer.Option(help="The answer a person stands behind.", show_default=False)],
    context: Annotated[list[str] | None, typer.Option(help="A source passage; repeat for more.")] = None,
    domain: Annotated[str | None, typer.Option(help="Field of the question.")] = None,
    project: Annotated[str, typer.Option(help="Project it belongs to.")] = "default",
    as_json: AsJson = False,
) -> None:
    """Add an example by hand; the same text again returns the example that is there.

    Example: hitl golden add --query "When is a refund due?" --output "Within 30 days." --domain retail
    """
    with opened_loop() as loop:
        example = loop.golden.add(query, output, context=context or (), domain=domain, project=project)
    if as_json:
        print_json(example.model_dump(mode="json"))
    else:
        print(example.id)


@app.command("list")
def list_examples(
    project: Project = None,
    domain: Domain = None,
    everything: Annotated[bool, typer.Option("--all", help="Retired examples too.")] = False,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=100_000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List examples, newest first.

    Example: hitl golden list --project support --json
    """
    with opened_loop() as loop:
        found = loop.golden.list(project=project, domain=domain, status=None if everything else "active", limit=limit)
    if as_json:
        print_json([example.model_dump(mode="json") for example in found])
    elif found:
        header = ("id", "project", "domain", "reviewer", "query", "output")
        print_rows(header, [_cells(example, retired=everything) for example in found])
    else:
        note("no golden examples; an accepted edit makes one, or: hitl golden add --help")


@app.command(no_args_is_help=True)
def search(
    text: Annotated[str, typer.Argument(help="Words or a question.", show_default=False)],
    project: Project = None,
    domain: Domain = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=1_000, help="How many at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Find examples that contain the words, then those alike in meaning.

    Example: hitl golden search "refund deadline"
    """
    with opened_loop() as loop:
        found = loop.golden.search(text, project=project, domain=domain, limit=limit)
        _print_shots(found, loop.golden.problem, as_json=as_json)


@app.command(no_args_is_help=True)
def retire(
    golden_id: Annotated[str, typer.Argument(metavar="ID", help="As shown by list.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why; kept with the example.")] = "",
) -> None:
    """Take an example out of use; its row and its lineage stay.

    Example: hitl golden retire 0199f0c2a4b87d13a5c2f0e1d2c3b4a5 --reason "the law changed"
    """
    with opened_loop() as loop:
        loop.golden.retire(golden_id, reason)
    print(f"{golden_id} retired")


@app.command(no_args_is_help=True)
def export(
    file: Annotated[Path, typer.Argument(help="FILE.jsonl, .csv or .parquet; - is JSONL to standard output.")],
    project: Project = None,
    everything: Annotated[bool, typer.Option("--all", help="Retired and merged examples too.")] = False,
) -> None:
    """Write examples to a file; a CSV cell that a spreadsheet would run as a formula gets an apostrophe.

    Example: hitl golden export golden.jsonl --project support
    """
    from hitl_core.integrations.writers import write_rows
    from hitl_core.store.reading.listings import LISTINGS, listing_rows

    listing = LISTINGS["golden"]
    target = None if str(file) == "-" else file
    with opened_loop() as loop, loop.store.read() as tx:
        rows = listing_rows(tx, listing, project=project, since=None)
        wanted = (row for row in rows if everything or row["status"] == "active")
        count = write_rows(target, wanted, listing.columns)
    if target is not None:
        note(f"{count:,} golden examples written to {target}")


def few_shot(
    query: Annotated[str, typer.Argument(help="The question.", show_default=False)],
    k: Annotated[int, typer.Option("-k", min=0, max=1_000, help="How many examples at most.")] = 4,
    project: Project = None,
    domain: Domain = None,
    min_similarity: Annotated[float | None, typer.Option(help="Leave out what is less alike, -1 to 1.")] = None,
    exclude_item: Annotated[str | None, typer.Option(help="Id of the item the question comes from.")] = None,
    method: Annotated[Method, typer.Option(help="words: do not load the embedding model.")] = Method.AUTO,
    as_json: AsJson = False,
) -> None:
    """Print the golden examples that teach most about a question, most similar first.

    Example: hitl few-shot "When is a refund due?" -k 4 --json
    """
    with opened_loop() as loop:
        found = loop.golden.few_shot(
            query,
            k,
            project=project,
            domain=domain,
            min_similarity=min_similarity,
            exclude_item=exclude_item,
            method=method.value,
        )
        _print_shots(found, loop.golden.problem, as_json=as_json)


def _print_shots(found: Sequence[FewShot], problem: str, *, as_json: bool) -> None:
    if problem:
        note(f"found by words only: {problem}")
    if as_json:
        print_json([shot.model_dump(mode="json") for shot in found])
    elif found:
        header = ("similarity", "by", "id", "project", "domain", "reviewer", "query", "output")
        print_rows(header, [(f"{shot.similarity:.3f}", shot.method, *_cells(shot.example)) for shot in found])
    else:
        note("no golden example is like that")


def _cells(example: GoldenExample, *, retired: bool = False) -> tuple[str, ...]:
    state = " (retired)" if retired and example.status == "retired" else ""
    texts = (_cut(example.query), _cut(example.output))
    return (example.id + state, example.project, example.domain or "", example.reviewer, *texts)


def _cut(text: str, width: int = 60) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
