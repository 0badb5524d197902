"""`hitl submit`: one item from a program or by hand."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from hitl_core.cli.context import opened_loop, print_json
from hitl_core.domain.errors import InputError

_MAX_CHARACTERS = 16_000_000


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("submit")(submit)


def submit(
    as_json: Annotated[bool, typer.Option("--json", help="Print the decision as JSON.")] = False,
) -> None:
    """Submit one item, a JSON object on standard input, and print what was decided.

    Example: hitl submit --json < item.json

    The object has the fields of an item: {"query": "…", "output": "…", "confidence": 0.7}
    """
    from hitl_core.integrations.readers import parse_json

    if sys.stdin.isatty():
        raise InputError("submit reads one JSON object from standard input; see: hitl submit --help")
    try:
        value, problem = parse_json(sys.stdin.read(_MAX_CHARACTERS))
    except UnicodeDecodeError as error:
        raise InputError(f"standard input is not valid UTF-8 at byte {error.start}") from None
    if problem or not isinstance(value, dict):
        raise InputError(f"standard input {problem or 'is not a JSON object'}")
    with opened_loop() as loop:
        decision = loop.submit(value)
    if as_json:
        print_json(decision.model_dump(mode="json"))
    else:
        reasons = ", ".join(decision.reasons) or "no rule"
        print(f"{decision.item_id}: {decision.route.value} ({reasons}), priority {decision.priority_class.value}")
