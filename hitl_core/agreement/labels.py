"""Labels of any kind as codes: texts, numbers, booleans; None, null and NaN are missing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hitl_core.domain.errors import InputError, did_you_mean

LONG_COLUMNS = ("task_id", "rater_id", "label")


def require_columns(frame: pl.DataFrame, columns: Iterable[str]) -> None:
    """Refuse a frame that lacks a column.

    Raises:
        InputError: names the missing columns and the ones that are there.
    """
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise InputError(
            f"the frame lacks the columns {', '.join(missing)}; it has {', '.join(frame.columns) or 'none'}"
        )


def long_frame(given: Any) -> pl.DataFrame | None:
    """Return the long frame where that is what was given (of polars, lazy or not, of pandas, a mapping), else None."""
    if isinstance(given, pl.LazyFrame):
        given = given.collect()
    if isinstance(given, pl.DataFrame):
        return given
    names = given if isinstance(given, Mapping) else getattr(given, "columns", ())
    if not {"task_id", "rater_id", "label"} <= set(names):
        return None
    kept = [name for name in (*LONG_COLUMNS, "created_at") if name in names]
    columns = {name: [None if is_missing(each) else each for each in _cells(given[name])] for name in kept}
    try:
        return pl.DataFrame(columns, strict=True)
    except (TypeError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"the frame's columns must be of one length and hold one kind of value each; {error}"
        ) from error


def _cells(column: Any) -> list[Any]:
    return list(column.tolist() if hasattr(column, "tolist") else column)


def code_values(values: NDArray[Any]) -> tuple[NDArray[np.int64], list[Any]]:
    """Return codes (-1 for a missing value) and the labels they stand for, for a flat array."""
    if values.dtype.kind in "fiub":
        present = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(values.shape, dtype=bool)
        labels, inverse = np.unique(values[present], return_inverse=True)
        codes = np.full(values.shape, -1, dtype=np.int64)
        codes[present] = inverse
        return codes, labels.tolist()
    known: dict[Any, int] = {}
    try:
        listed = [-1 if is_missing(each) else known.setdefault(each, len(known)) for each in values.tolist()]
    except TypeError as error:
        raise InputError("a label must be a text, a number or a boolean") from error
    return np.array(listed, dtype=np.int64), list(known)


def code_column(column: pl.Series) -> tuple[NDArray[np.int64], list[Any]]:
    """Return codes (-1 for null or NaN) and the values they stand for, sorted, for a column of a frame."""
    if column.dtype.is_float():
        column = column.fill_nan(None)
    if column.dtype.is_nested() or column.dtype == pl.Object:
        raise InputError("a label must be a text, a number or a boolean, and so must the id of a task or a rater")
    values = column.drop_nulls().unique().sort()
    if values.is_empty():
        return np.full(len(column), -1, dtype=np.int64), []
    if len(values) == len(column):
        codes = column.rank("ordinal") - 1
    else:
        table = pl.DataFrame({"value": values, "code": np.arange(len(values))})
        codes = pl.DataFrame({"value": column}).join(table, on="value", how="left", maintain_order="left")["code"]
    return codes.cast(pl.Int64).fill_null(-1).to_numpy(), values.to_list()


def place(labels: Sequence[Any], categories: Sequence[Any] | None) -> tuple[tuple[Any, ...], NDArray[np.int64]]:
    """Order the labels: return the categories and the position of each label among them.

    Raises:
        InputError: a label is not one of the categories that were named, or these repeat one.
    """
    if categories is None and (values := _as_numbers(labels)) is not None:
        order = np.argsort(values, kind="stable")
        return tuple(labels[index] for index in order.tolist()), np.argsort(order, kind="stable")
    named = tuple(_sorted(labels)) if categories is None else tuple(categories)
    position = {label: index for index, label in enumerate(named)}
    if len(position) != len(named):
        raise InputError("categories names a label twice")
    for label in labels:
        if label not in position:
            near = did_you_mean(str(label), [str(each) for each in named])
            raise InputError(f"the label {label!r} is not one of the categories{near}")
    return named, np.array([position[label] for label in labels], dtype=np.int64)


def is_ordered(categories: Sequence[Any]) -> bool:
    """Whether every category is a number, written as one or as a text."""
    return _as_numbers(categories) is not None or all(_number(each) is not None for each in categories)


def numbers(categories: Sequence[Any]) -> NDArray[np.float64]:
    """Return the categories as numbers.

    Raises:
        InputError: one of them is none.
    """
    if (quick := _as_numbers(categories)) is not None:
        return quick
    values = [_number(each) for each in categories]
    for category, value in zip(categories, values, strict=True):
        if value is None:
            raise InputError(f"this level of measurement needs numbers; got the label {category!r}")
    return np.array(values, dtype=np.float64)


def _sorted(labels: Sequence[Any]) -> list[Any]:
    if is_ordered(labels):
        return sorted(labels, key=lambda label: (_number(label), str(label)))
    return sorted(labels, key=lambda label: (type(label).__name__, label))


def _as_numbers(labels: Sequence[Any]) -> NDArray[np.float64] | None:
    """The labels as numbers if all are finite ones; a hundred thousand distinct values are common for scores."""
    if not all(isinstance(label, int | float) for label in labels):
        return None
    values = np.array(labels, dtype=np.float64)
    return values if np.isfinite(values).all() else None


def _number(label: Any) -> float | None:
    try:
        value = float(label)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


def is_missing(value: Any) -> bool:
    """Whether a cell holds no label."""
    try:
        return value is None or bool(value != value)  # NaN is the one value that differs from itself
    except (TypeError, ValueError):  # pandas' NA says neither yes nor no
        return type(value).__name__ == "NAType"
