"""What the commands share: opening the loop, printing tables and JSON, reading times."""

from __future__ import annotations

import getpass
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hitl_core.domain.errors import InputError

if TYPE_CHECKING:
    from hitl_core.loop import Loop
    from hitl_core.store.engine import Store

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@contextmanager
def opened_loop() -> Iterator[Loop]:
    """Open the loop on the database that --database or HITL_DATABASE_URL names, and close it afterwards."""
    from hitl_core.loop import Loop

    with Loop.open(actor=actor()) as loop:
        yield loop


@contextmanager
def opened_store() -> Iterator[Store]:
    """Open the database alone, without checking its schema."""
    from hitl_core.settings import load_settings
    from hitl_core.store.engine import Store

    store = Store.connect(load_settings().database_url)
    try:
        yield store
    finally:
        store.close()


def actor() -> str:
    """Return who runs the command, for the events: the user's name on this machine."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"


def since_moment(text: str | None) -> datetime | None:
    """Turn `30d`, `12h`, `2w`, `45m`, a date or a time into a moment; None stays None.

    Raises:
        InputError: it is none of these.
    """
    if text is None:
        return None
    try:
        if match := re.fullmatch(r"(\d{1,6})([mhdw])", text.strip()):
            return datetime.now(UTC) - timedelta(**{_UNITS[match[2]]: int(match[1])})
        moment = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise InputError(f"--since {text!r}: expected 30d, 12h, 2w, or a time such as 2026-01-31") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def print_json(value: Any) -> None:
    """Print a value for a program to read."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=_as_json))


def print_rows(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table with aligned columns."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[index]) for row in [list(header), *cells]) for index in range(len(header))]
    for row in [list(header), *cells]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def note(message: str) -> None:
    """Say something to the person at the terminal without mixing it into the output."""
    print(one_line(message), file=sys.stderr)


def one_line(value: Any) -> str:
    """Return text for a terminal: one line, control and escape characters made visible."""
    text = " ".join(str("" if value is None else value).split())
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def is_debugging() -> bool:
    """Whether HITL_DEBUG asks for tracebacks."""
    return os.environ.get("HITL_DEBUG", "") not in ("", "0")


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")
