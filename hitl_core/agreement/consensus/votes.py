"""Votes as codes: who gave which label to which task, and the sums that every rater model needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import ArrayLike
from polars import selectors
from scipy import sparse

from hitl_core.agreement.labels import LONG_COLUMNS, code_column, long_frame, place, require_columns
from hitl_core.agreement.ratings import MISSING, FloatArray, IntArray
from hitl_core.domain.errors import InputError

VotesLike: TypeAlias = "pl.DataFrame | pl.LazyFrame | Mapping[str, Sequence[Any]] | ArrayLike | Sequence[Sequence[Any]]"
# Whole numbers up to here are exact in a float.
LARGEST_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Votes:
    """All votes; each array has shape (votes,) and holds positions in `tasks`, `raters` and `classes`."""

    task: IntArray
    rater: IntArray
    label: IntArray
    tasks: tuple[Any, ...]
    raters: tuple[Any, ...]
    classes: tuple[Any, ...]

    def shares(self) -> FloatArray:
        """Return the share of each task's votes that each class has, shape (tasks, classes)."""
        size = len(self.tasks) * len(self.classes)
        counts = np.bincount(self.task * len(self.classes) + self.label, minlength=size).astype(np.float64)
        counts = counts.reshape(len(self.tasks), len(self.classes))
        return np.asarray(counts / counts.sum(axis=1, keepdims=True), dtype=np.float64)

    def confusion(self, posterior: FloatArray) -> FloatArray:
        """Return expected counts of label given truth, shape (raters, truths, labels)."""
        return VoteSums(self).confusion(posterior)


def read_votes(votes: VotesLike, *, categories: Sequence[Any] | None = None) -> Votes:
    """Read the long frame (task_id, rater_id, label, …) or an array of tasks × raters.

    Every row of the frame is a vote: a rater who labelled a task twice has two, as in Dawid and Skene's data. Drop
    superseded labels first if that is not meant. Tasks without a vote are left out.

    Raises:
        InputError: a column is missing, there is no vote, or a label is not one of `categories`.
    """
    frame = long_frame(votes)
    if frame is None:
        frame = _long(votes)
    require_columns(frame, LONG_COLUMNS)
    frame = frame.select(LONG_COLUMNS).with_columns(selectors.float().fill_nan(None)).drop_nulls()
    if frame.is_empty():
        raise InputError("there is no label yet, so there is nothing to agree on")
    task, tasks = code_column(frame["task_id"])
    rater, raters = code_column(frame["rater_id"])
    label, labels = code_column(frame["label"])
    classes, positions = place(labels, categories)
    return Votes(task, rater, positions[label], tuple(tasks), tuple(raters), classes)


def _long(votes: Any) -> pl.DataFrame:
    cells = votes if isinstance(votes, np.ndarray) else np.array(votes, dtype=object)
    if cells.ndim != 2:
        raise InputError(f"votes must be the long frame or an array of tasks × raters; got {cells.ndim} dimensions")
    task, rater = np.indices(cells.shape)
    label = pl.Series(cells.ravel().tolist(), strict=False)
    return pl.DataFrame({"task_id": task.ravel(), "rater_id": rater.ravel(), "label": label})


class VoteSums:
    """The two sums of an EM step as sparse products; tasks with the same votes are kept once.

    Attributes:
        weights: shape (distinct,); tasks with these votes.
        back: shape (tasks,); the distinct row of each task.
    """

    def __init__(self, votes: Votes) -> None:
        self._raters, self._classes = len(votes.raters), len(votes.classes)
        first, self.back, self.weights = _distinct(votes)
        row = np.full(len(votes.tasks), MISSING, dtype=np.int64)
        row[first] = np.arange(first.size)
        kept = row[votes.task] != MISSING
        place = (votes.rater * self._classes + votes.label)[kept]
        shape = (first.size, self._raters * self._classes)
        self._votes = sparse.csr_array((np.ones(place.size), (row[votes.task[kept]], place)), shape=shape)
        self._transposed = self._votes.T.tocsr()
        self.first = first

    def log_likelihood(self, log_confusion: FloatArray) -> FloatArray:
        """Return each distinct task's log-likelihood of its votes by class, shape (distinct, classes)."""
        by_vote = log_confusion.transpose(0, 2, 1).reshape(-1, self._classes)
        return np.asarray(self._votes @ by_vote, dtype=np.float64)

    def expected(self, weighted: FloatArray) -> FloatArray:
        """Return summed posteriors by rater, truth and label for distinct tasks that are already weighted."""
        sums = np.asarray(self._transposed @ weighted, dtype=np.float64)
        return sums.reshape(self._raters, self._classes, self._classes).transpose(0, 2, 1)

    def confusion(self, posterior: FloatArray) -> FloatArray:
        """Return the same from posteriors of all tasks, shape (tasks, classes)."""
        size = self.weights.size
        summed = np.column_stack([np.bincount(self.back, column, minlength=size) for column in posterior.T])
        return self.expected(summed.astype(np.float64))


def _distinct(votes: Votes) -> tuple[IntArray, IntArray, FloatArray]:
    """First task, distinct row of each task, and number of tasks of each distinct row."""
    tasks, raters, base = len(votes.tasks), len(votes.raters), len(votes.classes) + 1
    # A rater with two votes on a task has no single digit in its number; few raters keep the count of cells small.
    if base**raters >= LARGEST_EXACT or np.bincount(votes.task * raters + votes.rater).max() > 1:
        every = np.arange(tasks)
        return every, every, np.ones(tasks)
    digits = (votes.label + 1) * float(base) ** votes.rater
    key = np.bincount(votes.task, digits, minlength=tasks)
    _, first, back, weights = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    return first, back, weights.astype(np.float64)
