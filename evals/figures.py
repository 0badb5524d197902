"""Tables of figures for a terminal and for Markdown, and the facts about the machine they came from."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

Row = Sequence[Any]


def table(title: str, header: Row, rows: Sequence[Row]) -> str:
    """Return a Markdown table with aligned columns; numbers stand to the right."""
    cells = [[_text(each) for each in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    right = [all(isinstance(row[column], (int, float)) for row in rows) for column in range(len(header))]

    def line(row: Sequence[str]) -> str:
        padded = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ]
        return "| " + " | ".join(padded) + " |"

    rule = (
        "|"
        + "|".join(
            "-" * (width + 1) + (":" if to_right else "-") for width, to_right in zip(widths, right, strict=True)
        )
        + "|"
    )
    return "\n".join([f"### {title}", "", line(cells[0]), rule, *map(line, cells[1:]), ""])


def machine_facts() -> dict[str, str]:
    """Return what a reader needs to judge the figures: processors, load, memory, versions, time."""
    import sqlite3

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "processors": f"{os.cpu_count()} × {_processor()}",
        "load": f"{load} (1, 5, 15 minutes; other programs disturb the figures)",
        "memory": f"{memory:.0f} GB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "libraries": f"SQLite {sqlite3.sqlite_version}, "
        + ", ".join(f"{name} {version(name)}" for name in ("sqlalchemy", "psycopg", "faiss-cpu")),
    }


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the values lie; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((each.partition(":")[2].strip() for each in lines if each.startswith("model name")), platform.machine())


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)
