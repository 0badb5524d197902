"""What can be shown of any suite from the columns of its cases, where the suite does not show it itself.

`right` (yes/no) is people's verdict on the output, `accepted` or `all_approve` whether it would go out by itself, and
`confidence` or `p_<name>` (0 to 1) how sure a system was that it is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from evals.reporting import curves, drawings
from evals.suite import Drawing, SuiteResult, Table

RIGHT, ACCEPTED = "right", ("accepted", "all_approve")
CASES_SHOWN, LEAST_IN_A_SLICE, MOST_PARTS, MOST_COLUMNS = 25, 20, 50, 8
SLICED, WORST = "By slice", "Worst cases"


def completed(result: SuiteResult) -> SuiteResult:
    """The result with curves, confusion, slices and worst cases as far as its cases tell and it has none itself."""
    cases = result.cases
    if cases is None or cases.is_empty():
        return result
    titles = {each.title for each in result.tables} | {each.title for each in result.drawings}
    new_drawings = [each for each in _drawings(cases) if each.title not in titles]
    tables = list(result.tables)
    if not any(title.startswith(SLICED) for title in titles):
        tables += _slices(cases)
    if not any("case_id" in each.columns for each in result.tables):
        tables += _worst(cases)
    return replace(result, drawings=(*result.drawings, *new_drawings), tables=tuple(tables))


def sureness(cases: pl.DataFrame) -> list[str]:
    """The columns that say how sure a system was that the output is right."""
    wanted = [name for name in cases.columns if name == "confidence" or name.startswith("p_")]
    return [name for name in wanted if cases[name].dtype.is_numeric() and cases[name].null_count() < cases.height]


def _drawings(cases: pl.DataFrame) -> Iterator[Drawing]:
    if not _is_yes_no(cases, RIGHT):
        return
    known = cases.filter(pl.col(RIGHT).is_not_null())
    sure = sureness(known)[:MOST_COLUMNS]
    if sure:
        risk = {name: curves.risk_coverage(known, name, RIGHT) for name in sure}
        yield Drawing("Risk against coverage", drawings.draw_risk_coverage(risk))
        bins = {name: curves.reliability(known, name, RIGHT) for name in sure}
        yield Drawing("Reliability", drawings.draw_reliability(bins), "Bins of equally many cases, Wilson intervals.")
    accepted = _accepted(known)
    if accepted:
        told = known.select(said=_words(accepted, accepted, f"not {accepted}"), people=_words(RIGHT, "right", "wrong"))
        told = told.drop_nulls()
        yield Drawing("Sent out against people's verdict", drawings.draw_confusion(curves.confusion(told)))


def _slices(cases: pl.DataFrame) -> Iterator[Table]:
    """Means of the yes/no columns for each part of each slice column."""
    columns = [name for name in cases.columns if _is_yes_no(cases, name)][:MOST_COLUMNS]
    lines = [
        (column, str(part[column][0]), part.height, *(part[name].cast(pl.Float64).mean() for name in columns))
        for column, kind in cases.schema.items()
        if kind == pl.String and column not in ("case_id", "group")
        if 1 < cases[column].n_unique() <= MOST_PARTS
        for part in cases.filter(pl.col(column) != "").partition_by(column, maintain_order=True)
        if part.height >= LEAST_IN_A_SLICE
    ]
    if columns and lines:
        note = f"Shares; parts of at least {LEAST_IN_A_SLICE} cases. `compare` gives intervals for changes by slice."
        yield Table(SLICED, ("slice", "part", "n", *columns), tuple(lines), note)


def _worst(cases: pl.DataFrame) -> Iterator[Table]:
    """Wrong outputs that would go out; without a decision, all wrong ones; the surest first."""
    if not _is_yes_no(cases, RIGHT):
        return
    accepted, sure = _accepted(cases), sureness(cases)[:1]
    wrong = cases.filter(~pl.col(RIGHT) & (pl.col(accepted) if accepted else pl.lit(value=True)))
    if wrong.is_empty():
        return
    order = [*(pl.col(name).neg() for name in sure), pl.col("case_id")]
    shown = wrong.sort(order, nulls_last=True).head(CASES_SHOWN)
    what = "would go out and are wrong" if accepted else "are wrong"
    note = f"{wrong.height:,} of {cases.height:,} cases {what}" + (f"; the highest {sure[0]} first." if sure else ".")
    yield Table(WORST, tuple(shown.columns), tuple(shown.rows()), note)


def _accepted(cases: pl.DataFrame) -> str:
    return next((name for name in ACCEPTED if _is_yes_no(cases, name)), "")


def _is_yes_no(cases: pl.DataFrame, name: str) -> bool:
    return name in cases.columns and cases[name].dtype == pl.Boolean


def _words(column: str, yes: str, no: str) -> pl.Expr:
    said = pl.when(pl.col(column)).then(pl.lit(yes)).otherwise(pl.lit(no))
    return pl.when(pl.col(column).is_not_null()).then(said)
