"""A Dataset from an evaluator's own file: JSONL, CSV or Parquet, with a mapping from fields to columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from evals.harness.cases import SCHEMA, Dataset, dataset, text_key
from hitl_core.domain.errors import InputError, did_you_mean, shorten
from hitl_core.integrations.mapping import look_up
from hitl_core.integrations.readers import open_source
from hitl_core.integrations.rows import Row
from hitl_core.integrations.values import passages, plain

FIELDS = ("id", "group", "query", "context", "output", "label", "reference", "confidence", "domain", "model")
YES = frozenset("true yes y 1 correct right good approve approved pass acceptable".split())
NO = frozenset("false no n 0 incorrect wrong bad reject rejected fail unacceptable".split())


def read_dataset(path: Path, mapping: Mapping[str, str] | None = None, name: str = "") -> Dataset:
    """Read a file of cases.

    A field that is not mapped takes the column of its own name. Without `id` a case is named by its content; without
    `group` each query is a group. Columns that are no field stay under their own names where they are text or numbers.

    Args:
        path: JSONL, CSV, TSV, Parquet or JSON.
        mapping: field to column (or a dotted path into one).
        name: of the set; by default the file's.

    Raises:
        InputError: the file cannot be read, a field or column is unknown, or a row cannot be used (names its line).
    """
    mapping = dict(mapping or {})
    for field in mapping:
        if field not in FIELDS:
            raise InputError(f"--map {field}: no such field{did_you_mean(field, FIELDS)}; fields: {', '.join(FIELDS)}")
    source = open_source(path)
    rows = [_values(path, row) for row in source.rows()]
    if not rows:
        raise InputError(f"{path} holds no rows")
    columns = list(dict.fromkeys(column for _, values in rows for column in values))
    for field, column in mapping.items():
        if column not in columns and all(look_up(values, column) is None for _, values in rows):
            raise InputError(
                f"--map {field}={column}: there is no column {column!r}{did_you_mean(column, columns)}; "
                f"the columns are: {', '.join(columns)}"
            )
    sources = {field: mapping.get(field, field) for field in FIELDS}
    taken = set(sources.values()) | set(SCHEMA)
    kept = [column for column in columns if column not in taken and _is_scalar(rows, column)]
    records = [_record(path, line, values, sources, kept) for line, values in rows]
    known = {column: kind for column, kind in SCHEMA.items() if column != "length"}
    frame = pl.DataFrame(records, schema_overrides=known, infer_schema_length=None)
    return dataset(name or path.stem, frame, source=path.name, grouped_by=mapping.get("group", "query"))


def as_label(value: Any) -> bool | None:
    """Read yes/no in the words people use for it; None where nothing was given.

    Raises:
        ValueError: it is neither.
    """
    if value is None or isinstance(value, bool):
        return value
    text = str(value).strip().casefold().removesuffix(".0")
    if text in ("", "nan", "none", "null"):
        return None
    if text in YES:
        return True
    if text in NO:
        return False
    raise ValueError(f"label {shorten(value)}: expected yes/no, true/false, 1/0, correct/incorrect, approve/reject")


def _values(path: Path, row: Row) -> tuple[int, dict[str, Any]]:
    if row.values is None:
        raise InputError(f"{path} line {row.line} {row.problem}")
    return row.line, row.values


def _record(
    path: Path, line: int, values: Mapping[str, Any], sources: Mapping[str, str], kept: list[str]
) -> dict[str, Any]:
    given = {field: look_up(values, column) for field, column in sources.items()}
    try:
        record: dict[str, Any] = {
            "context": [_text(each) for each in passages(given["context"] or [], Counter())],
            "label": as_label(given["label"]),
            "confidence": _number(given["confidence"]),
        }
    except ValueError as error:
        raise InputError(f"{path} line {line}: {error}") from None
    texts = ("query", "output", "reference", "domain", "model")
    record |= {field: None if given[field] is None else _text(given[field]) for field in texts}
    content = (record["query"], record["output"], *record["context"])
    record["case_id"] = _text(given["id"]) if given["id"] not in (None, "") else f"{line}:{text_key(*content)}"
    record["group"] = _text(given["group"]) if given["group"] not in (None, "") else text_key(record["query"])
    return record | {column: plain(values.get(column)) for column in kept}


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("text", ""))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _number(value: Any) -> float | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"confidence {shorten(value)} is not a number") from None


def _is_scalar(rows: list[tuple[int, dict[str, Any]]], column: str) -> bool:
    """Whether a column holds one kind of text or number throughout."""
    kinds = {type(values[column]) for _, values in rows if values.get(column) is not None}
    return len(kinds) == 1 and kinds <= {str, int, float, bool}
