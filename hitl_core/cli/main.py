"""`hitl`: the entry point, the global options and what every command does with errors."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from hitl_core.cli import (
    database,
    demo,
    doctor,
    exporting,
    importing,
    judging,
    policy,
    reviewers,
    serving,
    submitting,
)
from hitl_core.cli.context import is_debugging, one_line
from hitl_core.cli.leads import stats
from hitl_core.cli.trust import audit, calibrate, scorer, thresholds
from hitl_core.domain.errors import HitlError

BAD_INPUT = 2

app = typer.Typer(
    name="hitl",
    help="Human-in-the-loop review for LLM and RAG outputs.\n\nExample: hitl import answers.jsonl, then hitl up",
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
thresholds.register(policy.app)
app.add_typer(policy.app, name="policy")
app.add_typer(audit.app, name="audit")
app.add_typer(database.app, name="db")
app.add_typer(reviewers.app, name="reviewer")
app.add_typer(scorer.app, name="scorer")
app.add_typer(calibrate.app, name="calibrate")
app.add_typer(judging.app, name="judge")
for module in (importing, exporting, submitting, stats, doctor, serving, demo):
    module.register(app)
if importlib.util.find_spec("hitl_core.cli.golden") is not None:
    importlib.import_module("hitl_core.cli.golden").register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(version("hitl-review"))
        except PackageNotFoundError:
            print("not installed (run from a checkout)")
        raise typer.Exit


@app.callback()
def _globals(
    database_url: Annotated[
        str | None,
        typer.Option("--database", metavar="URL", help="SQLite or PostgreSQL; default HITL_DATABASE_URL."),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    # Through the environment, so that the app and the worker that a command starts see the same database.
    if database_url is not None:
        os.environ["HITL_DATABASE_URL"] = database_url


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; exits with 0, 2 and one line for input that cannot be used, or the command's own code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; HITL_DEBUG=1 shows where an error came from."""
    if any(not argument.isascii() and _is_torn(argument) for argument in arguments):
        return _fail("an argument is not valid UTF-8")
    try:
        return app(list(arguments), prog_name="hitl", standalone_mode=False) or 0
    except HitlError as error:
        if is_debugging():
            raise
        return _fail(str(error))
    except typer.TyperException as error:
        return _usage(error.format_message())
    except typer.Abort:
        return _fail("stopped")
    except BrokenPipeError:
        # The reader of our output went away (`hitl export … - | head`); Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _is_torn(argument: str) -> bool:
    """Whether the shell passed bytes that are no UTF-8, which Python keeps as lone surrogates."""
    return any("\ud800" <= char <= "\udfff" for char in argument)


def _usage(message: str) -> int:
    if message.startswith("Usage:"):  # a group without a command: its help, which has many lines
        print(message, file=sys.stderr)
        return BAD_INPUT
    return _fail(message.replace("Value error, ", ""))


def _fail(message: str) -> int:
    print(f"hitl: {one_line(message)}", file=sys.stderr)
    return BAD_INPUT


if __name__ == "__main__":
    main()
