"""Case and Dataset: what is evaluated, with the group that keeps dependent cases together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl

from evals.suite import plain
from hitl_core.domain.errors import InputError

# Cuts of the slice `length`, in words of the output; fixed, so that slices mean the same in every run.
SHORT_WORDS, MEDIUM_WORDS = 20, 100
SLICES = ("domain", "model", "length")
# The columns every frame of a Dataset has; others follow under their own names.
SCHEMA: dict[str, Any] = {
    "case_id": pl.String,
    "group": pl.String,
    "query": pl.String,
    "context": pl.List(pl.String),
    "output": pl.String,
    "label": pl.Boolean,
    "reference": pl.String,
    "confidence": pl.Float64,
    "domain": pl.String,
    "model": pl.String,
    "length": pl.String,
}


@dataclass(frozen=True)
class Case:
    """One thing to evaluate.

    Attributes:
        id: unique in its data set.
        group: cases of one group (a question, a document) are dependent: they are split and resampled together.
        inputs: what a target gets, such as `query`, `context` (list of texts), `output`, `confidence`.
        expected: what the output is held against: a label, a text; None where there is none.
        slices: name to value, such as `domain`, `model`, `length`.
    """

    id: str
    group: str
    inputs: Mapping[str, Any]
    expected: Any = None
    slices: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """Cases as a polars frame, with where they are from.

    Attributes:
        name: of the set.
        frame: the columns of `SCHEMA` (label: is the output good, by people; null where they did not say), then the
            set's own columns under their own names. One row a case.
        source: who made it, with its licence.
        grouped_by: what a group is, such as "question".
    """

    name: str
    frame: pl.DataFrame
    source: str = ""
    grouped_by: str = "case"

    @property
    def n(self) -> int:
        """Number of cases."""
        return self.frame.height

    @property
    def groups(self) -> int:
        """Number of groups."""
        return self.frame["group"].n_unique()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the cases, whatever file format or order they came in."""
        lines = sorted(
            json.dumps(plain(row), sort_keys=True, ensure_ascii=False) for row in self.frame.iter_rows(named=True)
        )
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def cases(self) -> Iterator[Case]:
        """The rows as cases; expected is the label, or the reference text where there is no label."""
        for row in self.frame.iter_rows(named=True):
            slices = {name: row.pop(name) or "" for name in SLICES}
            identity, group = row.pop("case_id"), row.pop("group")
            label, reference = row.pop("label"), row.get("reference")
            row |= {"domain": slices["domain"], "model": slices["model"]}
            yield Case(identity, group, row, reference if label is None else label, slices)

    def labelled(self) -> Dataset:
        """Only the cases that people labelled."""
        return self.only(pl.col("label").is_not_null())

    def only(self, condition: pl.Expr) -> Dataset:
        """Only the cases for which a condition holds."""
        return Dataset(self.name, self.frame.filter(condition), self.source, self.grouped_by)

    def limited(self, groups: int | None, seed: int = 0) -> Dataset:
        """At most so many groups, drawn by a seeded hash of the group's name; the cases keep their order."""
        if groups is None or groups >= self.groups:
            return self
        names = sorted(self.frame["group"].unique().to_list(), key=lambda name: place(name, seed))
        return self.only(pl.col("group").is_in(names[:groups]))

    def describe(self) -> str:
        """One line such as "openqa_eval: 1,490 cases in 301 questions"."""
        return f"{self.name}: {self.n:,} cases in {self.groups:,} groups ({self.grouped_by})"


def dataset(name: str, frame: pl.DataFrame, *, source: str = "", grouped_by: str = "case") -> Dataset:
    """Complete a frame to a Dataset: missing columns of `SCHEMA` become empty, `length` is counted from the output.

    Args:
        name: of the set.
        frame: needs `case_id`; `group` is the case itself where it is missing.
        source: who made it, with its licence.
        grouped_by: what a group is.

    Raises:
        InputError: `case_id` is missing, empty or twice there.
    """
    if "case_id" not in frame.columns:
        raise InputError(f"{name}: a data set needs a column case_id")
    if "group" not in frame.columns:
        frame = frame.with_columns(group=pl.col("case_id"))
    absent = [pl.lit(None, dtype=kind).alias(column) for column, kind in SCHEMA.items() if column not in frame.columns]
    frame = frame.with_columns(absent).with_columns(
        pl.col("case_id", "group").cast(pl.String),
        pl.col("query", "output", "domain", "model").cast(pl.String).fill_null(""),
        pl.col("context").fill_null([]),
    )
    frame = frame.with_columns(length=pl.coalesce("length", length_slice(pl.col("output"))))
    _refuse_bad_ids(name, frame["case_id"])
    order = [*SCHEMA, *(column for column in frame.columns if column not in SCHEMA)]
    return Dataset(name, frame.select(order), source, grouped_by)


def length_slice(text: pl.Expr) -> pl.Expr:
    """Short, medium or long, by the number of words."""
    words = text.str.count_matches(r"\S+")
    return (
        pl.when(words <= SHORT_WORDS)
        .then(pl.lit(f"short (≤ {SHORT_WORDS} words)"))
        .when(words <= MEDIUM_WORDS)
        .then(pl.lit(f"medium (≤ {MEDIUM_WORDS} words)"))
        .otherwise(pl.lit(f"long (> {MEDIUM_WORDS} words)"))
    )


def place(name: str, seed: int) -> str:
    """Where a group stands in a seeded order: a hash, so that it does not depend on the other groups."""
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def text_key(*texts: str | None) -> str:
    """A short name for a text, the same in every run: for groups that are told by their text."""
    return hashlib.sha256("\x1f".join(text or "" for text in texts).encode()).hexdigest()[:16]


def text_keys(values: Iterable[str | None]) -> pl.Series:
    """`text_key` of each value."""
    return pl.Series([text_key(value) for value in values], dtype=pl.String)


def _refuse_bad_ids(name: str, ids: pl.Series) -> None:
    if ids.null_count():
        raise InputError(f"{name}: {ids.null_count()} cases have no case_id")
    twice = ids.filter(ids.is_duplicated())
    if twice.len():
        raise InputError(f"{name}: case_id {twice[0]!r} is there {ids.eq(twice[0]).sum()} times; it must be unique")
