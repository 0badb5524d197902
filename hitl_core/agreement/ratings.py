"""One reading of ratings for every coefficient: an array of units × raters, or the long frame.

Equal rows are kept once with the number of units that show them, so a coefficient's cost is that of the distinct rows,
and the bootstrap resamples those numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from hitl_core.agreement.labels import (
    LONG_COLUMNS,
    code_column,
    code_values,
    is_ordered,
    long_frame,
    place,
    require_columns,
)
from hitl_core.domain.errors import InputError

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
MISSING = -1
# Rows are compared through one number each; beyond this many possible rows it would not fit 64 bits.
LARGEST_KEY = 2**62


@dataclass(frozen=True, slots=True)
class Ratings:
    """Ratings as codes of categories.

    Attributes:
        codes: shape (distinct rows, raters); the position of the label in `categories`, -1 where a cell is missing.
        units: shape (distinct rows,); how many units show the row. Units without a rating are not counted.
        categories: the labels in order.
        raters: names of the columns; empty if columns are not raters (the frame of many raters is packed).
        ordered: whether the order of `categories` means something: numbers, or the caller named the order.
    """

    codes: IntArray
    units: FloatArray
    categories: tuple[Any, ...]
    raters: tuple[Any, ...]
    ordered: bool

    def reweighted(self, units: FloatArray) -> Ratings:
        """Return the same rows with other numbers of units, for resampling; rows with none are dropped."""
        seen = units > 0
        return replace(self, codes=self.codes[seen], units=units[seen])


LabelsLike: TypeAlias = "ArrayLike | Sequence[Any] | pl.Series"
RatingsLike: TypeAlias = (
    "ArrayLike | Sequence[Sequence[Any]] | pl.DataFrame | pl.LazyFrame | Mapping[str, Sequence[Any]] | Ratings"
)


def read_ratings(
    ratings: RatingsLike, *, categories: Sequence[Any] | None = None, keep_raters: bool = False
) -> Ratings:
    """Read ratings once, to give them to several coefficients.

    Args:
        ratings: an array or list of lists (units × raters) with None or NaN for a missing cell; or the long frame
            with columns task_id, rater_id, label and, if raters changed their minds, created_at: the last label of a
            rater on a task counts. Null labels are missing.
        categories: all labels in their order; by default those that occur, sorted.
        keep_raters: for a frame, give each rater a column of its own instead of packing them to the left.

    Raises:
        InputError: the shape is wrong, a column is missing, there are fewer than two raters, or a label is not one of
            `categories`.
    """
    if isinstance(ratings, Ratings):
        return ratings
    frame = long_frame(ratings)
    if frame is not None:
        codes, labels, raters = _from_frame(frame, keep_raters)
    else:
        codes, labels, raters = _from_array(ratings)
    named, positions = place(labels, categories)
    # The last entry answers for a missing cell, whose code is -1.
    codes = np.append(positions, MISSING)[codes]
    codes, units = _distinct(codes[(codes != MISSING).any(axis=1)], len(named))
    return Ratings(codes, units, named, raters, ordered=categories is not None or is_ordered(named))


def _from_array(ratings: Any) -> tuple[IntArray, list[Any], tuple[Any, ...]]:
    cells = ratings if isinstance(ratings, np.ndarray) else _object_array(ratings)
    if cells.ndim != 2:
        raise InputError(f"ratings must be units × raters (two dimensions), rows of equal length; got {cells.ndim}")
    if cells.shape[1] < 2:
        raise InputError(f"agreement needs at least two raters (columns); got {cells.shape[1]}")
    codes, labels = code_values(cells.ravel())
    return codes.reshape(cells.shape), labels, tuple(range(cells.shape[1]))


def _object_array(ratings: Any) -> NDArray[Any]:
    """Keep None and NaN what they are: a list of texts would turn them into the texts "None" and "nan"."""
    try:
        return np.array(ratings, dtype=object)
    except ValueError as error:
        raise InputError("ratings must be rows of equal length, None for a missing cell") from error


def _from_frame(frame: pl.DataFrame, keep_raters: bool) -> tuple[IntArray, list[Any], tuple[Any, ...]]:
    require_columns(frame, LONG_COLUMNS)
    last = frame.sort("created_at", maintain_order=True) if "created_at" in frame.columns else frame
    task, tasks = code_column(last["task_id"])
    rater, raters = code_column(last["rater_id"])
    label, labels = code_column(last["label"])
    if len(raters) < 2:
        raise InputError(f"agreement needs labels of at least two raters; the frame names {len(raters)}")
    keep = (task >= 0) & (rater >= 0) & (label >= 0)
    task, rater, label = task[keep], rater[keep], label[keep]
    # Written in order of time, so the last label of a rater on a task stays.
    cell, back = np.unique(task * len(raters) + rater, return_inverse=True)
    value = np.empty(cell.size, dtype=np.int64)
    value[back] = label
    task, column = np.divmod(cell, len(raters))
    if not keep_raters:
        start = np.searchsorted(task, np.arange(len(tasks)))
        column = np.arange(cell.size) - start[task]
    width = len(raters) if keep_raters else max(2, int(column.max(initial=0)) + 1)
    codes = np.full((len(tasks), width), MISSING, dtype=np.int64)
    codes[task, column] = value
    return codes, labels, tuple(raters) if keep_raters else ()


def _distinct(codes: IntArray, categories: int) -> tuple[IntArray, FloatArray]:
    """Keep equal rows once, where comparing rows through one number is possible."""
    if not codes.size or (categories + 1) ** codes.shape[1] >= LARGEST_KEY:
        return codes, np.ones(len(codes))
    radix = (categories + 1) ** np.arange(codes.shape[1], dtype=np.int64)
    _, first, units = np.unique((codes + 1) @ radix, return_index=True, return_counts=True)
    return codes[first], units.astype(np.float64)
