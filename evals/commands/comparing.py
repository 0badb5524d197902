"""`compare`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table as RichTable
from rich.text import Text

from evals.commands.showing import console, say_json
from evals.comparing.baselines import load_results
from evals.comparing.differences import Difference, compare_all
from evals.comparing.gate import Condition, failures, parse_condition
from evals.reporting.markup import interval, number
from hitl_core.domain.errors import InputError

FAILED = 1


def compare(
    before: Annotated[Path, typer.Argument(metavar="A", help="Run, baseline, or folder of baselines.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="The same, to be held against A.")],
    fail_on: Annotated[
        list[str] | None,
        typer.Option("--fail-on", help='"regression", or such as "accuracy<-0.02"; exit code 1 if it holds.'),
    ] = None,
    level: Annotated[float, typer.Option(min=0.0001, max=0.5, help="Chance of any false alarm.")] = 0.05,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    everything: Annotated[bool, typer.Option("--all", help="Show equal values too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Show what changed from A to B: paired differences with intervals, by slice, regressions by name.

    Example: python -m evals compare evals/baselines out/ --fail-on regression --fail-on "committee.panel<-0.01"
    """
    conditions = [parse_condition(text) for text in fail_on or []]
    earlier, later = load_results(before), load_results(after)
    shared = [name for name in later if name in earlier]
    if not shared:
        raise InputError(f"nothing to compare: {before} has {', '.join(earlier)}; {after} has {', '.join(later)}")
    found = compare_all([(earlier[name], later[name]) for name in shared], level=level, seed=seed)
    if not found:
        raise InputError(f"{before} and {after} have no measure and no case in common")
    failed = failures(found, conditions)
    if as_json:
        say_json(_facts(found, failed, level))
    else:
        _show(found, level, everything=everything)
        for condition, difference in failed:
            print(f"FAILED {condition.text}: {_name(difference)} changed by {difference.change:+.4f}")
    if failed:
        raise typer.Exit(FAILED)


def _show(found: Sequence[Difference], level: float, *, everything: bool) -> None:
    table = RichTable(box=None, pad_edge=False, header_style="bold")
    for name in ("", "value", "slice"):
        table.add_column(name)
    for name in ("A", "B", "B - A", "95 % interval", "n", "p (Holm)"):
        table.add_column(name, justify="right", no_wrap=True)
    order = {"regression": 0, "improvement": 1, "changed": 2, "unclear": 3, "same": 4}
    shown = [each for each in found if everything or each.verdict != "same"]
    for each in sorted(shown, key=lambda each: (order[each.verdict], each.p_adjusted or 0)):
        table.add_row(*(Text(cell) for cell in _cells(each)))
    out = console()
    if shown:
        out.print(table)
    tested = sum(each.p is not None for each in found)
    same = sum(each.verdict == "same" for each in found)
    regressions = [_name(each) for each in found if each.verdict == "regression"]
    out.print(
        Text(
            f"{len(found)} values compared, {same} the same; {tested} tested, p by Holm: the chance of any false alarm "
            f"is at most {level:g}; intervals are one at a time"
        )
    )
    out.print(Text(f"{len(regressions)} regressions{': ' + ', '.join(regressions) if regressions else ''}"))


def _cells(each: Difference) -> tuple[str, ...]:
    p = "" if each.p_adjusted is None else f"{each.p_adjusted:.3g}"
    bounds = interval(each.low, each.high)
    numbers = (number(each.before), number(each.after), f"{each.change:+.4f}", bounds, f"{each.n:,}", p)
    return (each.verdict, f"{each.suite}.{each.value}", each.slice or "all", *numbers)


def _name(each: Difference) -> str:
    return f"{each.suite}.{each.value}" + (f"@{each.slice}" if each.slice else "")


def _facts(found: Sequence[Difference], failed: Sequence[tuple[Condition, Difference]], level: float) -> dict[str, Any]:
    return {
        "level": level,
        "tested": sum(each.p is not None for each in found),
        "regressions": [_name(each) for each in found if each.verdict == "regression"],
        "failed": [{"condition": condition.text, "value": _name(each)} for condition, each in failed],
        "differences": [{**vars(each), "change": each.change} for each in found],
    }
