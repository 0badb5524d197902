"""`hitl reviewer`: who knows what, and who settles disagreements."""

from __future__ import annotations

from typing import Annotated

import typer

from hitl_core.cli.context import opened_loop, print_json, print_rows

app = typer.Typer(
    help="Who reviews, what they know, and who settles disagreements.\n\nExample: hitl reviewer list",
    rich_markup_mode=None,
    no_args_is_help=True,
)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The name chosen at the door of the app.", show_default=False)],
    expertise: Annotated[
        list[str] | None, typer.Option(help="What they know; opens tasks that ask for it. Repeat or separate by comma.")
    ] = None,
    senior: Annotated[bool, typer.Option("--senior", help="Settles disagreements and escalations.")] = False,
) -> None:
    """Register a reviewer, or replace what is known of one.

    Example: hitl reviewer add ana --expertise medical --expertise legal --senior
    """
    from hitl_core.domain.errors import InputError, explain
    from hitl_core.domain.records import Reviewer

    known = tuple(part.strip() for text in expertise or () for part in text.split(",") if part.strip())
    try:
        reviewer = Reviewer(name=name.strip(), expertise=known, senior=senior)
    except ValueError as error:
        raise InputError(explain(error, Reviewer)) from None  # type: ignore[arg-type]
    with opened_loop() as loop:
        reviewer = loop.save_reviewer(reviewer)
    print(f"{reviewer.name}: {', '.join(reviewer.expertise) or 'no special expertise'}{', senior' * senior}")


@app.command("list")
def list_reviewers(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the registered reviewers.

    Example: hitl reviewer list --json
    """
    with opened_loop() as loop:
        found = loop.reviewers()
    if as_json:
        print_json([each.model_dump() for each in found])
    elif found:
        print_rows(
            ("name", "expertise", "senior"),
            [(each.name, ", ".join(each.expertise), "yes" if each.senior else "") for each in found],
        )
    else:
        print("nobody is registered; anybody may review what asks for no expertise")
