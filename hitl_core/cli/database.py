"""`hitl db`."""

from __future__ import annotations

import typer

from hitl_core.cli.context import opened_store

app = typer.Typer(help="The database.\n\nExample: hitl db upgrade", rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `upgrade` a subcommand although it is the only one."""


@app.command()
def upgrade() -> None:
    """Bring the database to this version's schema; a new database is made.

    Example: hitl --database sqlite:///data/local/hitl.db db upgrade
    """
    from hitl_core.store import schema

    with opened_store() as store:
        before, after = schema.upgrade(store)
    print(f"{store.address}: schema {after}" + ("" if before == after else f", was {before or 'empty'}"))
