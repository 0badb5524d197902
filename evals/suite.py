"""What an evaluation suite is given and what it gives back; a suite is a module of `evals/suites`.

Such a module has NAME, DESCRIPTION, SETS (the data sets it wants, see `evals.datasets`) and `run(context)`.
It never crashes for a set that is not there: it says so in a note that begins with "skipped:".
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from hitl_core.domain.errors import InputError


def keep_silent(done: int, total: int, what: str) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class SuiteContext:
    """What a run gives to a suite.

    Attributes:
        data: folder that holds the data sets, one folder each; None where there is none.
        seed: of everything random in the suite.
        limit: use at most so many cases or groups of each set; None for all.
        out: folder of the run, for files a suite wants to keep between runs; None keeps nothing.
        progress: called as `progress(done, total, what)` while the suite works; total 0 is unknown.
    """

    data: Path | None = None
    seed: int = 0
    limit: int | None = None
    out: Path | None = None
    progress: Callable[[int, int, str], None] = keep_silent


@dataclass(frozen=True)
class Measure:
    """One figure of a suite, with its interval and what it is to be held against.

    Attributes:
        name: what is measured, such as "accuracy".
        value: the estimate.
        low, high: its 95 % interval; None where it has none.
        n: cases behind it.
        unit: such as "%", "usd", "s"; empty for shares and coefficients.
        slice: part of the data it was measured on, such as "set=openqa_eval"; empty for all.
        higher_is_better: None where neither direction is better.
        baseline: text, such as "best member gpt4 .848".
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    unit: str = ""
    slice: str = ""
    higher_is_better: bool | None = True
    baseline: str = ""


@dataclass(frozen=True)
class Table:
    """Rows to print under a title."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Drawing:
    """A plotly figure as a JSON-ready dict."""

    title: str
    figure: dict[str, Any]
    note: str = ""


@dataclass(frozen=True)
class SuiteResult:
    """What a suite found.

    Attributes:
        suite: its name.
        measures, tables, drawings: in the order in which a reader wants them.
        cases: a row a case: `case_id`, `group`, slice columns (text) and value columns (bool or number). What two runs
            have in common here is compared case by case; None where there are no cases.
        notes: sentences for the reader; those that begin with "skipped:" name what was not there.
    """

    suite: str
    measures: tuple[Measure, ...] = ()
    tables: tuple[Table, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    cases: pl.DataFrame | None = field(default=None, compare=False)
    notes: tuple[str, ...] = ()


class Suite(Protocol):
    """A module of `evals/suites`."""

    NAME: str
    DESCRIPTION: str
    SETS: tuple[str, ...]

    def run(self, context: SuiteContext) -> SuiteResult:
        """Measure, and say with how many cases and how wide an interval."""
        ...


def as_json(result: SuiteResult) -> dict[str, Any]:
    """The result as plain JSON values; cases as a list of rows, numbers that are no numbers as null."""
    cases = [] if result.cases is None else result.cases.to_dicts()
    return {
        "suite": result.suite,
        "measures": [plain(vars(each)) for each in result.measures],
        "tables": [plain(vars(each)) for each in result.tables],
        "drawings": [plain(vars(each)) for each in result.drawings],
        "cases": [plain(row) for row in cases],
        "notes": list(result.notes),
    }


def from_json(body: Mapping[str, Any]) -> SuiteResult:
    """The result that `as_json` wrote.

    Raises:
        InputError: the value is not such a result.
    """
    try:
        return SuiteResult(
            suite=str(body["suite"]),
            measures=tuple(_measure(each) for each in body["measures"]),
            tables=tuple(_table(each) for each in body["tables"]),
            drawings=tuple(Drawing(**each) for each in body["drawings"]),
            cases=pl.DataFrame(body["cases"], infer_schema_length=None) if body["cases"] else None,
            notes=tuple(body["notes"]),
        )
    except (KeyError, TypeError) as error:
        raise InputError(f"this is not the result of a suite: {error}") from error


def plain(value: Any) -> Any:
    """A value as JSON can hold it: NaN and infinities become null, tuples lists, other objects their text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    item = getattr(value, "tolist", None)
    return plain(item()) if callable(item) else str(value)


def dumps(result: SuiteResult) -> str:
    """The result as JSON text."""
    return json.dumps(as_json(result), ensure_ascii=False, allow_nan=False)


def _measure(body: Mapping[str, Any]) -> Measure:
    value = float("nan") if body["value"] is None else body["value"]
    return Measure(**{**body, "value": value})


def _table(body: Mapping[str, Any]) -> Table:
    rows = tuple(tuple(row) for row in body["rows"])
    return Table(**{**body, "columns": tuple(body["columns"]), "rows": rows})
