"""`python -m evals`: list, run, compare, report, export. Bad input is one line and exit code 2."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from evals.commands import comparing, reports, running
from hitl_core.domain.errors import HitlError

BAD_INPUT, INTERRUPTED = 2, 130

app = typer.Typer(
    name="evals",
    help="How good are routers, scorers, judges and committees, measured on people's labels.\n\n"
    "Example: python -m evals run committee cascade scorer --data ../shared/data --report out/",
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
app.command("list")(running.list_)
app.command("run")(running.run)
app.command("compare")(comparing.compare)
app.command("report")(reports.report)
app.command("export")(reports.export)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return int(app(given, prog_name="python -m evals", standalone_mode=False) or 0)
    except HitlError as error:
        return _fail(str(error))
    except typer.TyperException as error:
        message = error.format_message()
        if message.startswith("Usage:"):
            print(message, file=sys.stderr)
            return BAD_INPUT
        return _fail(message)
    except (typer.Abort, KeyboardInterrupt):
        print("stopped; the same command goes on where it was", file=sys.stderr)
        return INTERRUPTED


def _fail(message: str) -> int:
    print(f"evals: {' '.join(message.split())}", file=sys.stderr)
    return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
