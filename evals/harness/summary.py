"""From the rows of a run to what a report shows: rates, coverage and risk, how good the confidence is, worst cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from evals.harness.cases import SLICES, Dataset
from evals.harness.metrics import aurc, auroc, mean_by_group, measure, rate
from evals.reporting import curves, drawings
from evals.suite import Drawing, Measure, SuiteResult, Table

LEAST_IN_A_SLICE = 20
WORST_SHOWN = 25
# Scorers that say whether the output itself is right, the best first; with people's label none is needed.
SAYS_RIGHT = ("correct", "exact", "contains")


def summarise(name: str, data: Dataset, rows: Sequence[Mapping[str, Any]], seed: int = 0) -> SuiteResult:
    """Sum a run up.

    Args:
        name: of the run.
        data: the cases it is about.
        rows: of `run_cases`.
        seed: of the bootstrap.
    """
    frame = cases_of(rows, data)
    numeric = [column for column in score_columns(rows, frame) if frame[column].dtype != pl.String]
    measures = [rate(frame, column, seed=seed) for column in numeric if frame[column].null_count() < frame.height]
    measures += _decisions(frame, seed)
    measures += _confidence(frame, seed)
    if any(row["error"] for row in rows):
        measures.append(rate(frame, "crashed", higher_is_better=False, seed=seed))
    notes = [f"{data.describe()}; {len(rows):,} of {data.n:,} cases done"]
    notes += _problems(rows)
    kept = [each for each in frame.columns if each != "people" and frame[each].null_count() < frame.height]
    return SuiteResult(
        suite=name,
        measures=tuple(measures),
        tables=tuple(_tables(frame, numeric, data, rows, seed)),
        drawings=tuple(_drawings(frame)),
        cases=frame.select(kept),
        notes=tuple(notes),
    )


def cases_of(rows: Sequence[Mapping[str, Any]], data: Dataset) -> pl.DataFrame:
    """The rows as a frame: case_id, group, slices, accepted, confidence, cost_usd, crashed, a column a scorer, right.

    `right` says whether the output itself is right: people's label, else the first of `SAYS_RIGHT` that was run.
    """
    scorers = dict.fromkeys(name for row in rows for name in row["scores"])
    records = [
        {
            **{key: row.get(key) for key in ("case_id", "group", *SLICES, "accepted", "confidence")},
            "cost_usd": None if row["cost_usd"] is None else float(row["cost_usd"]),
            "crashed": bool(row["error"]),
            **{name: _value(row["scores"].get(name)) for name in scorers},
        }
        for row in rows
    ]
    known = {"case_id": pl.String, "group": pl.String, "accepted": pl.Boolean, "confidence": pl.Float64}
    frame = pl.DataFrame(records, schema_overrides=known, infer_schema_length=None, strict=False)
    frame = frame.join(data.frame.select("case_id", people="label"), on="case_id", how="left", maintain_order="left")
    fallback = [pl.col(each) for each in SAYS_RIGHT if each in scorers and frame[each].dtype == pl.Boolean]
    return frame.with_columns(right=pl.coalesce(pl.col("people"), *fallback))


def score_columns(rows: Iterable[Mapping[str, Any]], frame: pl.DataFrame) -> list[str]:
    """The names of the scorers that gave at least one value."""
    names = dict.fromkeys(name for row in rows for name in row["scores"])
    return [name for name in names if frame[name].null_count() < frame.height]


def _decisions(frame: pl.DataFrame, seed: int) -> list[Measure]:
    decided = frame.filter(pl.col("accepted").is_not_null())
    if decided.is_empty():
        return []
    found = [rate(decided, "accepted", "coverage", higher_is_better=None, seed=seed)]
    let_out = decided.filter(pl.col("accepted") & pl.col("right").is_not_null())
    if let_out.height:
        wrong = let_out.with_columns(wrong=~pl.col("right"))
        everything = decided.filter(pl.col("right").is_not_null())["right"].cast(pl.Float64).mean()
        base = f"wrong among all {1 - float(str(everything)):.3f}"
        found.append(rate(wrong, "wrong", "wrong among accepted", higher_is_better=False, baseline=base, seed=seed))
    return found


def _confidence(frame: pl.DataFrame, seed: int) -> list[Measure]:
    held = frame.select("group", "confidence", "right").drop_nulls()
    if held["right"].n_unique() < 2:
        return []
    score, right = held["confidence"].to_numpy(), held["right"].cast(pl.Float64).to_numpy()
    groups = held["group"].to_list()
    wrong = mean_by_group(1 - right, [1.0] * held.height, groups, seed=seed).value
    return [
        measure("AUROC", auroc(score, right, groups, seed=seed), held.height, baseline="chance .500"),
        measure(
            "AURC",
            aurc(score, right, groups, seed=seed),
            held.height,
            higher_is_better=False,
            baseline=f"in any order {wrong:.3f}",
        ),
    ]


def _problems(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    crashed = [row for row in rows if row["error"]]
    notes = []
    if crashed:
        notes.append(f"{len(crashed)} cases crashed in the target, the first: {cut(crashed[0]['error'], 200)}")
    failed = [(name, score["error"]) for row in rows for name, score in row["scores"].items() if score.get("error", "")]
    if failed:
        notes.append(f"{len(failed)} scores crashed, the first: {failed[0][0]}: {cut(failed[0][1], 200)}")
    return notes


def _tables(
    frame: pl.DataFrame, numeric: Sequence[str], data: Dataset, rows: Sequence[Mapping[str, Any]], seed: int
) -> Iterable[Table]:
    lines = [
        (column, slice_, value, found.n, found.value, found.low, found.high)
        for column in numeric
        for slice_ in SLICES
        for value, part in _parts(frame, slice_)
        for found in [rate(part, column, seed=seed)]
    ]
    if lines:
        note = f"Slices of at least {LEAST_IN_A_SLICE} cases; 95 % intervals, one at a time."
        yield Table("By slice", ("score", "slice", "value", "n", "mean", "low", "high"), tuple(lines), note)
    yield from _worst(frame, data, rows)


def _parts(frame: pl.DataFrame, slice_: str) -> list[tuple[str, pl.DataFrame]]:
    parts = frame.filter(pl.col(slice_) != "").partition_by(slice_, maintain_order=True)
    large = [(str(part[slice_][0]), part) for part in parts if part.height >= LEAST_IN_A_SLICE]
    return large if len(large) > 1 else []


def _worst(frame: pl.DataFrame, data: Dataset, rows: Sequence[Mapping[str, Any]]) -> Iterable[Table]:
    """Wrong outputs, those that would go out first, then the most confident."""
    wrong = frame.filter(~pl.col("right")).sort(
        pl.col("accepted").fill_null(value=False),
        "confidence",
        "case_id",
        descending=[True, True, False],
        nulls_last=True,
    )
    if wrong.is_empty():
        return
    chosen = wrong.head(WORST_SHOWN)
    texts = {
        row["case_id"]: row
        for row in data.frame.filter(pl.col("case_id").is_in(chosen["case_id"].to_list())).to_dicts()
    }
    made = {row["case_id"]: row for row in rows}
    lines = tuple(_worst_line(row, texts[row["case_id"]], made[row["case_id"]]) for row in chosen.to_dicts())
    columns = ("case_id", "query", "output", "reference", "accepted", "confidence", "reason")
    yield Table("Worst cases", columns, lines, f"{wrong.height} wrong outputs; accepted and most confident first.")


def _worst_line(row: Mapping[str, Any], case: Mapping[str, Any], made: Mapping[str, Any]) -> tuple[Any, ...]:
    texts = (cut(case[column] or "", 200) for column in ("query", "output", "reference"))
    return (row["case_id"], *texts, row["accepted"], row["confidence"], cut(made["reason"] or "", 120))


def _drawings(frame: pl.DataFrame) -> Iterable[Drawing]:
    if frame.select("confidence", "right").drop_nulls().height:
        risk = {"confidence": curves.risk_coverage(frame)}
        yield Drawing("Risk against coverage", drawings.draw_risk_coverage(risk))
        bins = {"confidence": curves.reliability(frame)}
        yield Drawing("Reliability", drawings.draw_reliability(bins), "Bins of equally many cases, Wilson intervals.")
    told = frame.select(
        said=pl.col("accepted").replace_strict(
            {True: "accepted", False: "held back"}, default=None, return_dtype=pl.String
        ),
        people=pl.col("right").replace_strict({True: "right", False: "wrong"}, default=None, return_dtype=pl.String),
    ).drop_nulls()
    if told.height:
        yield Drawing("Accepted against people's verdict", drawings.draw_confusion(curves.confusion(told)))


def _value(score: Mapping[str, Any] | None) -> Any:
    return None if score is None else score["value"]


def cut(text: str, characters: int) -> str:
    """The beginning of a text."""
    return text if len(text) <= characters else text[:characters] + "…"
