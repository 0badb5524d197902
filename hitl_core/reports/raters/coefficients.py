"""Agreement of many raters from counts of labels an item, and of each two raters; quick because equal items are one.

Public: `coefficients`, `alpha_by`, `alpha_by_reason`, `pairs`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import orjson
import polars as pl

from hitl_core.agreement import (
    Agreement,
    Ratings,
    conger_kappa,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
    percent_agreement,
)
from hitl_core.reports.raters.opinions import JUDGE, PERSON, RIGHT, WRONG

OUTCOMES = (RIGHT, WRONG)
VERDICTS = ("approve", "edit", "reject")
COEFFICIENTS: dict[str, Callable[..., Agreement]] = {
    "Krippendorff's alpha": krippendorff_alpha,
    "Gwet's AC1": gwet_ac1,
    "Fleiss' kappa": fleiss_kappa,
    "percent agreement": percent_agreement,
}
MOST_RATERS = 25
MOST_GROUPS = 400
_NUMBERS = ("value", "low", "high", "agreement", "base_rate")
_KINDS: dict[str, Any] = dict.fromkeys(_NUMBERS, pl.Float64) | {
    "n": pl.Int64,
    "band": pl.String,
    "warning": pl.String,
}


def coefficients(opinions: pl.DataFrame, *, level: float = 0.95) -> pl.DataFrame:
    """Return every coefficient: for people on right and wrong, on the three verdicts, and with the judges together.

    Args:
        opinions: independent opinions, one row a rater and item.
        level: of the intervals.

    Returns:
        Columns who, labels, coefficient, value, low, high, band, n (items with two opinions), agreement (observed),
        base_rate, warning.
    """
    people = opinions.filter(pl.col("rater_kind") == PERSON)
    asked = [
        ("people", "right or wrong", people, "label", OUTCOMES),
        ("people", "verdict", people, "verdict", VERDICTS),
    ]
    if people.height < opinions.height:
        asked.append(("people and judges", "right or wrong", opinions, "label", OUTCOMES))
    rows = []
    for who, name, chosen, column, labels in asked:
        read = _ratings(_counts(chosen, column, labels), len(labels), labels)
        for coefficient, measure in COEFFICIENTS.items():
            found = measure(read, confidence=level)
            rows.append({"who": who, "labels": name, "coefficient": coefficient} | _row(found))
    return pl.DataFrame(rows, schema_overrides=_KINDS).with_columns(pl.col(_NUMBERS).fill_nan(None))


def alpha_by(opinions: pl.DataFrame, group: pl.Expr, *, level: float = 0.95) -> pl.DataFrame:
    """Return Krippendorff's alpha of right and wrong for each group of items.

    Args:
        opinions: independent opinions.
        group: of each opinion; an item belongs to the first of its opinions' groups.
        level: of the intervals.

    Returns:
        Columns group, value, low, high, band, n, agreement, base_rate, warning; groups in order, those without an item
        that has two opinions left out.
    """
    counts = _counts(opinions, "label", OUTCOMES, group)
    return _by_group(counts, level)


def alpha_by_reason(opinions: pl.DataFrame, *, level: float = 0.95) -> pl.DataFrame:
    """Return alpha of citing a reason code or not, for each code, over items with two opinions of people.

    Columns as `alpha_by`, and cited: opinions that name the code.
    """
    people = opinions.filter(pl.col("rater_kind") == PERSON)
    codes = {text: set(orjson.loads(text)) for text in people["reasons"].unique().to_list()}
    rows = []
    for code in sorted(set().union(*codes.values())):
        named = [text for text, given in codes.items() if code in given]
        marked = people.with_columns(
            pl.when(pl.col("reasons").is_in(named)).then(pl.lit(RIGHT)).otherwise(pl.lit(WRONG)).alias("label")
        )
        found = _by_group(_counts(marked, "label", OUTCOMES, pl.lit(str(code))), level)
        rows.append(found.with_columns(pl.lit(int((marked["label"] == RIGHT).sum())).alias("cited")))
    return pl.concat(rows) if rows else _empty().with_columns(pl.lit(0).alias("cited"))


def pairs(opinions: pl.DataFrame, *, level: float = 0.95, most: int = MOST_RATERS) -> pl.DataFrame:
    """Return Cohen's kappa of each two raters, people and judges alike, of those with the most opinions.

    Returns:
        Columns rater_a, rater_b, value, low, high, band, n, agreement, base_rate, warning; pairs without a common item
        are left out.
    """
    busiest = opinions.group_by("rater_id").len().sort("len", "rater_id", descending=[True, False]).head(most)
    chosen = opinions.filter(pl.col("rater_id").is_in(busiest["rater_id"].implode()))
    short = chosen.select("task_id", pl.col("rater_id").cast(pl.Categorical), pl.col("label") == RIGHT)
    both = short.join(short, on="task_id", suffix="_b").filter(
        pl.col("rater_id").to_physical() < pl.col("rater_id_b").to_physical()
    )
    cells = both.group_by("rater_id", "rater_id_b", "label", "label_b").len()
    rows = []
    for (one, other), table in cells.group_by("rater_id", "rater_id_b"):
        first, second = sorted((str(one), str(other)))
        swapped = first != str(one)
        codes = np.column_stack([~table["label"].to_numpy(), ~table["label_b"].to_numpy()]).astype(np.int64)
        units = table["len"].to_numpy().astype(np.float64)
        read = Ratings(codes[:, ::-1] if swapped else codes, units, OUTCOMES, (first, second), ordered=False)
        rows.append({"rater_a": first, "rater_b": second} | _row(conger_kappa(read, confidence=level)))
    kinds = {"rater_a": pl.String, "rater_b": pl.String} | _KINDS
    schema = ("rater_a", "rater_b", *_order())
    frame = pl.DataFrame(rows, schema_overrides=kinds) if rows else pl.DataFrame(schema={n: kinds[n] for n in schema})
    return frame.with_columns(pl.col(_NUMBERS).fill_nan(None)).sort("rater_a", "rater_b")


def kind_of(rater: str) -> str:
    """Return whether a rater is a person or a judge."""
    return JUDGE if rater.startswith(f"{JUDGE}:") else PERSON


def _counts(opinions: pl.DataFrame, column: str, labels: Sequence[str], group: pl.Expr | None = None) -> pl.DataFrame:
    """How many items show each combination of label counts: group, one column a label, units; two opinions at least."""
    given = opinions.with_columns((pl.lit("") if group is None else group).alias("group"))
    tallied = [(pl.col(column) == label).sum().alias(f"label_{at}") for at, label in enumerate(labels)]
    items = given.group_by("task_id").agg(pl.col("group").first(), *tallied)
    names = [f"label_{at}" for at in range(len(labels))]
    several = items.filter(pl.sum_horizontal(names) >= 2)
    return several.group_by("group", *names).agg(pl.len().alias("units")).sort("group", *names)


def _by_group(counts: pl.DataFrame, level: float) -> pl.DataFrame:
    rows = []
    for (group,), table in counts.drop_nulls("group").group_by("group", maintain_order=True):
        read = _ratings(table, len(OUTCOMES), OUTCOMES)
        rows.append({"group": str(group)} | _row(krippendorff_alpha(read, confidence=level)))
    if not rows:
        return _empty()
    frame = pl.DataFrame(rows[-MOST_GROUPS:], schema_overrides={"group": pl.String} | _KINDS)
    return frame.with_columns(pl.col(_NUMBERS).fill_nan(None))


def _empty() -> pl.DataFrame:
    return pl.DataFrame(schema={"group": pl.String} | {name: _KINDS[name] for name in _order()})


def _ratings(table: pl.DataFrame, width: int, labels: Sequence[str]) -> Ratings:
    """Items with the same counts as one row of codes, which is all that coefficients without names need."""
    counts = table.select(f"label_{at}" for at in range(width)).to_numpy().astype(np.int64)
    columns = max(2, int(counts.sum(axis=1).max(initial=0)))
    codes = np.full((len(counts), columns), -1, dtype=np.int64)
    for row, each in enumerate(counts):
        codes[row, : each.sum()] = np.repeat(np.arange(width), each)
    return Ratings(codes, table["units"].to_numpy().astype(np.float64), tuple(labels), (), ordered=False)


def _order() -> tuple[str, ...]:
    return ("value", "low", "high", "band", "n", "agreement", "base_rate", "warning")


def _row(found: Agreement) -> dict[str, Any]:
    values = (found.value, found.low, found.high, found.band, found.n, found.observed, found.base_rate, found.warning)
    return dict(zip(_order(), values, strict=True))
